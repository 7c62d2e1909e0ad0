using Serverless.Core.Events;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Notifications;

/// <summary>Events into notices, with what the workspace knows of them.</summary>
sealed class NoticeComposer(Workspace workspace, TimeProvider time)
{
    /// <summary>Null when there is nothing to tell: what it was about is gone, or it is not what the event says any more.</summary>
    public async Task<Notice?> Compose(WorkspaceEvent happened, CancellationToken cancel) => happened switch
    {
        RunEnded ended => await workspace.Runs.Load(ended.Run, cancel) is { Run: { State.IsTerminal: true } run } ? Of(run) : null,
        DatasetPublished published => Of(published),
        _ => null,
    };

    private Notice Of(RunRecord run)
    {
        var type = run.State switch
        {
            RunState.Succeeded => WebhookEvents.RunSucceeded,
            RunState.Cancelled => WebhookEvents.RunCancelled,
            _ => WebhookEvents.RunFailed,
        };
        var cause = run.Cause is { } why && run.State == RunState.Failed ? $" ({CoreJson.Name(why)})" : "";
        var text = $"{run.Project}/{run.Experiment} v{run.Version} {CoreJson.Name(run.State)}{cause}";
        return new(run.Id, type, run.Ended ?? time.GetUtcNow(), workspace.Name, text) { Run = NoticeRun.Of(run) };
    }

    private Notice Of(DatasetPublished published) =>
        new($"{published.Dataset}:{published.Version}", WebhookEvents.DatasetPublished, time.GetUtcNow(), workspace.Name, $"dataset {published.Dataset}:{published.Version} was published")
        {
            Dataset = new(published.Dataset, published.Version, published.Sha256),
        };
}
