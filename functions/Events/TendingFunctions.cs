using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Events;

/// <summary>What is done by the clock: once a minute what crashes left undone, once a day forgetting what is past its time.</summary>
public sealed class TendingFunctions(ApiKeys keys, WorkspaceDirectory workspaces)
{
    [Function("Tend")]
    public Task Tend([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel) => Each(workspace => workspace.Queue.Tend(cancel), cancel);

    [Function("TendDatasets")]
    public Task TendDatasets([TimerTrigger("0 * * * * *")] TimerInfo timer, CancellationToken cancel) =>
        Each(workspace => workspace.DatasetPublishing.Tend(cancel), cancel);

    [Function("Forget")]
    public Task Forget([TimerTrigger("0 0 3 * * *")] TimerInfo timer, CancellationToken cancel) =>
        Each(workspace => workspace.Submission.RemoveExpiredRequests(cancel), cancel);

    // One workspace that cannot be tended keeps no other from it.
    private async Task Each(Func<Workspace, Task> tend, CancellationToken cancel)
    {
        var failures = new List<Exception>();
        foreach (var name in await keys.Workspaces(cancel))
        {
            try
            {
                await tend(workspaces.Open(name));
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                failures.Add(e);
            }
        }

        if (failures.Count > 0) throw new AggregateException(failures);
    }
}
