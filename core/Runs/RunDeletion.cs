using System.Text.Json;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

public enum RunDeletionOutcome
{
    Deleted,
    Missing,

    /// <summary>The run goes on: cancel it first.</summary>
    NotEnded,
}

/// <summary>Removes an ended run with everything that its attempts left. What was published to <c>data/</c> stays: it is the team's.</summary>
public sealed class RunDeletion(IObjectStore store)
{
    /// <summary>The record goes last, so that a deletion that was interrupted can be seen and done again.</summary>
    public async Task<RunDeletionOutcome> Delete(string runId, CancellationToken cancel = default)
    {
        if (await new RunStore(store).Load(runId, cancel) is not { } loaded) return RunDeletionOutcome.Missing;
        if (!loaded.Run.State.IsTerminal) return RunDeletionOutcome.NotEnded;
        await ForgetKey(loaded.Run, cancel);
        await foreach (var stored in store.List(WorkspacePaths.AttemptsOf(runId), cancel: cancel)) await store.Delete(stored.Key, cancel: cancel);
        await store.Delete(WorkspacePaths.ActiveRun(runId), cancel: cancel);
        await store.Delete(WorkspacePaths.Run(runId), cancel: cancel);
        return RunDeletionOutcome.Deleted;
    }

    /// <summary>The run key is free again, unless it already names another run.</summary>
    private async Task ForgetKey(RunRecord run, CancellationToken cancel)
    {
        var key = WorkspacePaths.Key(run.Key);
        if (await store.Get(key, cancel: cancel) is not { } content) return;
        if (content.Json<JsonElement>().TryGetProperty("run", out var named) && named.ValueEquals(run.Id)) await store.Delete(key, content.Object.ETag, cancel);
    }
}
