using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>One thing that happened, as receivers get it; the same at every try.</summary>
/// <param name="Id">Identifies what happened, not the request: a receiver that has seen it need not act again.</param>
/// <param name="Type">One of <see cref="WebhookEvents"/>.</param>
/// <param name="Text">One line for people.</param>
public sealed record Notice(string Id, string Type, DateTimeOffset Timestamp, string Workspace, string Text)
{
    public NoticeRun? Run { get; init; }

    public NoticeDataset? Dataset { get; init; }

    public NoticeTrigger? Trigger { get; init; }

    [JsonIgnore]
    public string? Project => Run?.Project ?? Trigger?.Project;

    [JsonIgnore]
    public string? Experiment => Run?.Experiment ?? Trigger?.Experiment;
}

/// <param name="Seconds">From the first claim to the end; null when no worker ever had it.</param>
/// <param name="Metrics">Last values of the most telling ones, at most <see cref="MaxMetrics"/>.</param>
public sealed record NoticeRun(
    string Id, string Project, string Experiment, int Version, RunState State, Cause? Cause, string? Message, double? Seconds,
    IReadOnlyDictionary<string, JsonElement> Params, IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<string> Tags, string? SubmittedBy,
    string? Trigger)
{
    public const int MaxMetrics = 20, MaxParams = 20, MaxChecks = 20, MaxText = 1000;

    /// <summary>How many more the run has, at least.</summary>
    public int MetricsLeftOut { get; init; }

    /// <summary>How many more the run has.</summary>
    public int ParamsLeftOut { get; init; }

    /// <summary>Those that failed first, at most <see cref="MaxChecks"/>.</summary>
    public IReadOnlyList<CheckOutcome> Checks { get; init; } = [];

    /// <summary>Of all its checks; null: it has none.</summary>
    public CheckTally? CheckTally { get; init; }
}

/// <param name="Sha256">Hash of its paths and contents.</param>
public sealed record NoticeDataset(string Name, int Version, string Sha256);

/// <param name="Outcome">In words: what was submitted, or why nothing was.</param>
/// <param name="Project">Of the experiment that it submits; null when its references could not be filled in.</param>
/// <param name="Runs">What it submitted, at most <see cref="MaxRuns"/>.</param>
public sealed record NoticeTrigger(string Name, string Firing, string? Project, string? Experiment, string Outcome, IReadOnlyList<string> Runs)
{
    public const int MaxRuns = 8;
}

/// <summary>A notice that a webhook did not take, for people to send again.</summary>
/// <param name="Id">Of the delivery, which is also the <c>webhook-id</c> of its requests.</param>
/// <param name="Reason">What the last try came to.</param>
public sealed record Undelivered(string Id, Notice Notice, int Attempts, string Reason, DateTimeOffset At);
