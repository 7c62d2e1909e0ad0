using Serverless.Core.Metrics.Overviews;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Streams;

namespace Serverless.Core.Metrics;

/// <param name="Names">Patterns with '*'; empty: every metric.</param>
/// <param name="FromStep">Points before this step are left out; null: none.</param>
/// <param name="MaxPoints">Points per metric, at least 4; longer series are thinned (see <see cref="Downsampler"/>).</param>
public sealed record MetricsQuery(IReadOnlyList<string> Names, long? FromStep = null, int MaxPoints = 1000)
{
    /// <summary>Default: the run's own metrics. What is not asked for is not read.</summary>
    public IReadOnlyList<StreamKind> Streams { get; init; } = [StreamKind.Metrics];

    internal bool Wants(string name) => Names.Count == 0 || Names.Any(pattern => NamePattern.Matches(pattern, name));
}

/// <summary>
/// Reads a run's metrics. Whatever a run has logged, one reading holds at most <see cref="MaxHeld"/> points of at most
/// <see cref="MaxSeries"/> metrics, some 20 MB, and never a whole segment; of long ones a few go on at once.
/// </summary>
/// <param name="reads">Null: those of this process.</param>
public sealed class MetricsReader(IObjectStore store, LongReads? reads = null)
{
    public const int MaxHeld = 100_000, MaxSeries = 5000;

    /// <summary>Names that are remembered as not wanted, or as left out.</summary>
    private const int MaxNames = 10_000;

    private readonly LongReads reads = reads ?? LongReads.Shared;
    public CurveOverviews Overviews { get; } = new(store, reads);

    /// <summary>Series by name, their points in order of logging, thinned further than asked for where there is no room for as many.</summary>
    public async Task<RunMetrics> Read(RunRecord run, MetricsQuery query, CancellationToken cancel = default)
    {
        using var turn = reads.Begin();
        var series = new Dictionary<string, Downsampler>(StringComparer.Ordinal);
        var (unwanted, leftOut) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        var (most, held) = (query.MaxPoints, 0);
        var streams = query.Streams;
        if (query.FromStep is null && streams.Contains(StreamKind.Metrics) && await Overviews.Read(run, query.Wants, most, cancel) is { } overview)
        {
            streams = [.. streams.Where(kind => kind != StreamKind.Metrics)];
            foreach (var (name, one) in overview) series[name] = one;
            held = series.Values.Sum(one => one.Held);
            Fit();
        }

        var points = new MetricPoints(store, run, turn, streams);
        await foreach (var some in points.Read(cancel))
        {
            foreach (var point in some)
            {
                if (point.Step < query.FromStep || Of(point.Name) is not { } one) continue;
                held -= one.Held;
                one.Add(new(point.Step, point.Value, point.At));
                held += one.Held;
                Fit();
            }
        }

        var sorted = series.OrderBy(one => one.Key, StringComparer.Ordinal);
        return new(run.Id, [.. sorted.Select(one => new MetricSeries(one.Key, one.Value.Total, one.Value.Points()) { NaNs = one.Value.NaNs })])
        {
            MaxPoints = most,
            SeriesLeftOut = leftOut.Count,
            Problems = points.Problems.All,
        };

        void Fit()
        {
            while (held > MaxHeld && most > 4)
            {
                most = Math.Max(4, most / 2);
                foreach (var other in series.Values) other.Shrink(most);
                held = series.Values.Sum(other => other.Held);
            }
        }

        Downsampler? Of(string name)
        {
            if (series.TryGetValue(name, out var known)) return known;
            if (unwanted.Contains(name)) return null;
            if (!query.Wants(name)) Remember(unwanted, name);
            else if (series.Count == MaxSeries) Remember(leftOut, name);
            else
            {
                var begun = new Downsampler(most);
                held += begun.Held;
                return series[name] = begun;
            }

            return null;
        }
    }

    /// <summary>
    /// Every point as <c>metric,step,value,time</c>, in order of logging, in pieces of UTF-8 that are overwritten when the next is asked
    /// for. What could not be read is said at the end, in lines that begin with '#'.
    /// </summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> Csv(
        RunRecord run, MetricsQuery query, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel = default)
    {
        using var turn = reads.Begin();
        var points = new MetricPoints(store, run, turn, query.Streams);
        var csv = new MetricsCsv(query);
        yield return csv.Header();
        await foreach (var some in points.Read(cancel))
        {
            if (csv.Rows(some) is not { Length: > 0 } rows) continue;

            // Whoever takes them may be slow, or asleep.
            turn.Leave();
            yield return rows;
        }

        foreach (var problem in points.Problems.All) yield return csv.Comment(problem);
    }

    private static void Remember(HashSet<string> names, string name)
    {
        if (names.Count < MaxNames) names.Add(name);
    }
}
