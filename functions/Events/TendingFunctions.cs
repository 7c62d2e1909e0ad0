using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Events;

/// <summary>The sweep that does what crashes left undone.</summary>
public sealed class TendingFunctions(ApiKeys keys, WorkspaceDirectory workspaces)
{
    [Function("Tend")]
    public async Task Tend([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel)
    {
        foreach (var name in await keys.Workspaces(cancel)) await workspaces.Open(name).Queue.Tend(cancel);
    }
}
