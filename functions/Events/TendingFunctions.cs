using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Platform;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.Functions.Events;

/// <summary>
/// What is done by the clock: once a minute what crashes and the bus left undone, every ten minutes the index of runs, once a day forgetting what is
/// past its time.
/// </summary>
public sealed class TendingFunctions(ApiKeys keys, WorkspaceDirectory workspaces, DeadLetteredWakes deadWakes, DamageNotices notices)
{
    [Function("Tend")]
    public Task Tend([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, workspace => workspace.Queue.Tend(cancel), cancel);

    [Function("TendDatasets")]
    public Task TendDatasets([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, workspace => workspace.DatasetPublishing.Tend(cancel), cancel);

    [Function("TendIndex")]
    public Task TendIndex([TimerTrigger("0 */10 * * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, workspace => workspace.Index.Tend(cancel), cancel);

    [Function("ReconcileIndex")]
    public Task ReconcileIndex([TimerTrigger("0 45 3 * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, async workspace =>
        {
            await workspace.Index.Reconcile(cancel);
            await workspace.Lineage.MakeWhole(cancel);
        }, cancel);

    [Function("EndDeadWakes")]
    public Task EndDeadWakes([TimerTrigger("30 * * * * *")] TimerInfo timer, CancellationToken cancel) => deadWakes.EndRuns(cancel);

    [Function("Forget")]
    public Task Forget([TimerTrigger("0 0 3 * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, workspace => workspace.Submission.RemoveExpiredRequests(cancel), cancel);

    [Function("SweepContents")]
    public Task SweepContents([TimerTrigger("0 30 3 * * *")] TimerInfo timer, CancellationToken cancel) =>
        workspaces.Each(keys, notices, workspace => workspace.DatasetDeletion.Sweep(cancel), cancel);
}
