using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.Core.Notifications;

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
/// <param name="MetricsLeftOut">How many more the run has, at least.</param>
/// <param name="ParamsLeftOut">How many more the run has.</param>
/// <param name="Checks">Those that failed first, at most <see cref="MaxChecks"/>.</param>
/// <param name="CheckTally">Of all its checks; null: it has none.</param>
public sealed record NoticeRun(
    string Id, string Project, string Experiment, int Version, RunState State, Cause? Cause, string? Message, double? Seconds,
    IReadOnlyDictionary<string, JsonElement> Params, IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<string> Tags, string? SubmittedBy, string? Trigger)
{
    public const int MaxMetrics = 20, MaxParams = 20, MaxChecks = 20, MaxText = 1000;

    public int MetricsLeftOut { get; init; }
    public int ParamsLeftOut { get; init; }
    public IReadOnlyList<CheckOutcome> Checks { get; init; } = [];
    public CheckTally? CheckTally { get; init; }

    /// <summary>Bounded, because a message on a queue is.</summary>
    public static NoticeRun Of(RunRecord run)
    {
        var all = ParamPath.Flat(run.Spec.Params).ToList();
        var parameters = all.Where(param => param.Value.GetRawText().Length <= MaxText).OrderBy(param => param.Key, StringComparer.Ordinal).Take(MaxParams).ToDictionary();
        var (metrics, leftOut) = MetricOrder.Of(run.Spec).Select(run.Metrics, MaxMetrics);
        var seconds = run is { Started: { } began, Ended: { } ended } ? (ended - began).TotalSeconds : (double?)null;
        return new(
            run.Id, run.Project, run.Experiment, run.Version, run.State, run.Cause, Cut(run.Message), seconds, parameters, metrics, run.Tags, run.SubmittedBy, run.Origin?.Trigger)
        {
            MetricsLeftOut = leftOut + run.MetricsLeftOut,
            ParamsLeftOut = all.Count - parameters.Count,
            Checks = [.. run.Checks.OrderBy(check => check.Passed).Take(MaxChecks)],
            CheckTally = CheckTally.Of(run),
        };
    }

    public static string? Cut(string? text) => text is null ? null : Excerpt.Of(text, MaxText);
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
