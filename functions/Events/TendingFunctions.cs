using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Events;

/// <summary>What is done by the clock: once a minute what crashes left undone, once a day forgetting what is past its time.</summary>
public sealed class TendingFunctions(ApiKeys keys, WorkspaceDirectory workspaces)
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

    [Function("Forget")]
    public async Task Forget([TimerTrigger("0 0 3 * * *")] TimerInfo timer, CancellationToken cancel)
    {
        foreach (var name in await keys.Workspaces(cancel)) await workspaces.Open(name).Submission.RemoveExpiredRequests(cancel);
    }

    [Function("SweepContents")]
    public async Task SweepContents([TimerTrigger("0 30 3 * * *")] TimerInfo timer, CancellationToken cancel)
    {
        foreach (var name in await keys.Workspaces(cancel)) await workspaces.Open(name).DatasetDeletion.Sweep(cancel);
    }
}
