using System.Text.Json;

namespace Serverless.Client;

/// <summary>What changed between two versions of an experiment (<c>GET …/diff</c>).</summary>
/// <param name="Changes">In the definition, by path (<c>params.lr</c>, <c>seeds</c>), in ordinal order.</param>
/// <param name="Files">In the code, in order of path; empty when the tree is the same, or a snapshot is no longer there.</param>
public sealed record VersionDiff(
    int From, int To, string? FromCommit, string? ToCommit, IReadOnlyList<VersionChange> Changes, IReadOnlyList<FileChange> Files);

/// <param name="From">Null: was not there.</param>
/// <param name="To">Null: is no longer there.</param>
public sealed record VersionChange(string Path, JsonElement? From, JsonElement? To);
