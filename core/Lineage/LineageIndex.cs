using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Lineage;

/// <summary>
/// What may have come of a run, a version of a dataset or a folder: one empty object for each pair, <c>index/lineage/{from}/{to}</c>, put before what
/// it leads to exists. Records say what something came from; this answers the question the other way round without reading all of them. A mark
/// promises nothing: its reader asks the record that it leads to. All marks follow from the records and can be made again.
/// </summary>
public sealed class LineageIndex(IObjectStore store)
{
    /// <summary>Folders that one run or version is marked under; beyond it, folders above them.</summary>
    private const int MostFolders = 16;

    /// <summary>Before the record of a new run.</summary>
    public async Task Mark(string runId, RunSpec spec, RunOrigin? origin, CancellationToken cancel = default)
    {
        foreach (var from in SourcesOf(spec, origin).Distinct(StringComparer.Ordinal)) await Mark(from, OfRun(runId), cancel);
    }

    /// <summary>Before a new version of a dataset.</summary>
    public async Task Mark(DatasetVersion version, CancellationToken cancel = default)
    {
        foreach (var from in SourcesOf(version)) await Mark(from, OfDataset(version.Name, version.Number), cancel);
    }

    /// <summary>Takes away the marks that lead to a run that is being deleted.</summary>
    public async Task Forget(RunRecord run, CancellationToken cancel = default)
    {
        foreach (var from in SourcesOf(run.Spec, run.Origin)) await store.Delete(WorkspacePaths.LineageMark(from, OfRun(run.Id)), cancel: cancel);
    }

    public IAsyncEnumerable<LineageTarget> FromRun(string runId, CancellationToken cancel = default) => From(OfRun(runId), cancel);

    public IAsyncEnumerable<LineageTarget> FromDataset(string name, int number, CancellationToken cancel = default) =>
        From(OfDataset(name, number), cancel);

    /// <summary>What may have read files in any of the folders, each once.</summary>
    /// <param name="folders">Keys that end in '/'; folders above and below which the files may be named are looked at as well.</param>
    public async IAsyncEnumerable<LineageTarget> FromFolders(
        IEnumerable<string> folders, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel = default)
    {
        var seen = new HashSet<LineageTarget>();
        foreach (var folder in folders.SelectMany(Above).Distinct(StringComparer.Ordinal))
        {
            await foreach (var target in From(OfFolder(folder), cancel))
            {
                if (seen.Add(target)) yield return target;
            }
        }
    }

    /// <summary>
    /// For those who count on what the index does not have: makes it when it is missing, as after somebody deleted it, or restored a workspace
    /// without it.
    /// </summary>
    public async Task MakeWhole(DatasetCatalog datasets, CancellationToken cancel = default)
    {
        if ((await store.Head(WorkspacePaths.LineageIsWhole, cancel)).Value is null) await Rebuild(datasets, cancel);
    }

    /// <summary>
    /// Marks for every record of the workspace: after one was restored without its index, or filled by an earlier version of this program.
    /// </summary>
    /// <returns>How many records were read.</returns>
    public async Task<int> Rebuild(DatasetCatalog datasets, CancellationToken cancel = default)
    {
        var read = 0;
        await foreach (var stored in store.List(WorkspacePaths.Runs, cancel: cancel))
        {
            if (WorkspacePaths.RunIdOf(stored.Key) is not { } id || await new RunStore(store).Sound(id, cancel) is not { } run) continue;
            await Mark(id, run.Spec, run.Origin, cancel);
            read++;
        }

        await foreach (var info in datasets.Versions(cancel: cancel))
        {
            if (await datasets.Sound(info.Name, info.Number, cancel) is not { } version) continue;
            await Mark(version, cancel);
            read++;
        }

        await store.Put(WorkspacePaths.LineageIsWhole, [], cancel: cancel);
        return read;
    }

    private async Task Mark(string from, string to, CancellationToken cancel) =>
        await store.Put(WorkspacePaths.LineageMark(from, to), [], PutCondition.IfAbsent, cancel: cancel);

    private async IAsyncEnumerable<LineageTarget> From(
        string source, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var marks = WorkspacePaths.LineageMark(source, "");
        if (store.Obstacle(marks) is { } obstacle) throw new DamagedRecordException(new(marks.TrimEnd('/'), obstacle));
        await foreach (var mark in store.List(marks, cancel: cancel))
        {
            if (Target(mark.Key[(mark.Key.LastIndexOf('/') + 1)..]) is { } target) yield return target;
        }
    }

    private static IEnumerable<string> SourcesOf(RunSpec spec, RunOrigin? origin)
    {
        if (spec.From is { } checkpoint) yield return OfRun(checkpoint.Run);
        foreach (var dataset in spec.Datasets) yield return OfDataset(dataset.Name, dataset.Number);
        foreach (var folder in Folders(spec.Inputs.Where(input => input.Key is null).Select(input => input.Path))) yield return OfFolder(folder);
        foreach (var left in spec.Inputs.Where(input => input.Key is not null).Select(input => input.Run).OfType<string>()) yield return OfRun(left);
        if (origin?.Run is { } run) yield return OfRun(run);
        if (origin?.File is { } file) yield return OfFolder(FolderOf(file));
        if (origin?.Dataset is { } published && DatasetReference.Parse(published) is { Number: { } number } version)
        {
            yield return OfDataset(version.Name, number);
        }
    }

    private static IEnumerable<string> SourcesOf(DatasetVersion version) =>
        version.Folder is { } folder ? Folders(version.Files.Select(file => FolderOf(folder) + file.Path)).Select(OfFolder) : [];

    /// <summary>The folders of some files, up to <see cref="MostFolders"/>: many become those above them.</summary>
    private static IReadOnlyCollection<string> Folders(IEnumerable<string> files)
    {
        var folders = files.Select(FolderOf).ToHashSet(StringComparer.Ordinal);
        while (folders.Count > MostFolders)
        {
            folders = [.. folders.Select(folder => folder.Length > WorkspacePaths.Data.Length ? FolderOf(folder[..^1]) : folder)];
        }

        return folders;
    }

    /// <summary>The folder and all above it, down to <c>data/</c>.</summary>
    private static IEnumerable<string> Above(string folder)
    {
        for (var end = folder.Length; end > 0; end = folder.LastIndexOf('/', end - 2) + 1) yield return folder[..end];
    }

    /// <summary>With '/' at its end.</summary>
    internal static string FolderOf(string path) => path[..(path.LastIndexOf('/') + 1)];

    private static string OfRun(string runId) => $"run-{runId}";

    private static string OfDataset(string name, int number) => $"dataset-{name}-{number:D6}";

    private static string OfFolder(string folder) => $"folder-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(folder)))[..32]}";

    private static LineageTarget? Target(string name)
    {
        if (name.StartsWith("run-", StringComparison.Ordinal)) return new(name["run-".Length..]);
        var end = name.LastIndexOf('-');
        return name.StartsWith("dataset-", StringComparison.Ordinal)
            && int.TryParse(name[(end + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new(null, name["dataset-".Length..end], number)
            : null;
    }
}

/// <summary>What a mark leads to: a run, or a version of a dataset.</summary>
public readonly record struct LineageTarget(string? Run, string Dataset = "", int Number = 0);
