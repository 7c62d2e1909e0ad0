using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Cli.Watch;
using Serverless.Core.Metrics;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Functions.Reports;

namespace Serverless.Cli;

/// <summary>Curves of several runs in one picture for each metric: in the terminal, or as a file.</summary>
static class PlotCommand
{
    private const int MaxCharts = 6, PointsToDraw = 2000, PointsOfTerminal = 1000;

    /// <summary>More lines than anybody can tell apart.</summary>
    private const int MostRuns = 100;

    private const string NoValues = "no value that can be drawn: all are NaN, infinite or beyond ±1e100";

    /// <summary>What a step is, or how long after its first point a run had got there.</summary>
    private enum Axis
    {
        Step,
        Time,
    }

    public static Verb Create(World world)
    {
        var names = RunNames.Arguments(ArgumentArity.ZeroOrMore);
        var where = new Option<string?>("--where", "-w")
        {
            Description = "Instead of naming runs: those of which this is true, as in exp list", HelpName = "CONDITION",
        };
        var order = new Option<string?>("--order", "-o")
        {
            Description = "With --where, by what to order them, with - the greatest first [newest first]", HelpName = "NAMES",
        };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = "With --where, how many of them", HelpName = "N", DefaultValueFactory = _ => 10,
        };
        var metrics = new Option<string[]>("--metric")
        {
            Description = "Metric to plot; repeat for several, '*' matches any characters [what the runs share, the most telling first]",
            HelpName = "NAME",
        };
        var to = new Option<string?>("--out") { Description = "Picture to write: FILE.png or FILE.svg [the terminal]", HelpName = "FILE" };
        var x = new Option<Axis?>("--x")
        {
            Description = "What runs along the axis: step or time, in seconds since a run's first point [step]", HelpName = "step|time",
            CustomParser = EnumArgument.Parse<Axis>,
        };
        return new Verb("plot", "Plot curves of runs, in the terminal or as a picture")
        {
            Examples =
            [
                "exp plot prune-mlp prune-cnn", "exp plot 7XK2QA M3PPZ1 --metric val/accuracy --out accuracy.svg",
                "exp plot --where 'experiment == prune-mlp and lr < 0.01' --order -val/accuracy -n 5 --metric val/loss",
            ],
        }.With(names, where, order, limit, metrics, to, x).Does(world, async (session, cancel) =>
        {
            Output.WarmUp();
            var query = new RunQuery { Where = session.Get(where), Order = session.Get(order), Limit = session.Get(limit) };
            var ids = await Runs(session, session.Get(names), query, cancel);
            var (file, asked) = (session.Get(to), session.Get(metrics) ?? []);
            var form = file is null ? SheetForm.Png : FormOf(file);
            var runs = await Read(session, ids, asked, file is null ? PointsOfTerminal : PointsToDraw, cancel);
            foreach (var problem in runs.SelectMany(run => run.Problems).Distinct()) session.Output.Remark($"[yellow]{problem}[/]");
            var (charts, leftOut, empty) = Charts(runs, asked, session.Get(x) == Axis.Time);
            if (session.Output.Json) Output.WriteJson(runs.Select(run => new RunMetrics(run.Run.Id, run.Series)).ToList());
            else if (file is null) Draw(session.Output, charts);
            if (file is not null)
            {
                var picture = ChartDrawing.Sheet(charts, form);
                await LocalFiles.Write(file, () => File.WriteAllBytesAsync(file, picture, cancel));
                session.Output.Remark($"Drew {string.Join(", ", charts.Select(chart => chart.Title))} into {file}");
            }

            if (empty.Count > 0) session.Output.Remark($"[yellow]Not plotted: {string.Join(", ", empty)}; {NoValues}[/]");
            if (leftOut.Count > 0) session.Output.Remark($"[dim]Not plotted: {string.Join(", ", leftOut)}; name what to plot: --metric[/]");
        });
    }

    private static SheetForm FormOf(string file) => Path.GetExtension(file).ToUpperInvariant() switch
    {
        ".PNG" => SheetForm.Png,
        ".SVG" => SheetForm.Svg,
        _ => throw ExpException.Usage($"--out {file}: expected a name that ends in .png or .svg"),
    };

    /// <summary>Those that are named, or that a condition is true of.</summary>
    private static async Task<IReadOnlyList<string>> Runs(Session session, string[] names, RunQuery query, CancellationToken cancel)
    {
        if (query.Limit is < 1 or > MostRuns) throw ExpException.Usage($"--limit: a number from 1 to {MostRuns}");
        if (names.Length > 0 == query.Where is not null) throw ExpException.Usage("name the runs to plot, or say which with --where, as in exp list");
        if (query is { Where: null, Order: not null }) throw ExpException.Usage("--order is about the runs of --where");
        if (query.Where is not null)
        {
            var found = await session.Api.ListRuns(query, cancel);
            foreach (var remark in found.Remarks ?? []) session.Output.Remark($"{remark}");
            return found.Runs.Count > 0 ? [.. found.Runs.Select(run => run.Id)] : throw ExpException.NotFound("there are no such runs");
        }

        var ids = new List<string>();
        foreach (var name in names) ids.Add(await RunNames.Find(session.Api, name, cancel));
        return ids;
    }

    /// <exception cref="ExpException">No run has a metric by one of the names.</exception>
    private static async Task<IReadOnlyList<ReportedRun>> Read(
        Session session, IReadOnlyList<string> ids, string[] metrics, int points, CancellationToken cancel)
    {
        var runs = await All(metrics, points);
        var missing = MetricNames.Missing(metrics, runs.SelectMany(run => run.Series));
        if (missing.Count == 0) return runs;
        throw MetricNames.NotFound("no run has a metric", missing, (await All([], MetricNames.FewestPoints)).SelectMany(run => run.Series));

        Task<ReportedRun[]> All(string[] names, int most) => Task.WhenAll(ids.Distinct(StringComparer.Ordinal).Select(async id =>
        {
            var (run, metrics) = (await session.Api.GetRun(id, cancel), await session.Api.GetMetrics(id, names, most, cancel: cancel));
            return new ReportedRun(run, metrics.Series) { Problems = metrics.Problems };
        }));
    }

    /// <exception cref="ExpException">There is nothing to plot.</exception>
    private static (IReadOnlyList<Chart> Charts, IReadOnlyList<string> LeftOut, IReadOnlyList<string> Empty) Charts(
        IReadOnlyList<ReportedRun> runs, string[] asked, bool overTime)
    {
        var logged = runs.SelectMany(run => run.Series).Select(series => series.Name).Distinct(StringComparer.Ordinal).ToList();
        var chosen = asked.Length > 0
            ? [.. logged.OrderBy(name => Array.FindIndex(asked, pattern => NamePattern.Matches(pattern, name)))]
            : CurveChoice.Of(runs).Names(MetricOrder.Of(runs.Select(run => run.Run))).Plotted;
        if (chosen.Count == 0) throw ExpException.NotFound("there are no curves yet: a metric needs two points");
        var labels = ReportedRun.Labels(runs);
        var charts = chosen.Select(name => Chart(name, runs, labels, overTime)).ToLookup(chart => chart.Lines.Count > 0);
        if (!charts[true].Any()) throw ExpException.NotFound($"{string.Join(", ", chosen)}: {NoValues}");
        return ([.. charts[true].Take(MaxCharts)], [.. Titles(charts[true].Skip(MaxCharts))], [.. Titles(charts[false])]);

        static IEnumerable<string> Titles(IEnumerable<Chart> charts) => charts.Select(chart => chart.Title);
    }

    private static Chart Chart(string metric, IReadOnlyList<ReportedRun> runs, IReadOnlyList<string> labels, bool overTime)
    {
        var lines = from run in runs.Index()
                    from series in run.Item.Series
                    where series.Name == metric
                    let points = overTime ? ReportComposer.PointsOverTime(series) : ReportComposer.Points(series)
                    select new ChartLine(labels[run.Index], run.Index, points, Markers: points.Count == 1);
        return new("plot", metric, overTime ? MachineUse.Seconds : MachineUse.Axis(metric), "", [.. lines.Where(line => line.Points.Count > 0)]);
    }

    private static void Draw(Output output, IReadOnlyList<Chart> charts)
    {
        foreach (var chart in charts)
        {
            output.Line($"[bold]{chart.Title}[/]");
            TerminalPlot.Draw(output, chart, value => MachineUse.Value(chart.Title, value));
            output.Line($"");
        }
    }
}
