using System.Buffers;
using System.Text;
using Serverless.Core.Metrics.Printed;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// The log of an attempt: takes bytes as they are printed, takes out the markers and remembers where they stood, and keeps what <see
/// cref="BoundedLog"/> keeps. What waits for the store is in memory, at most the limit. Writing and flushing may go on at the same time.
/// </summary>
sealed class LogCollector : IDisposable
{
    private const int MaxLastLine = 300, MaxMarkers = 10_000;

    /// <summary>So much is taken at once: of what can be printed in it there is room for all metrics.</summary>
    private const int PieceBytes = 32 * 1024;

    private readonly SegmentWriter segments;
    private readonly IPrintedLines printed;
    private readonly BoundedLog kept;
    private readonly LineSplitter lines;
    private readonly MarkerFilter filter;
    private readonly TimeProvider time;
    private readonly PrintedPlaces places = new();

    private readonly Lock gate = new();
    private readonly SemaphoreSlim flushing = new(1);
    private readonly List<(int Segment, long Start)> starts = [(0, 0)];
    private readonly Dictionary<string, long> markers = new(StringComparer.Ordinal);
    private readonly Queue<string> markersInOrder = new();
    private readonly byte[] lastLine = new byte[MaxLastLine];
    private ArrayBufferWriter<byte> waiting = new(), spare = new();
    private long accepted, stored;
    private int lastLineLength;

    // Of the bytes at hand: when they came, and where the first of them is in the log and in the lines. And where the line begins that is not whole
    // yet.
    private DateTimeOffset arrived, since;
    private long piecePlace, pieceStart, linePlace;

    /// <summary>Changes when a marker arrives; complete it waits for the next one.</summary>
    private TaskCompletionSource markerArrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="printed">Reads every line, for metrics in it.</param>
    /// <param name="limitBytes">Of a longer log the beginning and the end are kept.</param>
    public LogCollector(SegmentWriter segments, IPrintedLines printed, TimeProvider time, long limitBytes)
    {
        (this.segments, this.printed, this.time) = (segments, printed, time);
        kept = new(limitBytes, Accept);
        lines = new(NoteLine, printed.TooLong);
        filter = new(text =>
        {
            (piecePlace, pieceStart) = (accepted, lines.Taken);
            kept.Add(text);
            lines.Add(text);
        }, NoteMarker);
    }

    public StreamCursor End => segments.End;

    /// <summary>How long what is kept of it is by now, stored or not.</summary>
    public long KeptBytes
    {
        get { lock (gate) return accepted; }
    }

    /// <summary>What the code prints. Waits when it prints more metrics than are stored.</summary>
    /// <param name="since">It was not printed before this; null: just now.</param>
    public void Write(ReadOnlySpan<byte> bytes, DateTimeOffset? since = null)
    {
        var now = time.GetUtcNow();
        for (ReadOnlySpan<byte> piece; bytes.Length > 0; bytes = bytes[piece.Length..])
        {
            piece = bytes[..Math.Min(bytes.Length, PieceBytes)];

            // Not within the gate, which storing needs as well.
            printed.AwaitRoom();
            lock (gate)
            {
                arrived = now;
                this.since = since < now ? since.Value : now;
                filter.Add(piece);
            }
        }
    }

    /// <summary>A process that printed has ended: its last line may have no end.</summary>
    public void EndOutput()
    {
        lock (gate)
        {
            filter.End();
            lines.End();
        }
    }

    /// <summary>The code prints no more: the end of a log that is longer than its limit is stored by the next flush.</summary>
    public void Close()
    {
        lock (gate)
        {
            EndOutput();
            kept.Close();
        }
    }

    /// <summary>A line of the worker's own.</summary>
    public void Say(string text) => Print("[worker] " + text);

    /// <summary>A line on the code's behalf: what its compiler says.</summary>
    public void Print(string text)
    {
        lock (gate) kept.AddLine(text);
    }

    /// <summary>For messages about an exit code: the last line that says something, which is where most languages put the reason.</summary>
    public string LastLineClause() => LastLine() is { Length: > 0 } line ? $"; the last line of its log: {line}" : "";

    public bool LastLineHas(string text) => LastLine().Contains(text, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Waits until a marker was seen, at most <paramref name="patience"/>; the place of it, or the end of the log when it did not come.
    /// </summary>
    public async Task<StreamCursor> PlaceOf(string id, TimeSpan patience, TimeProvider time, CancellationToken cancel)
    {
        var tooLate = Task.Delay(patience, time, cancel);
        long place;
        while (true)
        {
            Task next;
            lock (gate)
            {
                if (markers.TryGetValue(id, out place)) break;
                place = accepted;
                next = markerArrived.Task;
            }

            if (await Task.WhenAny(next, tooLate) == tooLate) break;
        }

        return await Stored(place, cancel);
    }

    /// <summary>Where the log was when a checkpoint was saved, as well as can be told from what was printed, and when.</summary>
    public Task<StreamCursor> PlaceOf(SaveMoment save, CancellationToken cancel)
    {
        long place;
        lock (gate) place = places.Find(save, accepted);
        return Stored(place, cancel);
    }

    /// <summary>Stores what has come since.</summary>
    public async Task Flush(CancellationToken cancel)
    {
        await flushing.WaitAsync(cancel);
        try
        {
            ArrayBufferWriter<byte> batch;
            lock (gate)
            {
                if (waiting.WrittenCount == 0) return;
                batch = waiting;
                waiting = spare;
            }

            if (segments.IsFull)
            {
                segments.Roll();
                lock (gate) starts.Add((segments.End.Segment, stored));
            }

            var before = segments.End.LengthBytes;
            try
            {
                await segments.Append(batch.WrittenMemory, cancel);
            }
            catch
            {
                // Whatever it was, and whoever goes on after it: nothing of the log is lost by it.
                PutBack(batch, (int)(segments.End.LengthBytes - before));
                throw;
            }

            lock (gate)
            {
                stored += batch.WrittenCount;
                batch.ResetWrittenCount();
                spare = batch.Capacity < 1024 * 1024 ? batch : new();
            }
        }
        finally
        {
            flushing.Release();
        }
    }

    public void Dispose() => flushing.Dispose();

    private async Task<StreamCursor> Stored(long place, CancellationToken cancel)
    {
        await Flush(cancel);
        lock (gate)
        {
            var (segment, start) = starts.FindLast(candidate => candidate.Start <= place);
            return new(segment, place - start);
        }
    }

    // What could not be stored goes before what has come since, for a later flush.
    private void PutBack(ArrayBufferWriter<byte> batch, int done)
    {
        lock (gate)
        {
            stored += done;
            var again = new ArrayBufferWriter<byte>(Math.Max(1, batch.WrittenCount - done + waiting.WrittenCount));
            again.Write(batch.WrittenSpan[done..]);
            again.Write(waiting.WrittenSpan);
            batch.ResetWrittenCount();
            (spare, waiting) = (batch, again);
        }
    }

    private void NoteMarker(string id)
    {
        if (markers.TryAdd(id, accepted)) markersInOrder.Enqueue(id);
        else markers[id] = accepted;
        if (markersInOrder.Count > MaxMarkers) markers.Remove(markersInOrder.Dequeue());
        markerArrived.SetResult();
        markerArrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private void NoteLine(ReadOnlySpan<byte> line)
    {
        var text = TerminalEscapes.Remove(line);
        long? step = null;
        for (int end; (end = text.IndexOf((byte)'\n')) >= 0; text = text[(end + 1)..]) step = NotePlain(text[..end]) ?? step;
        places.Add(since, arrived, linePlace, NotePlain(text) ?? step);

        // Behind the end of this line. Of a log that is longer than its limit not all is kept.
        linePlace = Math.Min(accepted, piecePlace + lines.Taken + 1 - pieceStart);
    }

    private long? NotePlain(ReadOnlySpan<byte> line)
    {
        if (!line.ContainsAnyExcept((byte)' ', (byte)'\t')) return null;
        lastLineLength = Math.Min(line.Length, MaxLastLine);
        line[..lastLineLength].CopyTo(lastLine);
        return printed.Read(line, arrived);
    }

    private string LastLine()
    {
        lock (gate)
        {
            EndOutput();
            return Encoding.UTF8.GetString(lastLine.AsSpan(0, lastLineLength)).Trim();
        }
    }

    private void Accept(ReadOnlySpan<byte> bytes)
    {
        waiting.Write(bytes);
        accepted += bytes.Length;
    }
}

/// <summary>Takes what is printed, line by line, without the escapes of terminals.</summary>
interface IPrintedLines
{
    /// <summary>Waits until there is room for what is read.</summary>
    void AwaitRoom();

    /// <returns>The greatest step that it names; null when it names none.</returns>
    long? Read(ReadOnlySpan<byte> line, DateTimeOffset arrived);

    /// <summary>A line was too long to be read.</summary>
    void TooLong();
}
