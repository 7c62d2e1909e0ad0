using Serverless.Core.Code;
using Serverless.Core.Datasets;
using Serverless.Core.Lineage;
using Serverless.Core.Messaging;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Publishing;

/// <summary>
/// Makes versions: contents → note that it is to be told → marks of its lineage → the version, put if absent → its number is given for good → event.
/// Whoever loses the race for a number reads what won and decides again, so numbers have no gaps and one content has one living version. Safe to
/// repeat after a failure at any point.
/// </summary>
public sealed class DatasetPublishing(string workspace, IObjectStore store, IMessageBus bus, IIds ids, DatasetCatalog catalog)
{
    /// <summary>Files of a version; beyond it a folder is better packed into archives.</summary>
    public const int MaxFiles = 100_000;

    private const int CopyingDegree = 4;

    /// <summary>A note without a version is a publication in progress, or one that died; after this it is the latter.</summary>
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);

    private readonly ContentHashes hashes = new(store);
    private readonly LineageIndex lineage = new(store);

    public ContentStore Contents { get; } = new(store);

    /// <summary>Publishes what lies below <c>data/</c>: a file, or a folder with everything in it.</summary>
    public async Task<PublishResult> Publish(string name, string path, string? by, CancellationToken cancel = default)
    {
        if (SpecRules.NameProblem(name) is { } unnamed) return new PublishResult.Refused(unnamed);
        if (WorkspaceFiles.Problem(path.TrimEnd('/')) is { } problem) return new PublishResult.Refused($"'{path}': {problem}");
        var (folder, found) = await Below(path, cancel);
        if (found.Count == 0) return new PublishResult.Refused($"there is nothing at {path} in the workspace; see: exp files ls");
        if (found.Count > MaxFiles) return new PublishResult.Refused($"{path} has more than {MaxFiles} files; pack them into archives");

        var files = new DatasetFile?[found.Count];
        var stored = await Stored(name, cancel);
        string? changed = null;
        var several = new ParallelOptions { MaxDegreeOfParallelism = CopyingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(found.Index(), several, async (item, stop) =>
        {
            var (i, file) = item;
            if (await hashes.Of(file, stop) is { } read && read.ETag == file.ETag && await Copy(file, read.Sha256, stored, stop))
            {
                files[i] = new(file.Key[folder.Length..], read.Sha256, read.LengthBytes, read.Run);
            }
            else
            {
                changed = file.Key;
            }
        });
        changed ??= Difference(found, (await Below(path, cancel)).Files);
        if (changed is not null)
        {
            return new PublishResult.Changed($"{changed} changed while it was being published; publish again when nobody writes there");
        }

        return await Commit(name, [.. files.OfType<DatasetFile>()], found is [{ Key: var only }] && only == path ? path : folder, by, cancel);
    }

    /// <summary>Publishes files whose contents were sent before; those that were not are answered.</summary>
    public async Task<PublishResult> Publish(string name, IReadOnlyList<DatasetFile> files, string? by, CancellationToken cancel = default)
    {
        if (SpecRules.NameProblem(name) is { } unnamed) return new PublishResult.Refused(unnamed);
        if (Problem(files) is { } problem) return new PublishResult.Refused(problem);
        var stored = await Stored(name, cancel);
        var missing = new System.Collections.Concurrent.ConcurrentBag<string>();
        var several = new ParallelOptions { MaxDegreeOfParallelism = 2 * CopyingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(files.Select(file => file.Sha256).Distinct(), several, async (sha256, stop) =>
        {
            if (!await Contents.Hold(sha256, stored.Contains(sha256), stop)) missing.Add(sha256);
        });

        // Who published a file is what this workspace knows; a sender cannot say it.
        return missing.IsEmpty
            ? await Commit(name, [.. files.Select(file => file with { Run = null })], folder: null, by, cancel)
            : new PublishResult.Missing([.. missing.Order(StringComparer.Ordinal)]);
    }

    /// <summary>Once a minute: tells about versions whose publisher died before it could. Every function is told at least once.</summary>
    /// <returns>How many were told.</returns>
    public async Task<int> Tend(CancellationToken cancel = default)
    {
        var told = 0;
        await foreach (var note in store.List(WorkspacePaths.UntoldDatasets, cancel: cancel))
        {
            if (WorkspacePaths.UntoldDatasetOf(note.Key) is not var (name, number)) continue;
            if (await catalog.Sound(name, number, cancel) is { } version)
            {
                await Tell(version.Name, version.Number, version.Sha256, cancel);
                told++;
            }
            else if ((await store.Head(note.Key, cancel)).Now - note.Modified > AbandonedAfter)
            {
                await store.Delete(note.Key, note.ETag, cancel);
            }
        }

        return told;
    }

    private async Task<PublishResult> Commit(string name, IReadOnlyList<DatasetFile> files, string? folder, string? by, CancellationToken cancel)
    {
        files = [.. files.OrderBy(file => file.Path, CodeTree.Order)];
        var sha256 = CodeTree.Hash(files.Select(file => new CodeFileFact(file.Path, file.LengthBytes, file.Sha256)));
        while (true)
        {
            var highest = await catalog.HighestGiven(name, cancel);
            DatasetVersionInfo? same = null;
            await foreach (var entry in catalog.Entries(name, cancel))
            {
                highest = Math.Max(highest, entry.Number);
                if (entry.Info is { IsDeleted: false } version && version.Sha256 == sha256) same ??= version;
            }

            if (same is not null)
            {
                // Its publisher may have died just before it told.
                if ((await store.Head(WorkspacePaths.UntoldDataset(name, same.Number), cancel)).Value is not null)
                {
                    await Tell(name, same.Number, sha256, cancel);
                }

                return new PublishResult.Published(same, IsNew: false);
            }

            var noted = await store.Put(WorkspacePaths.UntoldDataset(name, highest + 1), [], cancel: cancel);
            var made = new DatasetVersion(name, highest + 1, sha256, noted.Now, by, folder, files);
            var info = DatasetVersionInfo.Of(made);
            await lineage.Mark(made, cancel);
            if (!(await store.PutJson(
                WorkspacePaths.DatasetVersion(name, made.Number), made, PutCondition.IfAbsent, info.ToMetadata(), cancel)).Stored)
            {
                continue;
            }

            await Tell(name, made.Number, sha256, cancel);
            return new PublishResult.Published(info, IsNew: true);
        }
    }

    private async Task Tell(string name, int number, string sha256, CancellationToken cancel)
    {
        await store.Put(WorkspacePaths.GivenNumber(name, number), [], PutCondition.IfAbsent, cancel: cancel);
        await bus.Publish(QueueNames.Events, new DatasetPublished(workspace, name, number, sha256).ToMessage(ids), cancel);
        await store.Delete(WorkspacePaths.UntoldDataset(name, number), cancel: cancel);
    }

    /// <summary>Contents of the dataset's living versions: they stay for longer than a publication may take.</summary>
    private async Task<HashSet<string>> Stored(string name, CancellationToken cancel)
    {
        var (latest, _) = await catalog.Find(new(name), cancel);
        return latest is not null && await catalog.Sound(name, latest.Number, cancel) is { Deleted: null } version
            ? [.. version.Files.Select(file => file.Sha256)]
            : [];
    }

    /// <returns>False when the file is no longer what was hashed.</returns>
    private async Task<bool> Copy(StoredObject file, string sha256, HashSet<string> stored, CancellationToken cancel)
    {
        if (await Contents.Hold(sha256, stored.Contains(sha256), cancel)) return true;
        await using var reading = await store.Open(file.Key, cancel: cancel);
        if (reading?.Object.ETag != file.ETag) return false;
        try
        {
            await Contents.Put(sha256, reading.Body, cancel);
            return true;
        }
        catch (ContentMismatchException)
        {
            return false;
        }
    }

    private async Task<(string Folder, List<StoredObject> Files)> Below(string path, CancellationToken cancel)
    {
        if (!path.EndsWith('/') && (await store.Head(path, cancel)).Value is { } file) return (path[..(path.LastIndexOf('/') + 1)], [file]);
        var (folder, files) = (path.TrimEnd('/') + "/", new List<StoredObject>());
        await foreach (var below in store.List(folder, cancel: cancel))
        {
            files.Add(below);
            if (files.Count > MaxFiles) break;
        }

        return (folder, files);
    }

    /// <summary>A file that came, went or became another version.</summary>
    private static string? Difference(List<StoredObject> before, List<StoredObject> now)
    {
        var known = before.ToDictionary(file => file.Key, file => file.ETag, StringComparer.Ordinal);
        foreach (var file in now)
        {
            if (!known.Remove(file.Key, out var etag) || etag != file.ETag) return file.Key;
        }

        return known.Keys.FirstOrDefault();
    }

    private static string? Problem(IReadOnlyList<DatasetFile> files)
    {
        if (files.Count == 0) return "a dataset has at least one file";
        if (files.Count > MaxFiles) return $"{files.Count} files, at most {MaxFiles}; pack them into archives";
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            if (file is not { Path: not null, Sha256.Length: 64, LengthBytes: >= 0 } || !file.Sha256.All(char.IsAsciiHexDigitLower))
            {
                return $"'{file?.Path}': expected path, sha256 (64 hexadecimal digits in lower case) and lengthBytes";
            }

            if (ObjectKey.Problem(file.Path) is { } problem) return $"'{file.Path}': {problem}";
            if (!paths.Add(file.Path)) return $"'{file.Path}' is there twice";
        }

        // On a disk a name is a file or a folder.
        foreach (var path in paths)
        {
            for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            {
                if (paths.Contains(path[..slash])) return $"'{path[..slash]}' is a file, and '{path}' would lie below it";
            }
        }

        return null;
    }
}
