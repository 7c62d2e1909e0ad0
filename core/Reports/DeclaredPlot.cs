using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.Core.Reports;

/// <summary>A plot that experiments declare (<see cref="ReportPlot"/>), of all runs that declare one of its title: a section with a table and a
/// chart.</summary>
static class DeclaredPlot
{
    private const int MaxXColumns = 12;

    /// <summary>A run with its own declaration, which may differ in where the values are.</summary>
    private sealed record Drawn(int Index, string Label, ReportedRun Run, ReportPlot Plot)
    {
        public ResultsFile? File => Plot.Results is { } name ? Run.Results.GetValueOrDefault(name) : null;

        public bool HasSomething => Plot.Results is null || File is not null;
    }

    /// <summary>In the order in which the runs declare them.</summary>
    public static IEnumerable<ReportSection> All(IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels, ISet<string> taken) =>
        runs.Index().SelectMany(at => at.Item.Run.Spec.Report.Select(plot => new Drawn(at.Index, labels[at.Index], at.Item, plot)))
            .Where(drawn => drawn.HasSomething)
            .GroupBy(drawn => drawn.Plot.Title, StringComparer.Ordinal).Select(group => Section([.. group], taken)).OfType<ReportSection>();

    private static ReportSection? Section(List<Drawn> runs, ISet<string> taken)
    {
        var plot = Main(runs);
        var xs = runs.SelectMany(run => run.File is null ? [] : Points(run, run.Plot.X)).Select(row => row.X).Distinct().Order().ToList();
        var chart = Chart(runs, xs, taken);
        List<ReportBlock> blocks = [];
        if (plot.Text is { } text && chart is not null) blocks.Add(new ReportBlock.Paragraph(text));
        var columns = runs.SelectMany(run => run.Plot.Columns).DistinctBy(column => column.Name).ToList();
        foreach (var same in columns.Where(column => IsSame(runs, column)).ToList())
        {
            columns.Remove(same);
            var cell = Cell(runs[0], same);
            if (cell != ReportText.Nothing) blocks.Add(new ReportBlock.Paragraph($"{char.ToUpperInvariant(same.Name[0])}{same.Name[1..]}: {cell}."));
        }

        if (columns.Count > 0) blocks.Add(Table(runs, columns, xs));
        if (chart is not null) blocks.Add(new ReportBlock.Picture(chart));
        return blocks.Count > 0 ? new(plot.Title, blocks) : null;
    }

    /// <summary>What stands at the axes: a baseline does not know.</summary>
    private static ReportPlot Main(List<Drawn> runs) => (runs.Find(run => run.Plot.Series.Count > 0) ?? runs[0]).Plot;

    private static bool IsSame(List<Drawn> runs, ReportColumn column) =>
        column.Once && runs.Select(run => Cell(run, column)).Distinct().Count() == 1;

    private static ReportBlock.Table Table(List<Drawn> runs, List<ReportColumn> columns, List<double> xs)
    {
        var shown = xs.Take(MaxXColumns).ToList();
        return new(
            [new("run"), .. columns.SelectMany(column => IsX(column) ? shown.Select(x => new Column(X(x), Numeric: true))
                : [new Column(column.Name, column.As != ReportFormat.Text)])],
            [.. runs.Select(run => (IReadOnlyList<string>)[run.Label,
                .. columns.SelectMany(column => IsX(column) ? shown.Select(x => AtX(run, column, x)) : [Cell(run, column)])])]);

        bool IsX(ReportColumn column) => runs.Exists(run => run.Plot.Results is not null && run.Plot.X == column.Value);

        string X(double x) => Main(runs).Percent ? (x * 100).ToString("0.#", CultureInfo.InvariantCulture) + " %" : ReportText.Number(x);
    }

    private static string AtX(Drawn run, ReportColumn column, double x) => run.Plot.Series is [var first, ..]
        ? Text(column.As, Points(run, first.Y).Where(point => point.X == x).Select(point => (JsonElement?)JsonSerializer.SerializeToElement(point.Y))
            .FirstOrDefault())
        : ReportText.Nothing;

    private static string Cell(Drawn run, ReportColumn column)
    {
        var cell = Text(column.As, run.File?.Value(column.Value, run.Plot.Rows));
        return column.To is { } to && run.File?.Value(to, run.Plot.Rows) is { } after ? $"{cell} → {Text(column.As, after)}" : cell;
    }

    private static string Text(ReportFormat format, JsonElement? value) => format switch
    {
        ReportFormat.Text => ReportText.Value(value),
        ReportFormat.Number => ReportText.Number(ResultsFile.Number(value)),
        ReportFormat.Count => ReportText.Count(ResultsFile.Number(value) is { } count and > -9e15 and < 9e15 ? (long)count : null),
        ReportFormat.Percent => ReportText.Percent(ResultsFile.Number(value)),
        ReportFormat.Duration => ReportText.Duration(ResultsFile.Number(value) is { } seconds and >= 0 and < 1e9 ? TimeSpan.FromSeconds(seconds)
            : null),
    };

    private static Chart? Chart(List<Drawn> runs, List<double> xs, ISet<string> taken)
    {
        var plot = Main(runs);
        var lines = (plot.X.StartsWith(ReportPlot.OfParams, StringComparison.Ordinal) && plot.Results is null ? OfParams(runs)
            : runs.SelectMany(OfRun)).Where(line => line.Points.Count > 0).ToList();
        if (lines.Count == 0) return null;
        var levels = runs.Where(run => lines.TrueForAll(line => line.Color != run.Index) && run.Plot.Level is not null)
            .Select(run => (run, Value: ResultsFile.Number(run.File?.Value(run.Plot.Level!, run.Plot.Rows)))).Where(level => level.Value is not null);
        double[] ticks = [.. plot.AtZero is null ? [] : new[] { 0.0 }, .. xs.Where(x => plot.AtZero is null || x > 0)];
        return new(ReportText.FileName(plot.Title, taken), plot.Title, plot.XLabel ?? plot.X, plot.YLabel ?? "", lines)
        {
            Levels = [.. levels.Select(level => new ChartLevel(level.run.Label, level.run.Index, level.Value!.Value))],
            XTicks = ticks.Length is > 0 and <= MaxXColumns + 1 ? ticks : null,
            Percent = plot.Percent,
        };
    }

    private static IEnumerable<ChartLine> OfRun(Drawn run)
    {
        foreach (var series in run.Plot.Series)
        {
            var points = run.Plot.Results is null ? Curve(run, series) : Points(run, series.Y);
            if (points.Count > 0 && run.Plot.AtZero is { } atZero && ResultsFile.Number(run.File?.Value(atZero, null)) is { } first)
            {
                points = [(0, first), .. points.Where(point => point.X > 0)];
            }
            yield return new($"{run.Label}{Behind(run.Plot, series)}", run.Index, points, Markers: points.Count <= MaxXColumns + 1, series.Dashed);
        }
    }

    /// <summary>Each run is a point of its experiment's line.</summary>
    private static IEnumerable<ChartLine> OfParams(List<Drawn> runs) =>
        from experiment in runs.GroupBy(run => (run.Run.Run.Project, run.Run.Run.Experiment))
        from series in experiment.First().Plot.Series
        let points = from run in experiment
                     let x = ResultsFile.Number(ParamPath.Find(run.Run.Run.Spec.Params, run.Plot.X[ReportPlot.OfParams.Length..]))
                     where x is not null && run.Run.Run.Metrics.TryGetValue(series.Y, out var y) && Math.Abs(y) <= ReportComposer.MostDrawn
                     orderby x
                     select (x.Value, run.Run.Run.Metrics[series.Y])
        select new ChartLine($"{experiment.Key.Experiment}{Behind(experiment.First().Plot, series)}", experiment.First().Index, [.. points],
            Markers: true, series.Dashed);

    private static string Behind(ReportPlot plot, ReportSeries series) => series.Label is { } label ? $", {label}" : plot.Series.Count > 1
        ? $", {series.Y}" : "";

    private static List<(double X, double Y)> Curve(Drawn run, ReportSeries series) =>
        run.Run.Series.FirstOrDefault(logged => logged.Name == series.Y) is { } curve ? ReportComposer.Points(curve) : [];

    /// <summary>In ascending x; rows that lack one of the two are left out.</summary>
    private static List<(double X, double Y)> Points(Drawn run, string y) =>
        [.. (run.File?.Rows(run.Plot.Rows) ?? []).Select(row =>
            (X: ResultsFile.Number(row.TryGetValue(run.Plot.X, out var x) ? x : null),
                Y: ResultsFile.Number(row.TryGetValue(y, out var value) ? value : null)))
            .Where(point => point is { X: not null, Y: not null }).Select(point => (point.X!.Value, point.Y!.Value)).OrderBy(point => point.Item1)];
}
