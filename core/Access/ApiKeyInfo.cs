using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Access;

/// <param name="Key">The secret itself, only in the answer that creates it.</param>
public sealed record ApiKeyInfo(string Id, string Name, Access.Role Role, string Workspace, DateTimeOffset Created, string? Key = null) : IRecord
{
    string? IRecord.Problem(string key) => Id.Length == 0 ? "it has no id" : WorkspaceName.Problem(Workspace) is null ? null : "it names no workspace";
}

/// <summary><c>GET /api/keys</c>, oldest first.</summary>
/// <param name="Damaged">Of which workspace they are is not known.</param>
public sealed record KeyList(IReadOnlyList<ApiKeyInfo> Keys, IReadOnlyList<DamagedRecord>? Damaged = null);
