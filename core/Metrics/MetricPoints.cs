using System.Runtime.CompilerServices;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Streams;

namespace Serverless.Core.Metrics;

/// <summary>
/// All points of some of a run's streams, one stream after another, each in order of logging, a bufferful at a time, over all attempts as
/// <see cref="VisibleStream"/> puts them together.
/// </summary>
/// <param name="turn">Is waited for between two bufferfuls.</param>
/// <param name="streams">In the form of <see cref="MetricStream"/>.</param>
sealed class MetricPoints(IObjectStore store, RunRecord run, LongRead turn, IReadOnlyList<StreamKind> streams)
{
    private const int BufferBytes = 64 * 1024;

    /// <summary>Complete once all points were read.</summary>
    public StreamProblems Problems { get; } = new();

    /// <returns>Lists that are not empty; one list, filled anew each time.</returns>
    public async IAsyncEnumerable<List<MetricPoint>> Read([EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var kind in streams)
        {
            await foreach (var points in Read(kind, VisibleStream.Of(run, kind), cancel)) yield return points;
        }
    }

    /// <summary>The same of parts of one stream.</summary>
    public async IAsyncEnumerable<List<MetricPoint>> Read(
        StreamKind kind, IEnumerable<StreamPiece> pieces, [EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var piece in pieces)
        {
            await foreach (var points in Read(piece, segment => VisibleStream.SegmentKey(run.Id, kind, piece.Epoch, segment), cancel))
            {
                yield return points;
            }
        }
    }

    private async IAsyncEnumerable<List<MetricPoint>> Read(
        StreamPiece piece, Func<int, string> key, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (var segment = 0; piece.End is not { } end || segment < end.Segment || (segment == end.Segment && end.LengthBytes > 0); segment++)
        {
            var cut = segment == piece.End?.Segment ? piece.End.LengthBytes : (long?)null;
            await using var reading = await store.Open(key(segment), cut is { } bytes ? new ByteRange(0, bytes) : null, cancel);
            if (reading is not null)
            {
                await foreach (var points in Read(reading, key(segment), cut, cancel)) yield return points;
            }
            else if (piece.End is not null)
            {
                Problems.Missing(key(segment));
            }
            else if (!await IsThere(key(segment + 1), cancel))
            {
                break;
            }
            else if (await IsThere(key(segment), cancel))
            {
                // Both were begun between the two looks.
                segment--;
            }
            else
            {
                Problems.Missing(key(segment));
            }
        }
    }

    private async IAsyncEnumerable<List<MetricPoint>> Read(
        ObjectReading reading, string key, long? cut, [EnumeratorCancellation] CancellationToken cancel)
    {
        var buffer = new byte[BufferBytes];
        var points = new List<MetricPoint>();
        var reader = new MetricStreamReader();
        var length = 0L;
        var damaged = false;
        while (!damaged && await reading.Body.ReadAsync(buffer, cancel) is var count and > 0)
        {
            length += count;
            await turn.GoOn(count, cancel);
            points.Clear();
            try
            {
                reader.Read(buffer.AsSpan(0, count), points);
            }
            catch (InvalidDataException e)
            {
                Problems.Damaged(key, e.Message);
                damaged = true;
            }

            if (points.Count > 0) yield return points;
        }

        if (!damaged && length < cut) Problems.Short(key, length, cut.Value);
    }

    private async Task<bool> IsThere(string key, CancellationToken cancel) => (await store.Head(key, cancel)).Value is not null;
}
