namespace Serverless.Bench;

/// <summary>One line of the table.</summary>
/// <param name="What">What was measured, in words.</param>
/// <param name="Unit">Of all its values: ms, runs/s, ns, %.</param>
/// <param name="High">How its spread is shown: the name and share of a high percentile for
/// times; null for rates, which show their least and greatest.</param>
/// <param name="Baseline">What one would otherwise pick, measured in the same run; null when nothing compares.</param>
sealed record Row(string What, string Unit, Samples Ours, (string Name, double Share)? High = null, Baseline? Baseline = null, Target? Target = null)
{
    public static (string, double) P95 => ("p95", 0.95);
    public static (string, double) P99 => ("p99", 0.99);
}

sealed record Baseline(string What, Samples Theirs);

/// <summary>What the median should be: at most a value, or at least one.</summary>
sealed record Target(double Value, bool AtLeast = false)
{
    public bool IsMet(double median) => AtLeast ? median >= Value : median <= Value;

    public override string ToString() => $"{(AtLeast ? "≥" : "≤")} {Value.ToString("#,0.##", System.Globalization.CultureInfo.InvariantCulture)}";
}
