using Microsoft.Extensions.Logging;
using Serverless.Core.Lineage;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Deletion;

/// <summary>Removes an ended run with everything that its attempts left. What was published to <c>data/</c> stays: it is the team's.</summary>
public sealed class RunDeletion(IObjectStore store, Submission submission, RunQueue queue, LineageReader lineage, ILogger? log = null)
{
    /// <summary>The record goes last, so that a deletion that was interrupted can be seen and done again.</summary>
    /// <param name="force">Also when others came from it.</param>
    public async Task<DeletionResult> Delete(string runId, bool force = false, CancellationToken cancel = default)
    {
        if (await new RunStore(store).Load(runId, cancel) is not { Run: var run, Now: var now }) return new DeletionResult.Missing();
        if (!run.State.IsTerminal) return new DeletionResult.NotEnded();
        if (!force && await lineage.DependentsOf(run, cancel) is { Any: true } dependents) return new DeletionResult.Needed(dependents);
        await SendOutstanding(run, now, cancel);
        await submission.Release(run, cancel);
        await foreach (var stored in store.List(WorkspacePaths.AttemptsOf(runId), cancel: cancel)) await store.Delete(stored.Key, cancel: cancel);
        await new LineageIndex(store).Forget(run, cancel);
        await new RunStore(store).Delete(runId, cancel);
        log?.RunDeleted(run.Id, run.Project, run.Experiment);
        return new DeletionResult.Deleted();
    }

    /// <summary>
    /// Its end may not have been told yet, and whoever hears of it later finds nothing: so what it
    /// publishes is published now, and then it is told, before anything goes.
    /// </summary>
    private async Task SendOutstanding(RunRecord run, DateTimeOffset now, CancellationToken cancel)
    {
        await new Publication(store).Publish(run.Id, cancel);
        if ((await store.Head(WorkspacePaths.ActiveRun(run.Id), cancel)).Value is not null) await queue.SendOutstanding(run, now, cancel);
    }
}
