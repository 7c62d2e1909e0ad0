using System.Globalization;
using System.Runtime.InteropServices;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Metrics.Printed;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Points that were printed and wait to be stored: <see cref="MaxWaiting"/> at most, which is 2 MiB and their names. Whoever prints faster than they
/// are stored waits for room, as long as some are stored. When none are, because the store is away, every second point is left out of those metrics
/// that have the most, and counted: curves keep their shape, their ends, and the last value of each metric is its last.
/// </summary>
/// <param name="patterns">The experiment's own; null: it has none.</param>
/// <param name="time">How long points have waited is measured: a clock that is set back must not hold them.</param>
/// <param name="patience">The store is away when nothing was taken out for so long; by default 3 s.</param>
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
    private Queue<(MetricPoint Point, long Came)> waiting = new();
    private readonly Dictionary<string, long> leftOut = new(StringComparer.Ordinal);
    private long leftOutOfOthers, taken;
    private bool saidUnclear, saidTooLong, isStoreAway;
    private DateTimeOffset lineArrived;
    private long? lineStep;

    /// <summary>Ends when so many wait that they are better taken out at once.</summary>
    public Task Filling
    {
        get
        {
            lock (gate) return filling.Task;
        }
    }

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (gate) return waiting.Count;
        }
    }

    /// <summary>So many wait that they are not held back any longer for what a file may have of them.</summary>
    public bool AreMany
    {
        get
        {
            lock (gate) return waiting.Count > MaxWaiting / 2;
        }
    }

    /// <summary>Waits until half of the room is free. Not for whoever holds what collecting needs.</summary>
    public void AwaitRoom()
    {
        lock (gate)
        {
            while (AreMany && !isStoreAway)
            {
                var before = taken;
                isStoreAway = !Monitor.Wait(gate, patience) && taken == before;
            }
        }
    }

    public long? Read(ReadOnlySpan<byte> line, DateTimeOffset arrived)
    {
        (lineStep, lineArrived) = (null, arrived);
        printed.Read(line, this);
        return lineStep;
    }

    public void Found(ReadOnlySpan<char> name, long step, double value)
    {
        lock (gate)
        {
            if (waiting.Count == MaxWaiting) Thin();
            if (waiting.Count == MaxWaiting / 2) filling.TrySetResult();
            lineStep = Math.Max(lineStep ?? step, step);
            waiting.Enqueue((new(Name(name), step, value, lineArrived.ToUnixTimeMilliseconds() * 1000), time.GetTimestamp()));
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

    /// <summary>Takes out the next one, when it has waited for so long.</summary>
    public bool TryTake(TimeSpan atLeast, out MetricPoint point) => TryTake(next => time.GetElapsedTime(next.Came) >= atLeast, out point);

    /// <summary>Takes out the next one, when it came by this time.</summary>
    public bool TryTake(long byMicros, out MetricPoint point) => TryTake(next => next.Point.UnixMicros <= byMicros, out point);

    private bool TryTake(Func<(MetricPoint Point, long Came), bool> isTaken, out MetricPoint point)
    {
        lock (gate)
        {
            var isThere = waiting.TryPeek(out var next);
            point = next.Point;
            if (!isThere || !isTaken(next)) return false;
            waiting.Dequeue();
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
                var count = (leftOut.Values.Sum() + leftOutOfOthers).ToString("N0", CultureInfo.InvariantCulture);
                var named = leftOut.OrderByDescending(one => one.Value).Take(MaxNamedLeftOut)
                    .Select(one => $"'{Excerpt.Of(one.Key, LongestExample)}'");
                var more = leftOutOfOthers > 0 ? "many more" : leftOut.Count > MaxNamedLeftOut ? $"{leftOut.Count - MaxNamedLeftOut} more" : null;
                var of = string.Join(", ", named) + (more is null ? "" : $" and {more}");
                remarks.Add($"{count} printed points of {of} are left out: they could not be stored for a while, and at most {MaxWaiting} wait");
                leftOut.Clear();
                leftOutOfOthers = 0;
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
        taken++;
        isStoreAway = false;
        if (waiting.Count == MaxWaiting / 2) Monitor.PulseAll(gate);
        if (waiting.Count < MaxWaiting / 2 && filling.Task.IsCompleted) filling = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    // A quarter of the room is made by those that have the most. A metric's first and last point stay.
    private void Thin()
    {
        var before = waiting.Count;
        var counts = waiting.CountBy(one => one.Point.Name, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var enough = Largest(counts.Values, atLeast: before / 2);
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var kept = new Queue<(MetricPoint Point, long Came)>(MaxWaiting);
        foreach (var (point, came) in waiting)
        {
            ref var index = ref CollectionsMarshal.GetValueRefOrAddDefault(seen, point.Name, out _);
            var count = counts[point.Name];
            index++;
            if (count < enough || count < 3 || index == 1 || (count - index) % 2 == 0) kept.Enqueue((point, came));
            else NoteLeftOut(point.Name);
        }

        // Names that hardly repeat are no curves.
        while (kept.Count > MaxWaiting * 3 / 4) NoteLeftOut(kept.Dequeue().Point.Name);
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

    private void NoteLeftOut(string name)
    {
        // Names beyond are counted together: there may be millions.
        if (leftOut.Count == MaxNames && !leftOut.ContainsKey(name)) leftOutOfOthers++;
        else CollectionsMarshal.GetValueRefOrAddDefault(leftOut, name, out _)++;
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
