using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Events;

/// <summary>What is done by the clock: once a minute what crashes and the bus left undone, once a day forgetting what is past its time.</summary>
public sealed class TendingFunctions(ApiKeys keys, WorkspaceDirectory workspaces, DeadWakes deadWakes)
{
    [Function("Tend")]
    public async Task Tend([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel)
    {
        foreach (var name in await keys.Workspaces(cancel)) await workspaces.Open(name).Queue.Tend(cancel);
    }

    [Function("TendDatasets")]
    public async Task TendDatasets([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel)
    {
        foreach (var name in await keys.Workspaces(cancel)) await workspaces.Open(name).DatasetPublishing.Tend(cancel);
    }

    [Function("EndDeadWakes")]
    public Task EndDeadWakes([TimerTrigger("30 * * * * *")] TimerInfo timer, CancellationToken cancel) => deadWakes.EndRuns(cancel);

    [Function("Forget")]
    public async Task Forget([TimerTrigger("0 0 3 * * *")] TimerInfo timer, CancellationToken cancel)
    {
        foreach (var name in await keys.Workspaces(cancel)) await workspaces.Open(name).Submission.RemoveExpiredRequests(cancel);
    }
}
