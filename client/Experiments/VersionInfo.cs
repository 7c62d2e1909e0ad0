namespace Serverless.Client;

public sealed record VersionInfo(int Number, string Hash, string Tree, string? Commit, DateTimeOffset Created, string? By);

/// <summary><c>GET /api/projects/{project}/experiments/{experiment}/versions</c>, newest first.</summary>
/// <param name="Damaged">Their numbers stay taken. Those whose records are lost are among them.</param>
public sealed record VersionList(IReadOnlyList<VersionInfo> Versions, IReadOnlyList<DamagedRecord>? Damaged = null);
