namespace Serverless.Core.Metrics;

/// <summary>
/// Makes a long series short while it is read, without hiding its spikes: first and last point, and between them the minimum and the
/// maximum of equal stretches, in their order. NaN is neither, unless a stretch has nothing else. When there are too many stretches, each
/// becomes one with its neighbour.
/// </summary>
public sealed class Downsampler
{
    /// <summary>Least and greatest of so many points one after the other, with their places in the series.</summary>
    internal readonly record struct Stretch(long MinAt, MetricValue Min, long MaxAt, MetricValue Max);

    private readonly List<Stretch> stretches = [];
    private int most;
    private long width = 1;
    private long inLast;
    private MetricValue first;
    private MetricValue last;

    /// <param name="most">Points to keep, at least 4; a series that is not longer keeps all.</param>
    public Downsampler(int most) => Shrink(most);

    /// <summary>One that has read a series, as it would be had it kept so many from the beginning.</summary>
    internal Downsampler(in SeriesEnds ends, long width, IReadOnlyCollection<Stretch> kept, int most)
    {
        (Total, NaNs, first, last, this.width) = (ends.Total, ends.NaNs, ends.First, ends.Last, width);
        stretches.AddRange(kept);
        inLast = Math.Max(0, Total - 2) - (Math.Max(0, stretches.Count - 1) * width);
        Shrink(most);
    }

    /// <summary>What is known of a series beside its stretches.</summary>
    internal readonly record struct SeriesEnds(long Total, long NaNs, MetricValue First, MetricValue Last);

    internal SeriesEnds Ends => new(Total, NaNs, first, last);

    /// <summary>Points of a stretch; the last one may have fewer. 1: nothing is left out.</summary>
    internal long Width => width;

    /// <summary>Of all points but the first and the last.</summary>
    internal IReadOnlyList<Stretch> Stretches => stretches;

    /// <summary>Points that were added.</summary>
    public long Total { get; private set; }

    /// <summary>Of them, those that are not a number.</summary>
    public long NaNs { get; private set; }

    /// <summary>Points that are kept, at most.</summary>
    public int Held => 2 + (width == 1 ? stretches.Count : 2 * stretches.Count);

    public void Add(in MetricValue point)
    {
        var at = Total++;
        if (double.IsNaN(point.Value)) NaNs++;
        if (at == 0) first = point;
        if (at > 1) AddInner(at - 1, last);
        last = point;
    }

    /// <summary>Keeps fewer from now on.</summary>
    public void Shrink(int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 4);
        this.most = most;
        while (stretches.Count > Room()) Halve();
    }

    /// <summary>What is kept of the points so far.</summary>
    public IReadOnlyList<MetricValue> Points()
    {
        if (Total == 0) return [];
        var points = new List<MetricValue>(Held) { first };
        foreach (var stretch in stretches)
        {
            points.Add(stretch.MinAt < stretch.MaxAt ? stretch.Min : stretch.Max);
            if (stretch.MinAt != stretch.MaxAt) points.Add(stretch.MinAt < stretch.MaxAt ? stretch.Max : stretch.Min);
        }

        if (Total > 1) points.Add(last);
        return points;
    }

    /// <summary>Whether a series of so many points, in stretches of this width, has too many of them.</summary>
    internal static bool IsThinnedFurther(long total, long width, int most) => (total - 3) / width + 1 > Room(width, most) && total > 2;

    private int Room() => Room(width, most);

    // A stretch of one point is one point; a longer one may be two.
    private static int Room(long width, int most) => width == 1 ? most - 2 : (most - 2) / 2;

    private void AddInner(long at, in MetricValue point)
    {
        var alone = new Stretch(at, point, at, point);
        if (stretches.Count > 0 && inLast < width)
        {
            stretches[^1] = Join(stretches[^1], alone);
            inLast++;
            return;
        }

        stretches.Add(alone);
        inLast = 1;
        while (stretches.Count > Room()) Halve();
    }

    private void Halve()
    {
        var pairs = stretches.Count / 2;
        for (var i = 0; i < pairs; i++) stretches[i] = Join(stretches[2 * i], stretches[(2 * i) + 1]);
        if (stretches.Count % 2 == 1) stretches[pairs] = stretches[^1];
        else inLast += width;
        stretches.RemoveRange((stretches.Count + 1) / 2, stretches.Count / 2);
        width *= 2;
    }

    private static Stretch Join(in Stretch a, in Stretch b)
    {
        var (minAt, min) = b.Min.Value < a.Min.Value || double.IsNaN(a.Min.Value) ? (b.MinAt, b.Min) : (a.MinAt, a.Min);
        var (maxAt, max) = b.Max.Value > a.Max.Value || double.IsNaN(a.Max.Value) ? (b.MaxAt, b.Max) : (a.MaxAt, a.Max);
        return new(minAt, min, maxAt, max);
    }
}
