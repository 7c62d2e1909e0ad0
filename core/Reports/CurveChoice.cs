using Serverless.Core.Metrics;
using Serverless.Core.Runs;

namespace Serverless.Core.Reports;

/// <summary>
/// Which metrics a report plots: what can be compared, the most telling first. It is told what each run has logged, before any curve is
/// kept in memory.
/// </summary>
public sealed class CurveChoice
{
    /// <summary>A report is read by people: more plots than this are left to <c>exp metrics</c>.</summary>
    public const int MaxCurves = 16;
    private const int MaxNames = 20_000;

    private readonly Dictionary<string, int> uses = new(StringComparer.Ordinal);
    private int runs;

    public static CurveChoice Of(IEnumerable<ReportedRun> runs)
    {
        var choice = new CurveChoice();
        foreach (var run in runs) choice.Add(run.Series);
        return choice;
    }

    /// <summary>What another run has logged; a single point is no curve.</summary>
    public void Add(IEnumerable<MetricSeries> logged)
    {
        runs++;
        foreach (var series in logged.Where(series => series.Total > 1 && !MetricOrder.IsOfMachine(series.Name)))
        {
            if (uses.TryGetValue(series.Name, out var before) || uses.Count < MaxNames) uses[series.Name] = before + 1;
        }
    }

    /// <summary>What to plot, and what is left out.</summary>
    public (IReadOnlyList<string> Plotted, IReadOnlyList<string> LeftOut) Names(MetricOrder order)
    {
        // What at least two runs share can be compared. Runs that share nothing, and a run alone, are shown by what they have.
        var names = uses.Where(use => use.Value >= Math.Min(2, runs)).ToList();
        if (names.Count == 0) names = [.. uses];
        var all = ByUse(names, order);
        return ([.. all.Take(MaxCurves)], [.. all.Skip(MaxCurves)]);
    }

    /// <summary>Those that a spec names, then the most shared, then the most telling.</summary>
    public static IReadOnlyList<string> ByUse(IEnumerable<KeyValuePair<string, int>> uses, MetricOrder order) =>
        [.. uses.OrderByDescending(use => order.IsNamed(use.Key)).ThenByDescending(use => use.Value).ThenBy(use => use.Key, order)
            .Select(use => use.Key)];
}
