namespace Serverless.Core.Runs;

/// <summary>What became of one of the spec's checks when the run ended.</summary>
/// <param name="Range">As the spec has it; see <see cref="CheckRange"/>.</param>
/// <param name="Value">The metric's last value; null: the run has no such metric, and the check failed.</param>
public sealed record CheckOutcome(string Metric, string Range, double? Value, bool Passed)
{
    /// <summary>By metric.</summary>
    public static IReadOnlyList<CheckOutcome> Of(IReadOnlyDictionary<string, string> checks, IReadOnlyDictionary<string, double> metrics) =>
        [.. checks.OrderBy(check => check.Key, StringComparer.Ordinal).Select(check => metrics.TryGetValue(check.Key, out var value)
            ? new CheckOutcome(check.Key, check.Value, value, CheckRange.Parse(check.Value)?.Contains(value) == true)
            : new CheckOutcome(check.Key, check.Value, null, Passed: false))];
}

/// <summary>How many of a run's checks passed and failed.</summary>
public sealed record CheckTally(int Passed, int Failed)
{
    /// <summary>Null when the run has no outcomes: nothing was to be checked, or it has not ended.</summary>
    public static CheckTally? Of(RunRecord run) =>
        run.Checks.Count == 0 ? null : new(run.Checks.Count(check => check.Passed), run.Checks.Count(check => !check.Passed));

    public override string ToString() => (Passed, Failed) switch
    {
        (1, 0) => "1 check passed",
        (_, 0) => $"all {Passed} checks passed",
        (0, 1) => "1 of 1 check failed",
        _ => $"{Failed} of {Passed + Failed} checks failed",
    };
}
