using Serverless.Core.Storage;

namespace Serverless.Core.Streams;

/// <summary>
/// A place in the visible bytes of a stream, moving forward over its segments. Reads what is there and can be asked again when there may be more.
/// </summary>
public sealed class SegmentWalk(IObjectStore store, string runId, StreamKind kind, IReadOnlyList<StreamPiece> pieces)
{
    private int piece;
    private int segment;
    private long at;

    /// <summary>Visible bytes before this place.</summary>
    public long Offset { get; private set; }

    /// <summary>What was found missing on the way.</summary>
    public StreamProblems Problems { get; } = new();

    /// <summary>Moves on to a visible offset, or to the end of what is there when that comes first.</summary>
    public async Task Seek(long offset, CancellationToken cancel = default)
    {
        while (Offset < offset && piece < pieces.Count)
        {
            var length = await Length(cancel);
            if (length is { } known && known > at)
            {
                var step = Math.Min(known - at, offset - Offset);
                at += step;
                Offset += step;
                if (Offset == offset) return;
            }

            if (!await Advance(length, cancel)) return;
        }
    }

    /// <summary>Moves to the end of what is there.</summary>
    public Task SeekEnd(CancellationToken cancel = default) => Seek(long.MaxValue, cancel);

    /// <summary>Up to <paramref name="limit"/> of the next bytes; empty when there are no more at the moment.</summary>
    public async Task<byte[]> Read(int limit, CancellationToken cancel = default)
    {
        while (piece < pieces.Count)
        {
            var end = End;
            var want = end is { } bound ? Math.Min(limit, bound - at) : limit;
            long? length = at;
            if (want > 0)
            {
                await using var reading = await store.Open(Key, new(at, want), cancel);
                length = reading?.Object.LengthBytes;
                if (reading is not null)
                {
                    var buffer = new byte[Math.Min(want, Math.Max(0, reading.Object.LengthBytes - at))];
                    var count = await reading.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel);
                    if (count > 0)
                    {
                        at += count;
                        Offset += count;
                        return count == buffer.Length ? buffer : buffer[..count];
                    }
                }
            }

            if (!await Advance(length, cancel)) return [];
        }

        return [];
    }

    private string Key => VisibleStream.SegmentKey(runId, kind, pieces[piece].Epoch, segment);

    /// <summary>Where the current segment is cut, when the piece ends in it.</summary>
    private long? End => pieces[piece].End is { } end && segment >= end.Segment ? (segment == end.Segment ? end.LengthBytes : 0) : null;

    private async Task<long?> Length(CancellationToken cancel)
    {
        if (End is 0) return 0;
        var length = (await store.Head(Key, cancel)).Value?.LengthBytes;
        return End is { } end && length is { } whole ? Math.Min(end, whole) : length;
    }

    /// <summary>To the next segment or piece; false when this is the end of what is there.</summary>
    /// <param name="seen">Length of the current segment when it was last looked at; null: it was missing.</param>
    private async Task<bool> Advance(long? seen, CancellationToken cancel)
    {
        if (pieces[piece].End is { } end)
        {
            if (End is not 0) Note(seen);
            (piece, segment) = segment >= end.Segment ? (piece + 1, 0) : (piece, segment + 1);
            at = 0;
            return true;
        }

        if ((await store.Head(VisibleStream.SegmentKey(runId, kind, pieces[piece].Epoch, segment + 1), cancel)).Value is null) return false;

        // The next segment exists, so this one is complete; it may have grown between the look at it and the look at the next.
        var length = await Length(cancel);
        if (length > at) return true;
        Note(length);
        segment++;
        at = 0;
        return true;
    }

    private void Note(long? length)
    {
        if (length is null) Problems.Missing(Key);
        else if (length < End) Problems.Short(Key, length.Value, End.Value);
    }
}
