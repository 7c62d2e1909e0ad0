using System.Runtime.CompilerServices;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Streams;

namespace Serverless.Core.Metrics;

/// <summary>
/// All points of a run in order of logging, a bufferful at a time, over all attempts as <see cref="VisibleStream"/> puts them together.
/// </summary>
/// <param name="turn">Is waited for between two bufferfuls.</param>
sealed class MetricPoints(IObjectStore store, RunRecord run, LongRead turn)
{
    private const int BufferBytes = 64 * 1024;

    /// <summary>Complete once all points were read.</summary>
    public StreamProblems Problems { get; } = new();

    /// <returns>Lists that are not empty; one list, filled anew each time.</returns>
    public async IAsyncEnumerable<List<MetricPoint>> Read([EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var piece in VisibleStream.Of(run, StreamKind.Metrics))
        {
            for (var segment = 0; piece.End is not { } end || segment < end.Segment || (segment == end.Segment && end.LengthBytes > 0); segment++)
            {
                var cut = segment == piece.End?.Segment ? piece.End.LengthBytes : (long?)null;
                await using var reading = await store.Open(Key(piece, segment), cut is { } bytes ? new ByteRange(0, bytes) : null, cancel);
                if (reading is not null)
                {
                    await foreach (var points in Read(reading, Key(piece, segment), cut, cancel)) yield return points;
                }
                else if (piece.End is not null)
                {
                    Problems.Missing(Key(piece, segment));
                }
                else if (!await IsThere(piece, segment + 1, cancel))
                {
                    break;
                }
                else if (await IsThere(piece, segment, cancel))
                {
                    // Both were begun between the two looks.
                    segment--;
                }
                else
                {
                    Problems.Missing(Key(piece, segment));
                }
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

    private async Task<bool> IsThere(StreamPiece piece, int segment, CancellationToken cancel) =>
        (await store.Head(Key(piece, segment), cancel)).Value is not null;

    private string Key(StreamPiece piece, int segment) => VisibleStream.SegmentKey(run.Id, StreamKind.Metrics, piece.Epoch, segment);
}
