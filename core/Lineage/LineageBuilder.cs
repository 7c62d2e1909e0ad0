using System.Globalization;
using Serverless.Core.Code;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;

namespace Serverless.Core.Lineage;

/// <summary>Nodes and edges as they are found, each once. Nothing is read here.</summary>
internal sealed class LineageBuilder
{
    private readonly Dictionary<string, LineageNode> nodes = new(StringComparer.Ordinal);
    private readonly HashSet<LineageEdge> edges = [];

    public int Count => nodes.Count;

    public bool Cut { get; set; }

    public LineageGraph Graph(string root) => new(root, [.. nodes.Values], [.. edges], Cut);

    public string AddNode(LineageNode node)
    {
        // What is known of a node's own record is more than what its neighbours say of it.
        if (!nodes.TryGetValue(node.Id, out var known) || (known.State is null && node.State is not null)) nodes[node.Id] = node;
        return node.Id;
    }

    public void Connect(string from, string to, LineageRelation relation, string? detail = null) => edges.Add(new(from, to, relation, detail));

    public string Add(RunRecord run) => AddNode(NodeOf(run));

    /// <param name="state">Why nothing is known of it.</param>
    public string AddUnknown(string runId, string state) => AddNode(new(RunNode(runId), LineageKind.Run, "run", State: state));

    public string Add(DatasetVersion version) => AddNode(NodeOf(version));

    /// <summary>The files of one folder that came from one run, or from nobody known.</summary>
    /// <param name="run">The run that published them. Part of the node: two runs may have published the same
    /// bytes to the same place, and one of them may have read them there.</param>
    /// <param name="files">At least one.</param>
    public string AddFiles(string folder, string? run, IReadOnlyList<(string Name, string Sha256)> files)
    {
        var path = files is [var only] ? folder + only.Name : folder;
        var hash = files is [var one] ? one.Sha256 : CodeTree.Hash(files.Select(file => new CodeFileFact(file.Name, 0, file.Sha256)));
        return AddNode(
            new($"file:{path}@{hash[..Math.Min(12, hash.Length)]}{(run is null ? "" : $"~{run}")}", LineageKind.File, path,
                files.Count == 1 ? null : $"{files.Count} files"));
    }

    public static LineageNode NodeOf(RunRecord run) => new(
        RunNode(run.Id), LineageKind.Run, run.Experiment,
        $"v{run.Version} {run.Spec.Command}{(run.Spec.Code.Commit is { } commit ? $" @ {commit[..Math.Min(8, commit.Length)]}" : "")}",
        CoreJson.Name(run.State));

    public static LineageNode NodeOf(DatasetVersion version)
    {
        var from = version.Folder is not null ? "" : version.By is { } by ? $", sent by {by}" : ", sent";
        return new(DatasetNode($"{version}"), LineageKind.Dataset, $"{version}",
            $"{version.Files.Count} {(version.Files.Count == 1 ? "file" : "files")}{from}", version.Deleted is null ? "kept" : "deleted");
    }

    public static string RunNode(string runId) => $"run:{runId}";

    public static string DatasetNode(string reference) => $"dataset:{reference}";

    public static string Step(FromRef from) => string.Create(CultureInfo.InvariantCulture, $"step {from.Step}");
}
