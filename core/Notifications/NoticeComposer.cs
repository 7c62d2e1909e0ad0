using System.Text.Json;
using Serverless.Core.Datasets;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;

namespace Serverless.Core.Notifications;

/// <summary>Events into notices, with what the workspace knows of them.</summary>
sealed class NoticeComposer(string workspace, IObjectStore store, TimeProvider time)
{
    private readonly RunStore runs = new(store);
    private readonly FiringStore firings = new(store);

    /// <summary>Null when there is nothing to tell: what it was about is gone, or it is not what the event says any more.</summary>
    public async Task<Notice?> Compose(WorkspaceEvent happened, CancellationToken cancel) => happened switch
    {
        RunEnded ended => await runs.Load(ended.Run, cancel) is { Run: { State.IsTerminal: true } run } ? Of(run) : null,
        DatasetPublished published => Of(published),
        TriggerActed acted =>
            (await firings.Load(acted.Trigger, acted.Firing, cancel))?.Firing is { Outcome: not FiringOutcome.Pending } firing ? Of(firing) : null,
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
        var text = $"{run.Project}/{run.Experiment} v{run.Version} " +
            $"{CoreJson.Name(run.State)}{cause}{(CheckTally.Of(run) is { Failed: > 0 } tally ? $", {tally}" : "")}";
        return new(run.Id, type, run.Ended ?? time.GetUtcNow(), workspace, text) { Run = NoticeRun.Of(run) };
    }

    private Notice Of(DatasetPublished published) =>
        new($"{published.Dataset}:{published.Version}", WebhookEvents.DatasetPublished, time.GetUtcNow(), workspace,
            $"dataset {published.Dataset}:{published.Version} was published")
        {
            Dataset = new(published.Dataset, published.Version, published.Sha256),
        };

    private Notice Of(Firing firing)
    {
        var (project, experiment) = (NameIn(firing, "project"), NameIn(firing, "name"));
        var (type, outcome) = firing.Outcome switch
        {
            FiringOutcome.Submitted => (WebhookEvents.TriggerSubmitted,
                $"submitted {project}/{experiment}{(firing.Runs.All(run => run.Reused) ? ", which was there already" : "")}"),
            FiringOutcome.Stopped => (WebhookEvents.TriggerStopped, $"was stopped: {firing.Reason}"),
            _ => (WebhookEvents.TriggerFailed, $"failed: {string.Join("; ", firing.Problems)}"),
        };

        // A replay is told again.
        return new($"{firing.Id}-{firing.Replays}", type, firing.At, workspace,
            NoticeRun.Cut($"trigger {firing.Trigger} {outcome}, because of {firing.Event}")!)
        {
            Trigger = new(firing.Trigger, firing.Id, project, experiment, NoticeRun.Cut(outcome)!,
                [.. firing.Runs.Take(NoticeTrigger.MaxRuns).Select(run => run.Id)]),
        };
    }

    private static string? NameIn(Firing firing, string field) =>
        firing.Experiment is { ValueKind: JsonValueKind.Object } experiment && experiment.TryGetProperty(field, out var name)
            ? name.GetString()
            : null;
}
