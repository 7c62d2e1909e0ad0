namespace Serverless.Client;

/// <summary>What became of one of the spec's checks when the run ended.</summary>
/// <param name="Range">As the spec has it; see <see cref="CheckRange"/>.</param>
/// <param name="Value">The metric's last value; null: the run has no such metric, and the check failed.</param>
public sealed record CheckOutcome(string Metric, string Range, double? Value, bool Passed);

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
