using System.Buffers;
using System.Text;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// The log of an attempt: takes bytes as they are printed, takes out the markers and remembers where they stood, and keeps at most
/// <see cref="MaxBytes"/>. Writing and flushing may go on at the same time.
/// </summary>
/// <param name="lineSeen">Gets every line that was printed, for metrics in it; longer lines than <see cref="MaxLine"/> are left out.</param>
sealed class LogCollector(SegmentWriter segments, Action<ReadOnlySpan<byte>> lineSeen) : IDisposable
{
    public const long MaxBytes = 64L * 1024 * 1024;
    private const int MaxLine = 8 * 1024, MaxMarker = 512, MaxLastLine = 300;
    private const byte MarkerStart = 0x1E;

    private readonly Lock gate = new();
    private readonly SemaphoreSlim flushing = new(1);
    private readonly List<(int Segment, long Start)> starts = [(0, 0)];
    private readonly Dictionary<string, long> markers = new(StringComparer.Ordinal);
    private readonly List<byte> marker = [];
    private readonly ArrayBufferWriter<byte> line = new();
    private ArrayBufferWriter<byte> waiting = new(), spare = new();
    private long accepted, stored;
    private bool lineTooLong, atLineStart = true, full;
    private string lastLine = "";

    /// <summary>Changes when a marker arrives; complete it waits for the next one.</summary>
    private TaskCompletionSource markerArrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamCursor End => segments.End;

    /// <summary>What the code prints.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        lock (gate)
        {
            while (bytes.Length > 0)
            {
                if (marker.Count > 0)
                {
                    bytes = ContinueMarker(bytes);
                    continue;
                }

                var start = bytes.IndexOf(MarkerStart);
                Keep(start < 0 ? bytes : bytes[..start]);
                if (start < 0) return;
                marker.Add(MarkerStart);
                bytes = bytes[(start + 1)..];
            }
        }
    }

    /// <summary>A line of the worker's own.</summary>
    public void Say(string text) => Print("[worker] " + text);

    /// <summary>A line on the code's behalf: what its compiler says.</summary>
    public void Print(string text)
    {
        lock (gate)
        {
            var bytes = Encoding.UTF8.GetBytes((atLineStart ? "" : "\n") + text + "\n");
            Store(bytes, evenWhenFull: true);
            atLineStart = true;
        }
    }

    /// <summary>For messages about an exit code: the last line that says something, which is where most languages put the reason.</summary>
    public string LastLineClause()
    {
        lock (gate)
        {
            if (line.WrittenCount > 0) NoteLine();
            return lastLine.Length == 0 ? "" : $"; the last line of its log: {lastLine}";
        }
    }

    public bool LastLineHas(string text)
    {
        lock (gate) return lastLine.Contains(text, StringComparison.OrdinalIgnoreCase);
    }

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

        await Flush(cancel);
        lock (gate)
        {
            var (segment, start) = starts.FindLast(candidate => candidate.Start <= place);
            return new(segment, place - start);
        }
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
            catch (StoreFullException)
            {
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

    private ReadOnlySpan<byte> ContinueMarker(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)'\n');
        var taken = end < 0 ? bytes : bytes[..end];
        var room = Math.Min(taken.Length, MaxMarker - marker.Count);
        marker.AddRange(taken[..room]);
        var text = Encoding.UTF8.GetString([.. marker]);
        var isStill = text.StartsWith(LogMarker.Prefix, StringComparison.Ordinal) || LogMarker.Prefix.StartsWith(text, StringComparison.Ordinal);
        if (isStill && room == taken.Length)
        {
            if (end < 0) return [];
            if (text.Length > LogMarker.Prefix.Length)
            {
                markers[text[LogMarker.Prefix.Length..].TrimEnd('\r')] = accepted;
                marker.Clear();
                markerArrived.SetResult();
                markerArrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
                return bytes[(end + 1)..];
            }
        }

        // A record separator that somebody printed for another reason.
        Keep([.. marker]);
        marker.Clear();
        return bytes[room..];
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0) return;
        Store(bytes, evenWhenFull: false);
        if (!full) atLineStart = bytes[^1] == (byte)'\n';
        while (bytes.Length > 0)
        {
            var end = bytes.IndexOf((byte)'\n');
            var part = end < 0 ? bytes : bytes[..end];
            if (line.WrittenCount + part.Length > MaxLine) lineTooLong = true;
            else line.Write(part);
            if (end < 0) return;
            NoteLine();
            bytes = bytes[(end + 1)..];
        }
    }

    private void NoteLine()
    {
        var text = line.WrittenSpan.TrimEnd((byte)'\r');
        if (!lineTooLong && text.Length > 0)
        {
            lineSeen(text);
            // Decoding every line of a gigabyte would cost more than storing it.
            if (!full && text.ContainsAnyExcept((byte)' ', (byte)'\t'))
            {
                lastLine = Encoding.UTF8.GetString(text[..Math.Min(text.Length, MaxLastLine)]).Trim();
            }
        }

        line.ResetWrittenCount();
        lineTooLong = false;
    }

    private void Store(ReadOnlySpan<byte> bytes, bool evenWhenFull)
    {
        if (full && !evenWhenFull) return;
        var room = evenWhenFull ? bytes.Length : (int)Math.Min(bytes.Length, MaxBytes - accepted);
        waiting.Write(bytes[..room]);
        accepted += room;
        if (room == bytes.Length || full) return;
        full = true;
        Store(Encoding.UTF8.GetBytes($"\n[worker] the log has {MaxBytes >> 20} MiB; what is printed from here on is dropped\n"), evenWhenFull: true);
        atLineStart = true;
    }
}
