namespace Serverless.Bench;

/// <summary>Samples of one measure, in one unit.</summary>
sealed class Spread(IEnumerable<double> samples)
{
    private readonly double[] sorted = [.. samples.Order()];

    public int Count => sorted.Length;
    public double Median => At(0.5);
    public double P95 => At(0.95);
    public double Min => sorted[0];
    public double Max => sorted[^1];

    /// <summary>The smallest sample that at least this share of the samples does not exceed.</summary>
    public double At(double share) => sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
}
