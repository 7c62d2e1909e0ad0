using System.Globalization;
using System.Runtime.InteropServices;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Metrics.Printed;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Points that were printed and wait to be stored: <see cref="MaxWaiting"/> at most, which is 2 MiB and their names. Whoever prints faster than they
/// are stored waits for room, for a moment. When there is none by then, because the store is away, every second point is left out of those metrics
/// that have the most, and counted: curves keep their shape, their ends, and the last value of each metric is its last.
/// </summary>
/// <param name="patterns">The experiment's own; null: it has none.</param>
/// <param name="patience">How long a printed point waits for room; by default 3 s, longer than points are held back.</param>
sealed class PrintedPoints(TimeProvider time, TimeSpan? patience = null, MetricPatterns? patterns = null) : IPrintedLines, IMetricSink
{
    public const int MaxWaiting = 1 << 16;
    private const int MaxNames = 4096, LongestExample = 100, MaxNamedLeftOut = 3;

    private readonly PrintedMetrics printed = new(patterns);
    private readonly TimeSpan patience = patience ?? TimeSpan.FromSeconds(3);
    private TaskCompletionSource filling = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly object gate = new();
    private readonly Dictionary<string, string> names = new(StringComparer.Ordinal);
    private readonly List<string> remarks = [];
    private Queue<MetricPoint> waiting = new();
    private readonly Dictionary<string, long> leftOut = new(StringComparer.Ordinal);
    private bool saidUnclear, saidTooLong;
    private long? lineStep;

    /// <summary>Ends when so many wait that they are better taken out at once.</summary>
    public Task Filling
    {
        get
        {
            lock (gate) return filling.Task;
        }
    }

    public long? Read(ReadOnlySpan<byte> line)
    {
        lineStep = null;
        printed.Read(line, this);
        return lineStep;
    }

    public void Found(ReadOnlySpan<char> name, long step, double value)
    {
        lock (gate)
        {
            if (waiting.Count == MaxWaiting) Monitor.Wait(gate, patience);
            if (waiting.Count == MaxWaiting) Thin();
            if (waiting.Count == MaxWaiting / 2) filling.TrySetResult();
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
        lock (gate)
        {
            if (!waiting.TryPeek(out point) || point.UnixMicros > beforeMicros || !waiting.TryDequeue(out point)) return false;
            HasRoom();
            return true;
        }
    }

    /// <summary>What there is to say in the log, once each.</summary>
    public IReadOnlyList<string> TakeRemarks()
    {
        lock (gate)
        {
            if (leftOut.Count > 0)
            {
                var count = leftOut.Values.Sum().ToString("N0", CultureInfo.InvariantCulture);
                var named = leftOut.OrderByDescending(one => one.Value).Take(MaxNamedLeftOut)
                    .Select(one => $"'{Excerpt.Of(one.Key, LongestExample)}'");
                var of = string.Join(", ", named) + (leftOut.Count > MaxNamedLeftOut ? $" and {leftOut.Count - MaxNamedLeftOut} more" : "");
                remarks.Add(
                    $"{count} printed points of {of} are left out: they came faster than they could be stored, and at most {MaxWaiting} wait");
                leftOut.Clear();
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

    private void HasRoom()
    {
        if (waiting.Count == MaxWaiting - 1) Monitor.PulseAll(gate);
        if (waiting.Count < MaxWaiting / 2 && filling.Task.IsCompleted) filling = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    // A quarter of the room is made by those that have the most. A metric's first and last point stay.
    private void Thin()
    {
        var before = waiting.Count;
        var counts = waiting.CountBy(point => point.Name, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var enough = Largest(counts.Values, atLeast: before / 2);
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var kept = new Queue<MetricPoint>(MaxWaiting);
        foreach (var point in waiting)
        {
            ref var index = ref CollectionsMarshal.GetValueRefOrAddDefault(seen, point.Name, out _);
            var count = counts[point.Name];
            index++;
            if (count < enough || count < 3 || index == 1 || (count - index) % 2 == 0) kept.Enqueue(point);
            else Count(point.Name);
        }

        // Names that hardly repeat are no curves.
        while (kept.Count > MaxWaiting * 3 / 4) Count(kept.Dequeue().Name);
        waiting = kept;
        filling = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (waiting.Count >= MaxWaiting / 2) filling.SetResult();
    }

    /// <summary>The least count of the metrics that have the most, so many of them that together they have at least this many points.</summary>
    private static int Largest(IEnumerable<int> counts, int atLeast)
    {
        var sum = 0;
        foreach (var count in counts.OrderDescending())
        {
            if ((sum += count) >= atLeast) return count;
        }

        return 0;
    }

    private void Count(string name)
    {
        // Names beyond count for the last one: there may be millions.
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(
            leftOut, leftOut.Count < MaxNames || leftOut.ContainsKey(name) ? name : "…", out _);
        count++;
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
