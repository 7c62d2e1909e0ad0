using System.Buffers;
using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Collect;

/// <summary>Points in the form of <see cref="MetricStream"/>, in segments that each name their own metrics. Not for several threads.</summary>
sealed class MetricWriter(SegmentWriter segments)
{
    private readonly Dictionary<string, uint> names = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> pending = new();
    private bool begun;

    /// <summary>Where the stream ends once what is pending is stored.</summary>
    public StreamCursor End => segments.End with { LengthBytes = segments.End.LengthBytes + pending.WrittenCount };

    public int PendingBytes => pending.WrittenCount;

    public void Add(in MetricPoint point)
    {
        if (!begun)
        {
            pending.Write(MetricStream.Header);
            begun = true;
        }

        if (!names.TryGetValue(point.Name, out var id))
        {
            names[point.Name] = id = (uint)names.Count + 1;
            pending.Advance(MetricStream.WriteName(pending.GetSpan(7 + MetricStream.MaxNameBytes), id, point.Name));
        }

        pending.Advance(MetricStream.WritePoint(pending.GetSpan(MetricStream.PointBytes), id, point.Step, point.UnixMicros, point.Value));
    }

    public async Task Flush(CancellationToken cancel)
    {
        if (pending.WrittenCount == 0) return;
        await segments.Append(pending.WrittenMemory, cancel);
        pending.ResetWrittenCount();
        if (!segments.IsFull) return;
        segments.Roll();
        names.Clear();
        begun = false;
    }
}

/// <summary>From places in one stream to places in another that was made of it, point by point. Runs of equal steps take one entry.</summary>
sealed class CursorMap
{
    private readonly record struct Stretch(long From, StreamCursor To, long Count);

    private const int Step = MetricStream.PointBytes;
    private readonly List<Stretch> stretches = [];

    /// <summary>Places come in order.</summary>
    public void Add(long from, StreamCursor to)
    {
        if (stretches.Count > 0 && stretches[^1] is var last
            && from == last.From + last.Count * Step && to.Segment == last.To.Segment && to.LengthBytes == last.To.LengthBytes + last.Count * Step)
        {
            stretches[^1] = last with { Count = last.Count + 1 };
            return;
        }

        stretches.Add(new(from, to, 1));
    }

    /// <summary>The place that belongs to the last entry at or before <paramref name="from"/>; the start when there is none.</summary>
    public StreamCursor Find(long from)
    {
        int low = 0, high = stretches.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (stretches[middle].From <= from) low = middle + 1;
            else high = middle;
        }

        if (low == 0) return StreamCursor.Start;
        var stretch = stretches[low - 1];
        var index = Math.Min((from - stretch.From) / Step, stretch.Count - 1);
        return stretch.To with { LengthBytes = stretch.To.LengthBytes + index * Step };
    }
}
