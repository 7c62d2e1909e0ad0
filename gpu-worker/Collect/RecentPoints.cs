using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// The values of metrics at a checkpoint that was saved a moment ago, in a bounded memory: of very many points since then, the older ones count as
/// those of before.
/// </summary>
/// <param name="most">How many metrics are known at once.</param>
sealed class RecentPoints(MetricOrder order, int most)
{
    private const int MaxPoints = 1 << 16;

    private readonly record struct Recent(string Name, long Step, double Value, DateTimeOffset Earliest, DateTimeOffset Read);

    private readonly List<Recent> points = [];
    private readonly LatestValues older = new(order, most);
    private long greatest = -1, greatestOlder = -1;

    /// <param name="earliest">It was not logged before this.</param>
    /// <param name="read">It was logged before this.</param>
    public void Add(string name, long step, double value, DateTimeOffset earliest, DateTimeOffset read)
    {
        if (points.Count == MaxPoints) Forget(MaxPoints / 2);
        points.Add(new(name, step, value, earliest, read));
        greatest = Math.Max(greatest, step);
    }

    /// <summary>The last value of each metric when a checkpoint was saved.</summary>
    public IReadOnlyDictionary<string, double> At(SaveMoment save)
    {
        var before = greatestOlder;
        foreach (var point in points)
        {
            if (save.IsAfter(point.Read)) before = Math.Max(before, point.Step);
        }

        var byStep = save.IsNamedByStep(before, greatest);
        var then = new LatestValues(order, most);
        foreach (var (name, value) in older.Copy()) then[name] = value;
        foreach (var point in points)
        {
            // Of code that counts epochs, what was measured after an epoch is logged by epoch, too.
            if (point.Step <= save.Step && save.Step <= greatest || !byStep && !save.IsBefore(point.Earliest)) then[point.Name] = point.Value;
        }

        return then.Copy();
    }

    private void Forget(int count)
    {
        foreach (var point in points.Take(count))
        {
            older[point.Name] = point.Value;
            greatestOlder = Math.Max(greatestOlder, point.Step);
        }

        points.RemoveRange(0, count);
    }
}
