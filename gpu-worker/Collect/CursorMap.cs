using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// From places in the SDK's stream to places in the one that was made of it and of what was printed meanwhile. Points that follow each other in both
/// take one entry; a bounded number of entries is kept, the newest.
/// </summary>
sealed class CursorMap
{
    private readonly record struct Stretch(long From, long Step, StreamCursor To, long Count);

    private const int PointBytes = MetricStream.PointBytes, MaxStretches = 200_000;
    private readonly List<Stretch> stretches = [];

    /// <summary>A point of the SDK's stream, which ends at <paramref name="from"/> there. Places come in order.</summary>
    public void Add(long from, StreamCursor to)
    {
        if (stretches.Count > 0 && stretches[^1] is { Step: long.MinValue } last
            && from == last.From + last.Count * PointBytes
            && to.Segment == last.To.Segment && to.LengthBytes == last.To.LengthBytes + last.Count * PointBytes)
        {
            stretches[^1] = last with { Count = last.Count + 1 };
            return;
        }

        Add(new Stretch(from, long.MinValue, to, 1));
    }

    /// <summary>A point that was printed, after the last one of the SDK's stream.</summary>
    public void AddPrinted(long step, StreamCursor to)
    {
        if (stretches.Count > 0) Add(new Stretch(stretches[^1] is var last ? last.From + (last.Count - 1) * PointBytes : 0, step, to, 1));
    }

    /// <summary>
    /// Behind the last point at or before <paramref name="from"/>, and behind what was printed after it about steps up to <paramref name="step"/>;
    /// the start when there is none.
    /// </summary>
    public StreamCursor Find(long from, long step)
    {
        int low = 0, high = stretches.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (stretches[middle].From < from || (stretches[middle].From == from && stretches[middle].Step <= step)) low = middle + 1;
            else high = middle;
        }

        if (low == 0) return StreamCursor.Start;
        var stretch = stretches[low - 1];
        var index = Math.Min((from - stretch.From) / PointBytes, stretch.Count - 1);
        return stretch.To with { LengthBytes = stretch.To.LengthBytes + index * PointBytes };
    }

    private void Add(Stretch stretch)
    {
        if (stretches.Count == MaxStretches) stretches.RemoveRange(0, MaxStretches / 2);
        stretches.Add(stretch);
    }
}
