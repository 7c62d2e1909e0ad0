using Serverless.Contract;
using Serverless.Core.Api;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.Core.Results;

/// <param name="Names">Patterns with '*'; empty: every metric.</param>
/// <param name="FromStep">Points before this step are left out; null: none.</param>
/// <param name="MaxPoints">Points per metric, at least 4; longer series are thinned (see <see cref="Thinning"/>).</param>
public sealed record MetricsQuery(IReadOnlyList<string> Names, long? FromStep = null, int MaxPoints = 1000);

/// <summary>Reads a run's metrics over all attempts as <see cref="VisibleStream"/> puts them together.</summary>
public sealed class MetricsReader(IObjectStore store)
{
    private const int BufferBytes = 64 * 1024;

    /// <returns>One series a metric, by name; points in order of logging.</returns>
    /// <exception cref="InvalidDataException">A segment is damaged; the message says which.</exception>
    public async Task<IReadOnlyList<MetricSeries>> Read(RunRecord run, MetricsQuery query, CancellationToken cancel = default)
    {
        var wanted = new Dictionary<string, List<MetricValue>?>(StringComparer.Ordinal);
        await foreach (var points in Points(run, cancel))
        {
            foreach (var point in points)
            {
                if (!wanted.TryGetValue(point.Name, out var series))
                {
                    wanted[point.Name] = series = query.Names.Count == 0 || query.Names.Any(pattern => NamePattern.Matches(pattern, point.Name)) ? [] : null;
                }

                if (series is not null && !(point.Step < query.FromStep)) series.Add(new(point.Step, point.Value, point.At));
            }
        }

        return [.. wanted
            .Where(series => series.Value is { Count: > 0 })
            .OrderBy(series => series.Key, StringComparer.Ordinal)
            .Select(series => new MetricSeries(series.Key, series.Value!.Count, Thinning.MinMax(series.Value, query.MaxPoints)))];
    }

    /// <summary>All points in order, a bufferful at a time; the list is reused.</summary>
    private async IAsyncEnumerable<List<MetricPoint>> Points(RunRecord run, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var buffer = new byte[BufferBytes];
        var points = new List<MetricPoint>();
        foreach (var piece in VisibleStream.Of(run, StreamKind.Metrics))
        {
            for (var segment = 0; piece.End is not { } end || segment < end.Segment || (segment == end.Segment && end.LengthBytes > 0); segment++)
            {
                var key = VisibleStream.SegmentKey(run.Id, StreamKind.Metrics, piece.Epoch, segment);
                await using var reading = await store.Open(key, segment == piece.End?.Segment ? new ByteRange(0, piece.End.LengthBytes) : null, cancel);
                if (reading is null && piece.End is null) break;
                if (reading is null) continue;
                var reader = new MetricStreamReader();
                while (await reading.Body.ReadAsync(buffer, cancel) is var count and > 0)
                {
                    points.Clear();
                    try
                    {
                        reader.Read(buffer.AsSpan(0, count), points);
                    }
                    catch (InvalidDataException e)
                    {
                        throw new InvalidDataException($"{key}: {e.Message}", e);
                    }

                    yield return points;
                }
            }
        }
    }
}
