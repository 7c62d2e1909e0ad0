namespace Serverless.Client;

/// <param name="Key">The secret itself, only in the answer that creates it.</param>
public sealed record ApiKeyInfo(string Id, string Name, Role Role, string Workspace, DateTimeOffset Created, string? Key = null);

/// <summary><c>GET /api/keys</c>, oldest first.</summary>
/// <param name="Damaged">Of which workspace they are is not known.</param>
public sealed record KeyList(IReadOnlyList<ApiKeyInfo> Keys, IReadOnlyList<DamagedRecord>? Damaged = null);
