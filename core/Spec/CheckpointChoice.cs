using System.Globalization;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>
/// Which of a run's checkpoints: <c>last</c>; a step; <c>max:METRIC</c> or <c>min:METRIC</c> by the values that it had at the save; or <c>best</c>,
/// which is
/// max or min of the first metric that the run's experiment checks (a lower bound asks for max, an upper one for min), else of the first of
/// <c>val/accuracy</c>, <c>accuracy</c> (max), <c>val/loss</c>, <c>loss</c> (min) that the checkpoints have.
/// </summary>
public abstract record CheckpointChoice
{
    /// <summary>What to write, for messages.</summary>
    public const string Wanted = "last, best, a step, max:METRIC or min:METRIC";

    private static readonly ByMetric[] Customary =
    [
        new("val/accuracy", Highest: true), new("accuracy", Highest: true), new("val/loss", Highest: false), new("loss", Highest: false),
    ];

    private CheckpointChoice() { }

    public sealed record Last : CheckpointChoice;

    public sealed record Best : CheckpointChoice;

    public sealed record AtStep(long Step) : CheckpointChoice;

    public sealed record ByMetric(string Metric, bool Highest) : CheckpointChoice;

    public static CheckpointChoice? Parse(string text) => text switch
    {
        "last" => new Last(),
        "best" => new Best(),
        _ when text.Any(char.IsControl) => null,
        _ when text.Length > 4 && text.StartsWith("max:", StringComparison.Ordinal) => new ByMetric(text[4..], Highest: true),
        _ when text.Length > 4 && text.StartsWith("min:", StringComparison.Ordinal) => new ByMetric(text[4..], Highest: false),
        _ => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? new AtStep(step) : null,
    };

    /// <param name="checks">Of the run's experiment: metric → range.</param>
    /// <returns>The checkpoint, or why there is none.</returns>
    public (CheckpointRef? Checkpoint, string? Problem) From(RunRecord run, IReadOnlyDictionary<string, string> checks)
    {
        var all = run.Checkpoints;
        if (all.Count == 0) return (null, $"run {run.Id} has no checkpoint" + (run.State.IsTerminal ? "" : " yet; it has not ended"));
        switch (this)
        {
            case Last:
                return (run.Head ?? all[^1], null);
            case AtStep at:
                return all.LastOrDefault(checkpoint => checkpoint.Step == at.Step) is { } found
                    ? (found, null)
                    : (null, $"run {run.Id} has no checkpoint of step {at.Step}; it has " +
                        $"{Listed(all.Select(checkpoint => checkpoint.Step.ToString(CultureInfo.InvariantCulture)))}");
            case ByMetric by:
                return Extreme(all, by) is { } extreme
                    ? (extreme, null)
                    : (null, $"no checkpoint of run {run.Id} has a value of {by.Metric}; {Values(all)}");
            default:
                foreach (var metric in checks.Select(Checked).OfType<ByMetric>().Concat(Customary))
                {
                    if (Extreme(all, metric) is { } best) return (best, null);
                }

                return (null, $"which checkpoint of run {run.Id} is best cannot be told; say max:METRIC or min:METRIC. {Values(all)}");
        }
    }

    private static ByMetric? Checked(KeyValuePair<string, string> check) => CheckRange.Parse(check.Value) switch
    {
        { AtLeast: not null, AtMost: null } => new(check.Key, Highest: true),
        { AtLeast: null, AtMost: not null } => new(check.Key, Highest: false),
        _ => null,
    };

    private static CheckpointRef? Extreme(IReadOnlyList<CheckpointRef> all, ByMetric by)
    {
        var with = all.Where(checkpoint => checkpoint.Values.TryGetValue(by.Metric, out var value) && !double.IsNaN(value));
        return by.Highest ? with.MaxBy(checkpoint => checkpoint.Values[by.Metric]) : with.MinBy(checkpoint => checkpoint.Values[by.Metric]);
    }

    private static string Values(IReadOnlyList<CheckpointRef> all)
    {
        var names = all.SelectMany(checkpoint => checkpoint.Values.Keys).Distinct().Order(StringComparer.Ordinal).ToList();
        return names.Count == 0 ? "they have no metric values" : $"they have {Listed(names)}";
    }

    private static string Listed(IEnumerable<string> names)
    {
        var all = names.ToList();
        return string.Join(", ", all.Take(12)) + (all.Count > 12 ? $", … ({all.Count} in all)" : "");
    }
}
