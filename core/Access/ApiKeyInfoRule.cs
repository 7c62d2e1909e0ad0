using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Access;

sealed class ApiKeyInfoRule : IRecordRule<ApiKeyInfo>
{
    public string? Problem(ApiKeyInfo record, string key) =>
        record.Id.Length == 0 ? "it has no id" : WorkspaceName.Problem(record.Workspace) is null ? null : "it names no workspace";
}
