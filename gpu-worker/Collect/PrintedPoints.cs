using System.Globalization;
using System.Runtime.InteropServices;
using Serverless.Contract;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Points that were printed and wait to be stored: <see cref="MaxWaiting"/> at most, which is 2 MiB and their names. When the store is away for
/// longer than that, every second point of each metric is left out, and counted: curves keep their shape.
/// </summary>
sealed class PrintedPoints(TimeProvider time) : IPrintedLines, IMetricSink
{
    public const int MaxWaiting = 1 << 16;
    private const int MaxNames = 4096, LongestExample = 100;

    private readonly Lock gate = new();
    private readonly Dictionary<string, string> names = new(StringComparer.Ordinal);
    private readonly List<string> remarks = [];
    private Queue<MetricPoint> waiting = new();
    private long leftOut;
    private bool saidUnclear, saidTooLong;
    private long? lineStep;

    public long? Read(ReadOnlySpan<byte> line)
    {
        lineStep = null;
        PrintedMetrics.Read(line, this);
        return lineStep;
    }

    public void Found(ReadOnlySpan<char> name, long step, double value)
    {
        lock (gate)
        {
            if (waiting.Count == MaxWaiting) Thin();
            lineStep = Math.Max(lineStep ?? step, step);
            waiting.Enqueue(new(Name(name), step, value, time.GetUtcNow().ToUnixTimeMilliseconds() * 1000));
        }
    }

    public void LeftOut(ReadOnlySpan<char> what, string why)
    {
        if (saidUnclear) return;
        saidUnclear = true;
        var example = what[..Math.Min(what.Length, LongestExample)].ToString();
        Remark($"'{example}', which was printed, is not kept as a metric: {why}. Further ones like it are left out silently");
    }

    public void TooLong()
    {
        if (saidTooLong) return;
        saidTooLong = true;
        Remark($"a printed line of more than {LineSplitter.MaxLine >> 20} MiB is not read for metrics, and neither are further ones like it");
    }

    /// <summary>Takes out the next one, when it came before this time.</summary>
    public bool TryTake(long beforeMicros, out MetricPoint point)
    {
        lock (gate) return waiting.TryPeek(out point) && point.UnixMicros <= beforeMicros && waiting.TryDequeue(out point);
    }

    /// <summary>What there is to say in the log, once each.</summary>
    public IReadOnlyList<string> TakeRemarks()
    {
        lock (gate)
        {
            if (leftOut > 0)
            {
                var count = leftOut.ToString("N0", CultureInfo.InvariantCulture);
                remarks.Add($"{count} printed metrics are left out: they came faster than they could be stored, and at most {MaxWaiting} wait");
                leftOut = 0;
            }

            if (remarks.Count == 0) return [];
            string[] taken = [.. remarks];
            remarks.Clear();
            return taken;
        }
    }

    private void Remark(string text)
    {
        lock (gate) remarks.Add(text);
    }

    private void Thin()
    {
        var before = waiting.Count;
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var kept = new Queue<MetricPoint>(MaxWaiting);
        foreach (var point in waiting)
        {
            ref var index = ref CollectionsMarshal.GetValueRefOrAddDefault(seen, point.Name, out _);
            if (index++ % 2 == 0) kept.Enqueue(point);
        }

        // Names that hardly repeat are no curves.
        while (kept.Count > MaxWaiting * 3 / 4) kept.Dequeue();
        waiting = kept;
        leftOut += before - kept.Count;
    }

    private string Name(ReadOnlySpan<char> name)
    {
        var known = names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (known.TryGetValue(name, out var text)) return text;
        text = MetricName.Fit(name.ToString());
        if (names.Count < MaxNames && name.Length <= MetricName.MaxBytes) names[name.ToString()] = text;
        return text;
    }
}
