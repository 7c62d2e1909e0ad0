using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

public enum RunDeletionOutcome
{
    Deleted,
    Missing,

    /// <summary>The run goes on: cancel it first.</summary>
    NotEnded,
}

/// <summary>Removes an ended run with everything that its attempts left. What was published to <c>data/</c> stays: it is the team's.</summary>
public sealed class RunDeletion(IObjectStore store, Submission submission)
{
    /// <summary>The record goes last, so that a deletion that was interrupted can be seen and done again.</summary>
    public async Task<RunDeletionOutcome> Delete(string runId, CancellationToken cancel = default)
    {
        if (await new RunStore(store).Load(runId, cancel) is not { } loaded) return RunDeletionOutcome.Missing;
        if (!loaded.Run.State.IsTerminal) return RunDeletionOutcome.NotEnded;
        await submission.Release(loaded.Run, cancel);
        await foreach (var stored in store.List(WorkspacePaths.AttemptsOf(runId), cancel: cancel)) await store.Delete(stored.Key, cancel: cancel);
        await store.Delete(WorkspacePaths.ActiveRun(runId), cancel: cancel);
        await store.Delete(WorkspacePaths.Run(runId), cancel: cancel);
        return RunDeletionOutcome.Deleted;
    }
}
