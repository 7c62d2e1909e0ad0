using Serverless.Contract;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// What the attempt before logged at about the time of the checkpoint that this one goes on from: nobody can tell from when it came whether it
/// belongs before the checkpoint. What this attempt logs tells it: of each metric, what comes before the first step that is logged again is carried
/// over into this attempt's stream, and the rest is dropped.
/// </summary>
/// <param name="points">In order of logging.</param>
sealed class CarriedPoints(IEnumerable<MetricPoint> points)
{
    private readonly Dictionary<string, List<MetricPoint>> undecided =
        points.GroupBy(point => point.Name, StringComparer.Ordinal).ToDictionary(same => same.Key, same => same.ToList(), StringComparer.Ordinal);

    private readonly HashSet<(string Name, long Step)> early = [];

    /// <summary>Before a point of this attempt is stored.</summary>
    /// <returns>The points of its metric that come before it; nobody asks for them again.</returns>
    public IReadOnlyList<MetricPoint> Before(string name, long step)
    {
        if (undecided.Count == 0 || !undecided.TryGetValue(name, out var waiting) || Split(waiting, step) is not { } kept) return [];
        undecided.Remove(name);
        return kept;
    }

    /// <summary>Whether <see cref="Rest"/> has given this point already.</summary>
    public bool IsThere(string name, long step) => early.Count > 0 && early.Contains((name, step));

    /// <summary>All that is undecided, because the stream must be whole here. What is logged again afterwards is there already.</summary>
    public IReadOnlyList<MetricPoint> Rest()
    {
        if (undecided.Count == 0) return [];
        List<MetricPoint> rest = [.. undecided.Values.SelectMany(waiting => waiting)];
        undecided.Clear();
        foreach (var point in rest) early.Add((point.Name, point.Step));
        return rest;
    }

    /// <returns>Null: a step before all of them says nothing yet. An evaluation before the training is logged as step 0 by every attempt.</returns>
    private static List<MetricPoint>? Split(List<MetricPoint> waiting, long step)
    {
        // Steps may begin again with every epoch: the attempt goes on in the last round that has its step.
        var rounds = Rounds(waiting);
        var round = rounds.FindLastIndex(one => one.Exists(point => point.Step == step));
        if (round < 0) round = rounds.FindLastIndex(one => one.Exists(point => point.Step <= step));
        if (round < 0) return null;
        return [.. rounds.Take(round).SelectMany(one => one), .. rounds[round].Where(point => point.Step < step)];
    }

    // Processes that log side by side are a little out of step; counting that begins again falls by more than half.
    private static List<List<MetricPoint>> Rounds(List<MetricPoint> points)
    {
        var rounds = new List<List<MetricPoint>>();
        foreach (var point in points)
        {
            if (rounds.Count == 0 || point.Step < rounds[^1][^1].Step / 2) rounds.Add([]);
            rounds[^1].Add(point);
        }

        return rounds;
    }
}
