using Serverless.Core.Api;
using Serverless.Core.Runs;

namespace Serverless.Core.Reports;

/// <summary>Decides what a report of several runs says. Pure: the same runs give the same report.</summary>
public static class ReportComposer
{
    /// <summary>A report is read by people: more columns or plots than this are left to <c>/api/compare</c>.</summary>
    public const int MaxParamColumns = 6, MaxMetricColumns = 8, MaxCurves = 16;

    /// <summary>The worker's own measurements (CPU, memory): not what an experiment is compared by.</summary>
    private const string SystemMetrics = "system/";

    /// <param name="title">Null: named after the runs' experiments.</param>
    public static Report Compose(string id, string? title, DateTimeOffset created, IReadOnlyList<ReportedRun> runs)
    {
        var labels = ReportedRun.Labels(runs);
        var taken = new HashSet<string> { "report" };
        ReportSection?[] sections =
        [
            PruningSection.Of(runs, labels, taken),
            new("Runs", [.. RunTable(runs, labels)]),
            Curves(runs, labels, taken),
            new("Details", [.. runs.Select((run, i) => Details(run, labels[i]))]),
        ];
        return new(id, Title(title, runs), created, [.. sections.OfType<ReportSection>()]);
    }

    private static string Title(string? title, IReadOnlyList<ReportedRun> runs)
    {
        if (!string.IsNullOrWhiteSpace(title)) return title.Trim();
        var experiments = runs.Select(run => run.Run.Experiment).Distinct().ToList();
        return experiments.Count <= 3 ? string.Join(", ", experiments) : $"{string.Join(", ", experiments.Take(2))} and {experiments.Count - 2} more experiments";
    }

    private static IEnumerable<ReportBlock> RunTable(IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels)
    {
        var parameters = ReportedRun.DifferingParams(runs);
        var seeds = runs.Select(run => run.Run.Spec.Seed).Distinct().Count() > 1;
        var metrics = MetricsByUse(runs.Select(run => run.Run.Metrics.Keys), atLeast: 1);
        var shownParams = parameters.Take(MaxParamColumns).ToList();
        var shownMetrics = metrics.Take(MaxMetricColumns).ToList();

        yield return new ReportBlock.Table(
            [
                new("run"), new("state"), .. shownParams.Select(name => new Column(name, Numeric: true)), .. seeds ? [new Column("seed", Numeric: true)] : Array.Empty<Column>(),
                .. shownMetrics.Select(name => new Column(name, Numeric: true)), new("duration", Numeric: true),
            ],
            [.. runs.Select((run, i) => (IReadOnlyList<string>)
            [
                labels[i], State(run.Run), .. shownParams.Select(name => ReportText.ShortValue(ReportedRun.Param(run, name))), .. seeds ? [ReportText.Value(Json(run.Run.Spec.Seed))] : Array.Empty<string>(),
                .. shownMetrics.Select(name => ReportText.Number(run.Run.Metrics.TryGetValue(name, out var value) ? value : null)), ReportText.Duration(run.Duration),
            ])]);

        var left = parameters.Skip(MaxParamColumns).Concat(metrics.Skip(MaxMetricColumns)).ToList();
        if (left.Count > 0) yield return new ReportBlock.Paragraph($"Not shown here: {string.Join(", ", left)}.");
    }

    private static ReportSection? Curves(IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels, HashSet<string> taken)
    {
        var curves = runs.Select(run => run.Series.Select(series => (series.Name, Points: Points(series))).Where(line => line.Points.Count > 1)
            .ToDictionary(line => line.Name, line => line.Points, StringComparer.Ordinal)).ToList();

        // What at least two runs share can be compared. Runs that share nothing, and a run alone, are shown by what they have.
        var names = MetricsByUse(curves.Select(run => run.Keys), atLeast: Math.Min(2, runs.Count));
        if (names.Count == 0) names = MetricsByUse(curves.Select(run => run.Keys), atLeast: 1);
        if (names.Count == 0) return null;

        List<ReportBlock> blocks = [];
        foreach (var name in names.Take(MaxCurves))
        {
            var lines = runs.Index().Where(at => curves[at.Index].ContainsKey(name))
                .Select(at => new ChartLine(labels[at.Index], at.Index, curves[at.Index][name], Markers: curves[at.Index][name].Count <= 12)).ToList();
            blocks.Add(new ReportBlock.Picture(new(ReportText.FileName(name, taken), name, "step", "", lines)));
        }

        if (names.Count > MaxCurves) blocks.Add(new ReportBlock.Paragraph($"Not plotted: {string.Join(", ", names.Skip(MaxCurves))}."));
        return new("Curves", blocks);
    }

    private static List<(double X, double Y)> Points(MetricSeries series) =>
        series.Points.Where(point => double.IsFinite(point.Value)).Select(point => ((double)point.Step, point.Value)).OrderBy(point => point.Item1).ToList();

    /// <summary>The most shared first, then in ordinal order.</summary>
    private static List<string> MetricsByUse(IEnumerable<IEnumerable<string>> runs, int atLeast) =>
        runs.SelectMany(names => names).Where(name => !name.StartsWith(SystemMetrics, StringComparison.Ordinal)).GroupBy(name => name)
            .Where(group => group.Count() >= atLeast).OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal).Select(group => group.Key).ToList();

    private static ReportBlock.Facts Details(ReportedRun reported, string label)
    {
        var run = reported.Run;
        List<(string, string)> facts =
        [
            ("id", run.Id), ("experiment", $"{run.Project}/{run.Experiment} version {run.Version}"), ("state", State(run)),
            ("code", run.Spec.Code.Commit is { } commit ? $"{Short(run.Spec.Code.Tree)}, commit {Short(commit)}" : Short(run.Spec.Code.Tree)),
            ("command", run.Spec.Command), ("machine", run.Spec.Machine), ("seed", ReportText.Value(Json(run.Spec.Seed))),
            ("submitted", ReportText.Time(run.Created)),
        ];
        if (run.Spec.Params.Count > 0) facts.Add(("parameters", string.Join(", ", run.Spec.Params.Select(param => $"{param.Key}={ReportText.Value(param.Value)}"))));
        if (run.Spec.Datasets.Count > 0) facts.Add(("datasets", string.Join(", ", run.Spec.Datasets.Select(dataset => $"{dataset} ({Short(dataset.Sha256)})"))));
        if (run.Spec.Inputs.Count > 0) facts.Add(("inputs", string.Join(", ", run.Spec.Inputs.Select(input => $"{input.Path} ({Short(input.Sha256)})"))));
        if (run.Epoch > 1) facts.Add(("attempts", ReportText.Count(run.Epoch)));
        if (run.Message is { Length: > 0 } message) facts.Add(("message", message));
        return new(label, facts);
    }

    private static string State(RunRecord run) => run.Cause is { } cause && cause != Cause.Completed && !(run.State == RunState.Cancelled && cause == Cause.Cancelled)
        ? $"{CoreJson.Name(run.State)} ({CoreJson.Name(cause)})"
        : CoreJson.Name(run.State);

    private static string Short(string hash) => hash[..Math.Min(12, hash.Length)];

    private static System.Text.Json.JsonElement Json(long value) => System.Text.Json.JsonSerializer.SerializeToElement(value);
}
