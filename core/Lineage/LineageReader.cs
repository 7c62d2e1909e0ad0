using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.Core.Lineage;

/// <summary>What runs, files and datasets came from, and what came of them.</summary>
public sealed class LineageReader(IObjectStore store, DatasetCatalog datasets)
{
    /// <summary>Nodes of one answer.</summary>
    private const int MostNodes = 500;

    private readonly LineageSteps steps = new(store, datasets);

    /// <summary>A run with its causes and effects, causes of its causes and so on.</summary>
    /// <param name="depth">How many runs or datasets away, at least 1.</param>
    public Task<LineageGraph> Of(RunRecord run, int depth, CancellationToken cancel = default)
    {
        var graph = new LineageBuilder();
        return Both(graph, graph.Add(run), depth, new(run.Id), cancel);
    }

    public Task<LineageGraph> Of(DatasetVersion version, int depth, CancellationToken cancel = default)
    {
        var graph = new LineageBuilder();
        return Both(graph, graph.Add(version), depth, new(null, version.Name, version.Number), cancel);
    }

    /// <summary>A file as it is now, or a folder with the files that are in it now. Null: there is none.</summary>
    public async Task<LineageGraph?> Of(string path, int depth, CancellationToken cancel = default)
    {
        if (await CurrentFiles.Read(store, path, cancel) is not { } files) return null;
        var graph = new LineageBuilder();
        var root = graph.AddNode(new($"file:{path}", LineageKind.File, path, files.Count == 1 ? null : $"{files.Count} files", "kept"));
        foreach (var publisher in files.Publishers)
        {
            var run = await steps.AddRun(graph, publisher, cancel);
            graph.Connect(run, root, LineageRelation.Published);
            await Traverse(graph, new(publisher), depth - 1, steps.Backward, cancel);
        }

        await foreach (var (user, relation, detail) in steps.UsersOf(files, cancel))
        {
            graph.Connect(root, await steps.Add(graph, user, cancel), relation, detail);
            await Traverse(graph, user, depth - 1, steps.Forward, cancel);
            if (IsFull(graph)) break;
        }

        return graph.Graph(root);
    }

    /// <summary>Makes the index again from the records.</summary>
    public Task<int> Rebuild(CancellationToken cancel = default) => new LineageIndex(store).Rebuild(datasets, cancel);

    /// <summary>Makes it if it is not there, or never was: until then nobody can say that nothing came of a thing.</summary>
    public Task MakeWhole(CancellationToken cancel = default) => new LineageIndex(store).MakeWhole(datasets, cancel);

    /// <summary>What depends on a run directly: it would no longer be known where that came from.</summary>
    public async Task<Dependents> DependentsOf(RunRecord run, CancellationToken cancel = default)
    {
        await MakeWhole(cancel);
        var graph = new LineageBuilder();
        await steps.Forward(graph, new(run.Id), cancel);
        return Dependents.In(graph.Graph(LineageBuilder.RunNode(run.Id)), except: run.Id);
    }

    public async Task<Dependents> DependentsOf(DatasetVersion version, CancellationToken cancel = default)
    {
        await MakeWhole(cancel);
        var graph = new LineageBuilder();
        await steps.Forward(graph, new(null, version.Name, version.Number), cancel);
        return Dependents.In(graph.Graph(LineageBuilder.DatasetNode($"{version}")), except: $"{version}");
    }

    /// <summary>Runs that read the file as it is now. Datasets have copies of their own.</summary>
    public async Task<Dependents> DependentsOf(string path, CancellationToken cancel = default)
    {
        await MakeWhole(cancel);
        var graph = new LineageBuilder();
        if (await CurrentFiles.Read(store, path, cancel) is { } files)
        {
            await foreach (var (user, _, _) in steps.UsersOf(files, cancel))
            {
                if (user.Run is not null) await steps.Add(graph, user, cancel);
                if (graph.Count > Dependents.Shown) break;
            }
        }

        return Dependents.In(graph.Graph(path), except: path);
    }

    private async Task<LineageGraph> Both(LineageBuilder graph, string root, int depth, LineageTarget start, CancellationToken cancel)
    {
        await Traverse(graph, start, depth, steps.Backward, cancel);
        await Traverse(graph, start, depth, steps.Forward, cancel);
        return graph.Graph(root);
    }

    /// <summary>Breadth first in one direction, so that what is near is there when the answer is full.</summary>
    private static async Task Traverse(
        LineageBuilder graph, LineageTarget start, int depth,
        Func<LineageBuilder, LineageTarget, CancellationToken, Task<IReadOnlyCollection<LineageTarget>>> step, CancellationToken cancel)
    {
        var seen = new HashSet<LineageTarget> { start };
        var edge = new List<LineageTarget> { start };
        for (var away = 0; away < depth && edge.Count > 0; away++)
        {
            var next = new List<LineageTarget>();
            foreach (var target in edge)
            {
                if (IsFull(graph)) return;
                next.AddRange((await step(graph, target, cancel)).Where(seen.Add));
            }

            edge = next;
        }

        if (edge.Count > 0) graph.Cut |= depth > 0;
    }

    private static bool IsFull(LineageBuilder graph) => graph.Count >= MostNodes && (graph.Cut = true);
}
