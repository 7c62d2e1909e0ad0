using System.Runtime.CompilerServices;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Lineage;

/// <summary>
/// One step along the lineage: from a run or a dataset's version to those next to it, with the files between them. What something came from is in its
/// own record; what came of it is asked from the index, and each mark's record has the last word.
/// </summary>
internal sealed class LineageSteps(IObjectStore store, DatasetCatalog datasets)
{
    private readonly RunStore runs = new(store);
    private readonly LineageIndex index = new(store);

    /// <returns>What it came from.</returns>
    public async Task<IReadOnlyCollection<LineageTarget>> Backward(LineageBuilder graph, LineageTarget of, CancellationToken cancel)
    {
        var found = new HashSet<LineageTarget>();
        if (of.Run is not { } id)
        {
            if (await datasets.Sound(of.Dataset, of.Number, cancel) is not { } version) return found;
            await MadeOf(graph, version, only: null, found, cancel);
            return found;
        }

        if (await runs.Sound(id, cancel) is not { } run) return found;
        var node = graph.Add(run);
        if (run.Spec.From is { } from)
        {
            graph.Connect(await AddRun(graph, from.Run, cancel), node, LineageRelation.Checkpoint, LineageBuilder.Step(from));
            found.Add(new(from.Run));
        }

        foreach (var dataset in run.Spec.Datasets)
        {
            if (await datasets.Sound(dataset.Name, dataset.Number, cancel) is not { } version) continue;
            graph.Connect(graph.Add(version), node, LineageRelation.Input);
            found.Add(new(null, dataset.Name, dataset.Number));
        }

        await Inputs(graph, run, only: null, found, cancel);
        if (run.Origin is { } origin) await Cause(graph, run, origin, found, cancel);
        return found;
    }

    /// <returns>What came of it.</returns>
    public async Task<IReadOnlyCollection<LineageTarget>> Forward(LineageBuilder graph, LineageTarget of, CancellationToken cancel)
    {
        var found = new HashSet<LineageTarget>();
        if (of.Run is not { } id)
        {
            await foreach (var target in index.FromDataset(of.Dataset, of.Number, cancel))
            {
                if (target.Run is null || await runs.Sound(target.Run, cancel) is not { } user) continue;
                var name = $"{of.Dataset}:{of.Number}";
                if (user.Spec.Datasets.Any(dataset => $"{dataset}" == name)) Connect(LineageBuilder.DatasetNode(name), user, LineageRelation.Input);
                if (user.Origin is { } origin && origin.Dataset == name)
                {
                    Connect(LineageBuilder.DatasetNode(name), user, LineageRelation.Triggered, origin.Trigger);
                }
            }

            return found;
        }

        var node = LineageBuilder.RunNode(id);
        await foreach (var target in index.FromRun(id, cancel))
        {
            if (target.Run is null || await runs.Sound(target.Run, cancel) is not { } next) continue;
            if (next.Spec.From is { } from && from.Run == id) Connect(node, next, LineageRelation.Checkpoint, LineageBuilder.Step(from));
            if (next.Origin is { } origin && origin.Run == id) Connect(node, next, LineageRelation.Triggered, origin.Trigger);
            if (!next.Spec.Inputs.Any(input => input.Key is not null && input.Run == id)) continue;
            await Inputs(graph, next, only: id, [], cancel);
            found.Add(target);
        }

        await Published(graph, id, found, cancel);
        return found;

        void Connect(string cause, RunRecord next, LineageRelation relation, string? detail = null)
        {
            graph.Connect(cause, graph.Add(next), relation, detail);
            found.Add(new(next.Id));
        }
    }

    /// <summary>
    /// Runs and datasets that read the files as they are now, and runs that one of them set off: a run that did both is there twice.
    /// </summary>
    public async IAsyncEnumerable<(LineageTarget User, LineageRelation Relation, string? Detail)> UsersOf(
        CurrentFiles files, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var target in index.FromFolders(files.Folders, cancel))
        {
            if (target.Run is { } id)
            {
                if (await runs.Sound(id, cancel) is not { } run) continue;
                if (await files.AnyIsRead(run, cancel)) yield return (target, LineageRelation.Input, null);
                if (files.HasTriggerFileOf(run)) yield return (target, LineageRelation.Triggered, run.Origin!.Trigger);
            }
            else if (await datasets.Sound(target.Dataset, target.Number, cancel) is { Deleted: null, Folder: { } folder } version
                && await files.AnyIsIn(version, LineageIndex.FolderOf(folder), cancel))
            {
                yield return (target, LineageRelation.MadeOf, null);
            }
        }
    }

    public async Task<string> Add(LineageBuilder graph, LineageTarget target, CancellationToken cancel)
    {
        if (target.Run is { } run) return await AddRun(graph, run, cancel);
        return await datasets.Sound(target.Dataset, target.Number, cancel) is { } version
            ? graph.Add(version)
            : LineageBuilder.DatasetNode($"{target.Dataset}:{target.Number}");
    }

    public async Task<string> AddRun(LineageBuilder graph, string id, CancellationToken cancel)
    {
        var read = await runs.Read(id, cancel);
        return read.Found is { Record: var run } ? graph.Add(run) : graph.AddUnknown(id, read.IsMissing ? "deleted" : "damaged");
    }

    /// <summary>Files that the run published, those that somebody read first.</summary>
    private async Task Published(LineageBuilder graph, string id, HashSet<LineageTarget> found, CancellationToken cancel)
    {
        if (await runs.Sound(id, cancel) is not { State: RunState.Succeeded, Outputs: { } outputs } publisher
            || (await store.Read<OutputManifest>(outputs, cancel)).Found is not { } read)
        {
            return;
        }

        var not = (publisher.Unpublished ?? []).Select(file => file.Path).ToHashSet(StringComparer.Ordinal);
        var unread = read.Record.Data.Where(file => !not.Contains(file.Path))
            .ToDictionary(file => WorkspacePaths.Data + file.Path, file => file.Sha256, StringComparer.Ordinal);
        if (unread.Count == 0) return;
        await foreach (var target in index.FromFolders(unread.Keys.Select(LineageIndex.FolderOf).ToHashSet(StringComparer.Ordinal), cancel))
        {
            if (target.Run is { } user)
            {
                if (await runs.Sound(user, cancel) is not { } run || !run.Spec.Inputs.Any(input => input.Run == id)) continue;
                await Inputs(graph, run, only: id, [], cancel);
                foreach (var input in run.Spec.Inputs) unread.Remove(input.Path);
            }
            else
            {
                if (await datasets.Sound(target.Dataset, target.Number, cancel) is not { Folder: { } folder } version
                    || !version.Files.Any(file => file.Run == id))
                {
                    continue;
                }

                await MadeOf(graph, version, only: id, [], cancel);
                foreach (var file in version.Files) unread.Remove(LineageIndex.FolderOf(folder) + file.Path);
            }

            found.Add(target);
        }

        foreach (var folder in unread.GroupBy(file => LineageIndex.FolderOf(file.Key)))
        {
            graph.Connect(LineageBuilder.RunNode(id),
                graph.AddFiles(folder.Key, id, [.. folder.Select(file => (file.Key[folder.Key.Length..], file.Value))]), LineageRelation.Published);
        }
    }

    /// <param name="only">Files that this run published; null: all.</param>
    private async Task Inputs(LineageBuilder graph, RunRecord run, string? only, HashSet<LineageTarget> found, CancellationToken cancel)
    {
        foreach (var files in run.Spec.Inputs.Where(input => only is null || input.Run == only)
            .GroupBy(input => (Folder: LineageIndex.FolderOf(input.Path), input.Run, IsArtifact: input.Key is not null)))
        {
            var node = graph.AddFiles(
                files.Key.Folder, files.Key.Run, [.. files.Select(file => (file.Path[files.Key.Folder.Length..], file.Sha256))]);
            graph.Connect(node, graph.Add(run), LineageRelation.Input);
            if (files.Any(file => IsTriggerEvent(run.Origin, file)))
            {
                graph.Connect(node, graph.Add(run), LineageRelation.Triggered, run.Origin!.Trigger);
            }

            await Publisher(graph, files.Key.Run, node, files.Key.IsArtifact ? LineageRelation.Artifact : LineageRelation.Published, found, cancel);
        }
    }

    private async Task MadeOf(LineageBuilder graph, DatasetVersion version, string? only, HashSet<LineageTarget> found, CancellationToken cancel)
    {
        if (version.Folder is not { } source) return;
        var root = LineageIndex.FolderOf(source);
        foreach (var files in version.Files.Where(file => only is null || file.Run == only)
            .GroupBy(file => (Folder: LineageIndex.FolderOf(root + file.Path), file.Run)))
        {
            var node = graph.AddFiles(
                files.Key.Folder, files.Key.Run, [.. files.Select(file => ((root + file.Path)[files.Key.Folder.Length..], file.Sha256))]);
            graph.Connect(node, graph.Add(version), LineageRelation.MadeOf);
            await Publisher(graph, files.Key.Run, node, LineageRelation.Published, found, cancel);
        }
    }

    private async Task Publisher(
        LineageBuilder graph, string? run, string files, LineageRelation how, HashSet<LineageTarget> found, CancellationToken cancel)
    {
        if (run is null) return;
        graph.Connect(await AddRun(graph, run, cancel), files, how);
        found.Add(new(run));
    }

    private async Task Cause(LineageBuilder graph, RunRecord run, RunOrigin origin, HashSet<LineageTarget> found, CancellationToken cancel)
    {
        var node = graph.Add(run);
        if (origin.Run is { } cause)
        {
            graph.Connect(await AddRun(graph, cause, cancel), node, LineageRelation.Triggered, origin.Trigger);
            found.Add(new(cause));
        }
        else if (origin.Dataset is { } published && DatasetReference.Parse(published) is { Number: { } number } reference)
        {
            graph.Connect(await Add(graph, new(null, reference.Name, number), cancel), node, LineageRelation.Triggered, origin.Trigger);
            found.Add(new(null, reference.Name, number));
        }
        else if (run.Spec.Inputs.Any(input => IsTriggerEvent(origin, input)))
        {
            // The file is there, as an input.
        }
        else if (origin.File is { } file)
        {
            graph.Connect(
                graph.AddNode(new($"file:{file}@{origin.FileETag}", LineageKind.File, file)), node, LineageRelation.Triggered, origin.Trigger);
        }
        else
        {
            graph.Connect(
                graph.AddNode(new($"trigger:{origin.Trigger}", LineageKind.Trigger, origin.Trigger, "schedule")), node, LineageRelation.Triggered);
        }
    }

    private static bool IsTriggerEvent(RunOrigin? origin, InputRef file) =>
        origin is { Run: null, File: { } path, FileETag: { } etag } && file.Key is null && file.Path == path && ETags.AreEqual(file.ETag, etag);
}
