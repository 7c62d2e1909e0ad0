using Serverless.Contract;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;

namespace Serverless.Core.Reports;

/// <summary>Decides what a report of several runs says. Pure: the same runs give the same report.</summary>
public static class ReportComposer
{
    /// <summary>A report is read by people: more columns than this are left to <c>/api/compare</c>.</summary>
    public const int MaxParamColumns = 6, MaxMetricColumns = 8;

    /// <summary>Beyond it an axis has no ticks that mean anything.</summary>
    internal const double MostDrawn = 1e100;
    private const int MaxMessage = 2000;

    /// <param name="title">Null: named after the runs' experiments.</param>
    /// <param name="curves">Null: chosen from the runs' series.</param>
    public static Report Compose(string id, string? title, DateTimeOffset created, IReadOnlyList<ReportedRun> runs, CurveChoice? curves = null)
    {
        var order = MetricOrder.Of(runs.Select(run => run.Run));
        var labels = ReportedRun.Labels(runs);
        var taken = new HashSet<string> { "report" };
        ReportSection?[] sections =
        [
            .. DeclaredPlot.All(runs, labels, taken),
            new("Runs", [.. RunTable(runs, labels, order)]),
            ChecksSection.Of(runs, labels),
            Curves(runs, labels, taken, (curves ?? CurveChoice.Of(runs)).Names(order)),
            new("Details", [.. runs.Select((run, i) => Details(run, labels[i]))]),
        ];
        return new(id, Title(title, runs), created, [.. sections.OfType<ReportSection>()]);
    }

    private static string Title(string? title, IReadOnlyList<ReportedRun> runs)
    {
        if (!string.IsNullOrWhiteSpace(title)) return title.Trim();
        var experiments = runs.Select(run => run.Run.Experiment).Distinct().ToList();
        return experiments.Count <= 3
            ? string.Join(", ", experiments)
            : $"{string.Join(", ", experiments.Take(2))} and {experiments.Count - 2} more experiments";
    }

    private static IEnumerable<ReportBlock> RunTable(IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels, MetricOrder order)
    {
        var parameters = ReportedRun.DifferingParams(runs);
        var seeds = runs.Select(run => run.Run.Spec.Seed).Distinct().Count() > 1;
        var uses = runs.SelectMany(run => run.Run.Metrics.Keys).Where(name => !MetricOrder.IsOfMachine(name))
            .CountBy(name => name, StringComparer.Ordinal);
        var metrics = CurveChoice.ByUse(uses, order);
        var shownParams = parameters.Take(MaxParamColumns).ToList();
        var shownMetrics = metrics.Take(MaxMetricColumns).ToList();

        yield return new ReportBlock.Table(
            [
                new("run"), new("state"), .. shownParams.Select(name => new Column(name, Numeric: true)),
                .. seeds ? [new Column("seed", Numeric: true)] : Array.Empty<Column>(),
                .. shownMetrics.Select(name => new Column(name, Numeric: true)), new("duration", Numeric: true),
            ],
            [.. runs.Select((run, i) => (IReadOnlyList<string>)
            [
                labels[i], State(run.Run), .. shownParams.Select(name => ReportText.ShortValue(ReportedRun.Param(run, name))),
                .. seeds ? [ReportText.Value(Json(run.Run.Spec.Seed))] : Array.Empty<string>(),
                .. shownMetrics.Select(name => ReportText.Number(run.Run.Metrics.TryGetValue(name, out var value) ? value : null)),
                ReportText.Duration(run.Duration),
            ])]);

        var left = parameters.Skip(MaxParamColumns).Concat(metrics.Skip(MaxMetricColumns)).ToList();
        var unnamed = runs.Max(run => run.Run.MetricsLeftOut);
        if (left.Count + unnamed > 0) yield return new ReportBlock.Paragraph($"Not shown here: {ReportText.Listed(left, unnamed)}.");
    }

    private static ReportSection? Curves(
        IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels, HashSet<string> taken,
        (IReadOnlyList<string> Plotted, IReadOnlyList<string> LeftOut) names)
    {
        var curves = runs.Select(run => run.Series.ToDictionary(series => series.Name, StringComparer.Ordinal)).ToList();
        List<ReportBlock> blocks = [];
        List<string> notWhole = [];
        foreach (var name in names.Plotted)
        {
            var lines = new List<ChartLine>();
            foreach (var (index, series) in curves.Index().Where(at => at.Item.ContainsKey(name)).Select(at => (at.Index, at.Item[name])))
            {
                var points = Points(series);
                if (points.Count < series.Points.Count && !notWhole.Contains(name)) notWhole.Add(name);
                if (points.Count > 1) lines.Add(new(labels[index], index, points, Markers: points.Count <= 12));
            }

            if (lines.Count > 0) blocks.Add(new ReportBlock.Picture(new(ReportText.FileName(name, taken), name, "step", "", lines)));
        }

        if (notWhole.Count > 0)
        {
            blocks.Add(new ReportBlock.Paragraph($"Not drawn are values that are not finite, or beyond ±1e100, of: {ReportText.Listed(notWhole)}."));
        }

        if (names.LeftOut.Count > 0) blocks.Add(new ReportBlock.Paragraph($"Not plotted: {ReportText.Listed(names.LeftOut)}."));
        return blocks.Count > 0 ? new("Curves", blocks) : null;
    }

    internal static List<(double X, double Y)> Points(MetricSeries series) =>
        Drawn(series).Select(point => ((double)point.Step, point.Value)).OrderBy(point => point.Item1).ToList();

    /// <summary>As <see cref="Points"/>, at the seconds since the first of them.</summary>
    internal static List<(double X, double Y)> PointsOverTime(MetricSeries series)
    {
        var drawn = Drawn(series).OrderBy(point => point.At).ToList();
        return [.. drawn.Select(point => ((point.At - drawn[0].At).TotalSeconds, point.Value))];
    }

    private static IEnumerable<MetricValue> Drawn(MetricSeries series) => series.Points.Where(point => Math.Abs(point.Value) <= MostDrawn);

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
        if (run.Spec.Params.Count > 0)
        {
            facts.Add(
                ("parameters", string.Join(", ", ParamPath.Flat(run.Spec.Params).Select(param => $"{param.Key}={ReportText.Value(param.Value)}"))));
        }

        if (run.Spec.Datasets.Count > 0)
        {
            facts.Add(("datasets", ReportText.Listed([.. run.Spec.Datasets.Select(dataset => $"{dataset} ({Short(dataset.Sha256)})")])));
        }

        if (run.Spec.Inputs.Count > 0)
        {
            facts.Add(("inputs", ReportText.Listed([.. run.Spec.Inputs.Select(input => $"{input.Path} ({Short(input.Sha256)})")])));
        }

        if (run.Epoch > 1) facts.Add(("attempts", ReportText.Count(run.Epoch)));
        if (run.Message is { Length: > 0 } message) facts.Add(("message", message.Length > MaxMessage ? message[..MaxMessage] + "…" : message));
        if (reported.Problems.Count > 0) facts.Add(("not readable", string.Join("\n", reported.Problems)));
        return new(label, facts);
    }

    private static string State(RunRecord run) =>
        run.Cause is { } cause && cause != Cause.Completed && !(run.State == RunState.Cancelled && cause == Cause.Cancelled)
        ? $"{CoreJson.Name(run.State)} ({CoreJson.Name(cause)})"
        : CoreJson.Name(run.State);

    private static string Short(string hash) => hash[..Math.Min(12, hash.Length)];

    private static System.Text.Json.JsonElement Json(long value) => System.Text.Json.JsonSerializer.SerializeToElement(value);
}
