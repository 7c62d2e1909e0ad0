using System.Buffers;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Collect;

/// <summary>Points in the form of <see cref="MetricStream"/>, in segments that each name their own metrics. Not for several threads.</summary>
sealed class MetricStreamWriter(SegmentWriter segments)
{
    private readonly Dictionary<string, uint> names = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> pending = new();
    private bool begun;

    /// <summary>How much of what is pending is stored already, after the store has failed at the rest.</summary>
    private int stored;

    /// <summary>Where the stream ends once what is pending is stored.</summary>
    public StreamCursor End => segments.End with { LengthBytes = segments.End.LengthBytes + pending.WrittenCount - stored };

    /// <param name="point">Its name as <see cref="MetricName.Fit"/> gives it.</param>
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
            pending.Advance(MetricStream.WriteName(pending.GetSpan(MetricStream.MaxNameFrameBytes), id, point.Name));
        }

        pending.Advance(MetricStream.WritePoint(pending.GetSpan(MetricStream.PointBytes), id, point.Step, point.UnixMicros, point.Value));
    }

    public async Task Flush(CancellationToken cancel)
    {
        if (pending.WrittenCount == 0) return;
        var before = segments.End.LengthBytes;
        try
        {
            await segments.Append(pending.WrittenMemory[stored..], cancel);
        }
        catch
        {
            stored += (int)(segments.End.LengthBytes - before);
            throw;
        }

        pending.ResetWrittenCount();
        stored = 0;
        if (!segments.IsFull) return;
        segments.Roll();
        names.Clear();
        begun = false;
    }
}
