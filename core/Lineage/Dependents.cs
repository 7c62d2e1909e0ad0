namespace Serverless.Core.Lineage;

/// <summary>What would lose something if a thing were deleted.</summary>
public sealed record Dependents(IReadOnlyList<LineageNode> Nodes)
{
    internal const int Shown = 5;

    public bool Any => Nodes.Count > 0;

    /// <summary>Runs and datasets of a graph.</summary>
    /// <param name="except">Name of what is to be deleted.</param>
    internal static Dependents In(LineageGraph graph, string except) =>
        new([.. graph.Nodes.Where(node => node is { Kind: LineageKind.Run or LineageKind.Dataset, State: not "deleted" } && node.Name != except)]);

    /// <summary>One line for people: what depends on the thing, and how to delete it nevertheless.</summary>
    public string Refusal(string what)
    {
        var named = Nodes.Take(Shown).Select(node => node.Kind == LineageKind.Run ? $"run {node.Name} ({node.Label})" : $"dataset {node.Name}");
        var more = Nodes.Count > Shown ? " and more" : "";
        return $"others came from {what}: {string.Join(", ", named)}{more}; nothing was deleted, force deletes it all the same";
    }
}
