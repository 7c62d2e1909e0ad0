using System.Diagnostics;

namespace Serverless.Bench;

/// <summary>Samples of one measure, in one unit.</summary>
sealed class Samples
{
    private readonly double[] sorted;

    /// <param name="difference">Whether the samples compare two figures: only then one may be zero or less.</param>
    /// <exception cref="ImpossibleFigureException">A sample cannot be right, or there is none.</exception>
    public Samples(IEnumerable<double> samples, bool difference = false)
    {
        sorted = [.. samples.Order()];
        if (sorted.Length == 0) throw new ImpossibleFigureException("nothing was measured");
        foreach (var sample in sorted)
        {
            if (!double.IsFinite(sample) || (!difference && sample <= 0)) throw new ImpossibleFigureException($"measured {sample:R}");
        }
    }

    /// <summary>Milliseconds that each of so many calls took.</summary>
    public static async Task<Samples> Timed(int count, Func<Task> act)
    {
        var times = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await act();
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return new(times);
    }

    public int Count => sorted.Length;
    public double Median => At(0.5);
    public double P95 => At(0.95);
    public double Min => sorted[0];
    public double Max => sorted[^1];

    /// <summary>The smallest sample that at least this share of the samples does not exceed.</summary>
    public double At(double share) => sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
}
