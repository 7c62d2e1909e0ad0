using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Serverless.Contract;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Prepare;

/// <summary>One attempt's folder on this machine; deleted when the attempt is over.</summary>
/// <param name="below">The worker's own folder, which is not made anew.</param>
/// <param name="log">Hears what was mounted in the folder, and stays.</param>
sealed class WorkFolder(OwnFolder below, string root, ILogger log) : IDisposable
{
    private readonly List<CacheEntry> kept = [];
    private readonly List<LinkedInput> linked = [];
    private SafeFileHandle? output;
    private bool said;

    public string Root => root;
    public string Code => Path.Combine(Root, "code");
    public string Inputs => Path.Combine(Root, "inputs");
    public string Output => Path.Combine(Root, "output");
    public string Temporary => Path.Combine(Root, "tmp");
    public string Home => Path.Combine(Root, "home");
    public string From => Path.Combine(Root, "from");
    public string Resume => Path.Combine(Root, "resume");
    public string Program => Path.Combine(Root, "program");
    public string Params => Path.Combine(Root, "params.json");

    /// <summary>
    /// The output folder itself, as the worker made it: code may move it, or what is above it, and put a link in its place. The '.' makes it a
    /// folder like any other to whoever follows no link.
    /// </summary>
    public string OutputItself => output is null ? Output : FormattableString.Invariant($"/proc/self/fd/{output.DangerousGetHandle()}/.");

    public string Checkpoints => Path.Combine(Output, ContractNames.Checkpoints);
    public string Artifacts => Path.Combine(Output, ContractNames.Artifacts);
    public string Data => Path.Combine(Output, ContractNames.Data);
    public string MetricsBinary => Path.Combine(Output, ContractNames.MetricsBinary);
    public string MetricsJsonl => Path.Combine(Output, ContractNames.MetricsJsonl);

    /// <summary>
    /// Goes on with the folder that has the output folder's name now: many programs begin by deleting it and making it again. What has the name and
    /// is no folder leads nowhere, and the one before stays.
    /// </summary>
    /// <returns>What is wrong, as the end of a sentence; null: nothing.</returns>
    public string? FindOutput()
    {
        if (output is null) return null;
        try
        {
            using var worker = PlainFolder.Open(below.Path);
            using var now = worker?.Folder(Path.GetRelativePath(below.Path, Output));
            if (now is null) return "the folder was deleted or moved away; what was not stored by then is lost";
            now.TakePlaceOf(output);
            return null;
        }
        catch (IOException wrong)
        {
            return $"the folder was replaced: {wrong.Message}; what was written through it since is left out";
        }
    }

    /// <summary>Keeps an entry of a cache from being removed for as long as this attempt lasts.</summary>
    /// <returns>Its folder.</returns>
    public string Keep(CacheEntry entry)
    {
        kept.Add(entry);
        return entry.Folder;
    }

    /// <summary>Remembers an input that the code could write to, and others have as well.</summary>
    public void Keep(LinkedInput input)
    {
        lock (linked) linked.Add(input);
    }

    /// <summary>What is no longer as it was when it was given to the attempt, of all that it shares with others; for people.</summary>
    public IReadOnlyList<string> Changes() =>
        [.. kept.Select(entry => entry.Changed()).Concat(linked.Select(input => input.Changed())).OfType<string>()];

    /// <summary>Begins anew.</summary>
    /// <exception cref="PreparationException">Something is mounted on the way to it, or on it.</exception>
    public WorkFolder Emptied()
    {
        Release();
        below.Check(Root);
        foreach (var folder in (string[])[Code, Inputs, Output, Temporary, Home, Checkpoints, Artifacts, Data]) NestedFolder.Make(below.Path, folder);
        output?.Dispose();
        output = OperatingSystem.IsLinux() ? FileCalls.Open(null, FileCalls.Bytes(Output), isFolder: true, follow: false, out _) : null;
        return this;
    }

    /// <summary>Deletes it, or a folder in it.</summary>
    public void Delete(string folder) => below.Delete(folder, SayOnce);

    public void Dispose()
    {
        output?.Dispose();
        Release();
    }

    private void Release()
    {
        Delete(Root);
        if (!said && Directory.Exists(Root))
        {
            said = true;
            log.NotRemoved(Root);
        }

        foreach (var entry in kept) entry.Dispose();
        kept.Clear();
        linked.Clear();
    }

    private void SayOnce(string line)
    {
        if (said) return;
        said = true;
        log.Mounted(line);
    }
}
