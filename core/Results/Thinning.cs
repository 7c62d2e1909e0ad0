using Serverless.Core.Api;

namespace Serverless.Core.Results;

/// <summary>Makes a long series short without hiding its spikes.</summary>
public static class Thinning
{
    /// <summary>
    /// First and last point, and between them the minimum and the maximum of equal stretches, in their order. NaN is neither, unless a stretch has nothing else.
    /// </summary>
    /// <param name="most">At least 4.</param>
    public static IReadOnlyList<MetricValue> MinMax(IReadOnlyList<MetricValue> points, int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 4);
        if (points.Count <= most) return points;
        var inner = points.Count - 2;
        var stretches = (most - 2) / 2;
        var kept = new List<MetricValue>(most) { points[0] };
        for (var stretch = 0; stretch < stretches; stretch++)
        {
            var start = 1 + (int)((long)inner * stretch / stretches);
            var end = 1 + (int)((long)inner * (stretch + 1) / stretches);
            int min = start, max = start;
            for (var i = start + 1; i < end; i++)
            {
                if (points[i].Value < points[min].Value || double.IsNaN(points[min].Value)) min = i;
                if (points[i].Value > points[max].Value || double.IsNaN(points[max].Value)) max = i;
            }

            kept.Add(points[Math.Min(min, max)]);
            if (min != max) kept.Add(points[Math.Max(min, max)]);
        }

        kept.Add(points[^1]);
        return kept;
    }
}
