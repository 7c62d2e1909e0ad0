namespace Serverless.Core.Runs;

/// <summary>
/// Which metrics say most about a run, where there is no room for all: those that its spec names; what was measured on held-out data
/// (<c>val/*</c>, <c>test/*</c>, <c>eval/*</c>); accuracy, loss and their like; all others; and what the worker measured of the machine
/// last. Equal ones by name.
/// </summary>
public sealed class MetricOrder : IComparer<string>
{
    /// <summary>The worker's own measurements: not what an experiment is about.</summary>
    public const string MachinePrefix = "system/";

    private static readonly string[] HeldOut = ["val", "valid", "validation", "test", "eval"];
    private static readonly string[] Telling = ["accuracy", "acc", "loss", "error", "f1", "auc", "perplexity", "reward", "score"];
    private static readonly char[] Separators = ['/', '_', '.', '-'];

    private readonly HashSet<string> named;

    public MetricOrder(params IEnumerable<string> named) => this.named = [.. named];

    public static MetricOrder Of(RunSpec spec) => new(NamesIn(spec));

    public static MetricOrder Of(IEnumerable<RunRecord> runs) => new(runs.SelectMany(run => NamesIn(run.Spec)));

    public static bool IsOfMachine(string metric) => metric.StartsWith(MachinePrefix, StringComparison.Ordinal);

    /// <summary>Whether a metric of the machine can be among those that are asked for.</summary>
    /// <param name="patterns">With '*' for any characters; none: all are asked for.</param>
    public static bool MayNameMachine(IReadOnlyList<string> patterns) => patterns.Count == 0 || patterns.Any(pattern =>
    {
        var begins = pattern.AsSpan(0, pattern.IndexOf('*') is >= 0 and var star ? star : pattern.Length);
        return begins.StartsWith(MachinePrefix) || (begins.Length < pattern.Length && MachinePrefix.AsSpan().StartsWith(begins));
    });

    /// <summary>The spec asks about it.</summary>
    public bool IsNamed(string metric) => named.Contains(metric);

    public int Compare(string? x, string? y) => Rank(x!).CompareTo(Rank(y!)) is var rank and not 0 ? rank : string.CompareOrdinal(x, y);

    /// <summary>Those that say most, in order, and how many are left out.</summary>
    public (Dictionary<string, double> Kept, int LeftOut) Select(IReadOnlyDictionary<string, double> all, int most) => (
        new(all.OrderBy(metric => metric.Key, this).Take(most), StringComparer.Ordinal), Math.Max(0, all.Count - most));

    private int Rank(string metric)
    {
        if (named.Contains(metric)) return 0;
        if (IsOfMachine(metric)) return 5;
        var (first, last) = (metric.IndexOfAny(Separators), metric.LastIndexOfAny(Separators));
        var heldOut = first > 0 && HeldOut.Contains(metric[..first], StringComparer.OrdinalIgnoreCase);
        var telling = Telling.Contains(metric[(last + 1)..], StringComparer.OrdinalIgnoreCase);
        return (heldOut, telling) switch { (true, true) => 1, (true, false) => 2, (false, true) => 3, (false, false) => 4 };
    }

    private static IEnumerable<string> NamesIn(RunSpec spec) =>
        spec.Checkpoints.Best is { Metric: var best } ? spec.Checks.Keys.Append(best) : spec.Checks.Keys;
}
