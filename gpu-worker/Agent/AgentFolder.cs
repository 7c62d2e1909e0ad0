using System.Text;
using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// A living worker's own folder below the scratch folder. A lock file in it is held for as long as the worker's process is there, however that ends,
/// and says the mark of the processes that it
/// starts. So whoever starts next knows which folders have lost their worker, and can end and remove what it left. A mark names the lock file that it
/// stands in: in a copy of the folder nobody holds the lock, and yet the worker may be alive in the original.
/// </summary>
sealed class AgentFolder : IDisposable
{
    private const string LockName = "lock", Gone = ".gone-", MarkPrefix = Leftovers.Variable + "=";
    private static readonly TimeSpan StartPoll = TimeSpan.FromMilliseconds(20);

    private readonly FileStream held;

    private AgentFolder(FileStream held, string mark, OwnFolder itself) => (this.held, Mark, Itself) = (held, mark, itself);

    /// <summary>In the environment of every process that this worker starts, and of no other worker's.</summary>
    public string Mark { get; }

    /// <summary>As it is before any code of a run.</summary>
    public OwnFolder Itself { get; }

    /// <exception cref="SettingException">A worker of this name lives, or the scratch folder is none.</exception>
    public static async Task<AgentFolder> Take(AgentOptions options, IIds ids, TimeProvider time, ILogger log)
    {
        if (options.DataFolder is { } where && DataFolderLayout.Problems(where) is { Count: > 0 } problems)
        {
            throw new SettingException(string.Join("; ", problems));
        }

        try
        {
            // Started again where the platform's folder is gone, it does not make it anew.
            if (options.DataFolder is { } data
                && options.Scratch.StartsWith(data + Path.DirectorySeparatorChar, StringComparison.Ordinal)) NestedFolder.Make(data, options.Scratch);
            else Directory.CreateDirectory(options.Scratch);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new SettingException($"{options.Scratch} cannot be used as the folder for work and caches: {wrong.Message}", wrong);
        }

        // One after another: a folder that is just being taken must not look like one that has lost its worker.
        await using var starting = await LockFile.Wait(Path.Combine(options.Scratch, ".starting"), StartPoll, time, CancellationToken.None);
        var scratch = new OwnFolder(options.Scratch);
        if (scratch.MountOnTheWayTo(options.Folder) is { } mount)
        {
            throw new SettingException($"something is mounted on {mount}, the folder of this worker: unmount it, or give this worker another --id");
        }

        foreach (var folder in Directory.EnumerateDirectories(options.Scratch))
        {
            if (folder == options.Folder || Path.GetFileName(folder).StartsWith('.') || scratch.MountOnTheWayTo(folder) is not null) continue;
            Clear(folder, options.Scratch, ids, log);
        }

        var own = Take(options, ids, log);
        _ = Task.Run(() => DeleteGone(scratch, log));
        return own;
    }

    /// <summary>
    /// Why no run can be executed in it any more; null: nothing is wrong with it, or something is mounted over it, which a restart does not mend.
    /// </summary>
    public string? Problem =>
        FileIdentity.Of(held.Name) is { } now && now == FileIdentity.Of(held) || Itself.MountOnTheWayTo(Itself.Path) is not null
            ? null
            : $"{Itself.Path} was removed, moved or replaced";

    public void Dispose() => held.Dispose();

    private static AgentFolder Take(AgentOptions options, IIds ids, ILogger log)
    {
        NestedFolder.Make(options.Scratch, options.Folder);
        var held = LockFile.Try(Path.Combine(options.Folder, LockName))
            ?? throw new SettingException(
                $"a worker named {options.Id} is running on {options.DataFolder ?? options.Scratch}; give this one another --id");
        EndLeftovers(held, options.Id, log);
        foreach (var left in Directory.EnumerateDirectories(options.Folder)) Directory.Move(left, Path.Combine(options.Scratch, Gone + ids.Nonce()));
        var mark = $"{FileIdentity.Of(held)}:{ids.Nonce()}";
        held.SetLength(0);
        held.Write(Encoding.UTF8.GetBytes(MarkPrefix + mark));
        held.Flush();
        return new(held, mark, new(options.Folder));
    }

    // The scratch folder may hold other things: only what has the lock of a worker was a worker's.
    private static void Clear(string folder, string scratch, IIds ids, ILogger log)
    {
        try
        {
            var file = Path.Combine(folder, LockName);
            if (!File.Exists(file) || LockFile.Try(file) is not { } held) return;
            using (held)
            {
                if (MarkIn(held) is null) return;
                EndLeftovers(held, Path.GetFileName(folder), log);
                Directory.Move(folder, Path.Combine(scratch, Gone + ids.Nonce()));
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // Another user's, whose next worker can do it.
        }
    }

    // The lock that is held proves only that those are gone who held the same file before.
    private static void EndLeftovers(FileStream held, string worker, ILogger log)
    {
        if (MarkIn(held) is not { } mark || FileIdentity.Of(held) is not { } file || !mark.StartsWith($"{file}:", StringComparison.Ordinal)) return;
        var ended = Leftovers.End(mark);
        if (ended > 0) log.LeftoversEnded($"{ended} {(ended == 1 ? "process" : "processes")}", worker);
    }

    private static string? MarkIn(FileStream held)
    {
        using var reader = new StreamReader(held, Encoding.UTF8, leaveOpen: true);
        held.Position = 0;
        return reader.ReadToEnd() is { Length: > 0 } text && text.StartsWith(MarkPrefix, StringComparison.Ordinal) ? text[MarkPrefix.Length..] : null;
    }

    // Beside the work: it may be gigabytes.
    private static void DeleteGone(OwnFolder scratch, ILogger log)
    {
        try
        {
            foreach (var folder in Directory.EnumerateDirectories(scratch.Path, Gone + "*")) scratch.Delete(folder, log.Mounted);
        }
        catch (IOException)
        {
            // Another worker that has just started does the same. What is left then is left for the next start.
        }
    }
}
