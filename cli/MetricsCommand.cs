using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Transfer;
using Serverless.Cli.Watch;
using Serverless.Core.Metrics;
using Serverless.Core.Metrics.Printed;
using Serverless.Core.Reports;
using Serverless.Core.Storage.Plain;
using Column = Serverless.Cli.Terminal.Column;

namespace Serverless.Cli;

static class MetricsCommand
{
    private const int SparkWidth = 16, WideSparkWidth = 30, WideTerminal = 120, PointsToDraw = 1000, PointsOfJson = 1_000_000, RunsOfAPage = 1000;

    public static Verb Create(World world)
    {
        var name = RunNames.Optional();
        var metrics = new Argument<string[]>("METRIC")
        {
            Description = "Plot these ('*' matches any characters); without any, a table of all", Arity = ArgumentArity.ZeroOrMore,
        };
        var csv = new Option<bool>("--csv") { Description = "Every point as metric,step,value,time, in order of logging" };
        var to = new Option<string?>("--out")
        {
            Description = "The same into a file: FILE.csv, or FILE.parquet with run and experiment beside each point", HelpName = "FILE",
        };
        var where = new Option<string?>("--where", "-w")
        {
            Description = "With --out FILE.parquet, instead of a run: all of which this is true, as in exp list", HelpName = "CONDITION",
        };
        var plot = new Option<bool>("--plot") { Description = "Plot all of them" };
        var attempt = new Option<string[]>("--try")
        {
            Description =
                "Show what is read in a log, of a run or a file ('-': standard input), with a pattern for its lines: named groups are metrics",
            HelpName = "PATTERN", Arity = ArgumentArity.ZeroOrMore, AllowMultipleArgumentsPerToken = false,
        };
        var system = new Option<bool>("--system") { Description = "Also the machine's own metrics (system/…)" };
        return new Verb("metrics", "Show a run's metrics: last, smallest and largest value, and their curves")
        {
            Examples =
            [
                "exp metrics last", "exp metrics last train/loss val/accuracy", "exp metrics 7XK2QA --csv > curves.csv",
                "exp metrics 7XK2QA --out curves.parquet",
                "exp metrics --where 'experiment == prune-mlp and age < 7d' --out curves.parquet 'val/*'",
                """exp metrics train.log --try '^(?<step>\d+) rmse (?<rmse>\S+)'""",
            ],
        }.With(name, metrics, plot, csv, to, where, system, attempt).Does(world, async (session, cancel) =>
        {
            if (!session.Output.Json) Output.WarmUp();
            var file = session.Get(to) is { } given ? MetricsFile.To(given) : null;
            if (session.Get(where) is { } condition)
            {
                string[] patterns = session.GetOptional(name) is { } first ? [first, .. session.Get(metrics)] : [];
                await WriteRuns(session, file, condition, patterns, session.Get(system) || patterns.Length > 0 ? null : MetricSource.Run, cancel);
                return;
            }

            var asked = session.GetOptional(name) ?? throw ExpException.Usage("name the run whose metrics to show; the newest: exp metrics last");
            if (session.Has(attempt))
            {
                await Try(session, asked, session.Get(attempt) ?? [], cancel);
                return;
            }

            var run = await RunNames.Find(session.Api, asked, cancel);
            var wanted = session.Get(metrics);

            // What is named is found wherever it comes from; a table says how many there are of the machine.
            var withMachine = session.Get(system) || wanted.Length > 0;
            MetricSource? source = withMachine ? null : MetricSource.Run;
            if (file is not null)
            {
                await WriteFile(session, file, run, wanted, source, cancel);
                return;
            }

            if (session.Get(csv) && !session.Output.Json)
            {
                await WriteCsv(session, run, wanted, source, cancel);
                return;
            }

            var answer = await session.Api.GetMetrics(
                run, wanted, session.Output.Json ? PointsOfJson : PointsToDraw, session.Output.Json ? source : null, cancel);
            if (session.Output.Json) Output.WriteJson(answer);
            else if (wanted.Length > 0 || session.Get(plot)) Draw(session.Output, answer, withMachine);
            else Table(session.Output, answer, session.Get(system));
            Remark(session.Output, answer);
            await CheckNames(session.Api, run, answer, wanted, cancel);
        });
    }

    private static async Task Try(Session session, string log, string[] patterns, CancellationToken cancel)
    {
        var form = new RunForms.MetricPattern();
        var problems = patterns.Select(pattern => form.Problem(pattern)).OfType<string>().ToList();
        if (problems.Count > 0) throw ExpException.Usage($"--try: {problems[0]}", [.. problems.Skip(1).Select(problem => $"--try: {problem}")]);
        var trial = new PrintedTrial(patterns);
        await using (var lines = await Open(session, log, cancel)) await trial.Read(lines, cancel);
        var read = new RunMetrics(log, trial.Series);
        if (session.Output.Json) Output.WriteJson(read);
        else if (read.Series.Count == 0) session.Output.Remark($"Nothing in it is read as a metric.");
        else Table(session.Output, read, system: true);
        for (var at = 0; at < patterns.Length; at++)
        {
            var lines = trial.Matches[at] switch { 0 => "no line", 1 => "1 line", var many => $"{Invariant(many)} lines" };
            session.Output.Remark($"[dim]{patterns[at]} matches {lines}[/]");
        }

        foreach (var left in trial.LeftOut) session.Output.Remark($"[yellow]{left}[/]");
    }

    private static async Task<Stream> Open(Session session, string log, CancellationToken cancel)
    {
        if (log == "-") return StandardOutput.OpenInput();
        if (!File.Exists(log)) return (await session.Api.OpenLogs(await RunNames.Find(session.Api, log, cancel), cancel: cancel)).Text;
        if (PlainFile.Problem(log) is { } problem) throw ExpException.Usage($"{log} cannot be read: {problem}");
        return PlainFile.Open(log).Content;
    }

    /// <summary>As it comes, however much it is: comments go to standard error.</summary>
    private static async Task WriteCsv(Session session, string run, string[] wanted, MetricSource? source, CancellationToken cancel)
    {
        await using var output = StandardOutput.Open();

        // The header alone: none of the names is a metric's.
        if (await MetricsFile.WriteCsv(output, Points(session, run, wanted, source, cancel), cancel) == 0)
        {
            await CheckNames(session.Api, run, new(run, []), wanted, cancel);
        }
    }

    private static async Task WriteFile(
        Session session, MetricsFile file, string run, string[] wanted, MetricSource? source, CancellationToken cancel)
    {
        if (wanted.Length > 0)
        {
            var there = await session.Api.GetMetrics(run, wanted, MetricNames.FewestPoints, source, cancel);
            await CheckNames(session.Api, run, there, wanted, cancel);
        }

        var experiment = (await session.Api.GetRun(run, cancel)).Experiment;
        var points = await file.Write([new(run, experiment, Points(session, run, wanted, source, cancel, isWhole: true))], cancel);
        session.Output.Remark($"Wrote {Counted(points, "point")} into {file.Path}");
    }

    /// <summary>All runs of which something is true, in one table.</summary>
    private static async Task WriteRuns(
        Session session, MetricsFile? file, string where, string[] wanted, MetricSource? source, CancellationToken cancel)
    {
        if (file is not { HasRuns: true }) throw ExpException.Usage("--where is about many runs: give it with --out FILE.parquet");
        var runs = new List<RunPoints>();
        await foreach (var run in session.Api.ReadRuns(new() { Where = where, Limit = RunsOfAPage }, cancel))
        {
            runs.Add(new(run.Id, run.Experiment, Points(session, run.Id, wanted, source, cancel)));
        }

        if (runs.Count == 0) throw ExpException.NotFound("there are no such runs");
        var points = await file.Write(runs, cancel);
        session.Output.Remark($"Wrote {Counted(points, "point")} of {Counted(runs.Count, "run")} into {file.Path}");
    }

    private static string Counted(long number, string what) => $"{Invariant(number)} {what}{(number == 1 ? "" : "s")}";

    /// <summary>Records of CSV, the first of them the header.</summary>
    /// <param name="isWhole">What cannot be read is not left out.</param>
    /// <exception cref="ExpException">It is to be whole, and is not.</exception>
    private static async IAsyncEnumerable<string> Points(
        Session session, string run, string[] wanted, MetricSource? source, [EnumeratorCancellation] CancellationToken cancel,
        bool isWhole = false)
    {
        using var text = new StreamReader(await session.Api.OpenMetricsCsv(run, wanted, source, cancel));
        await foreach (var record in Csv.Records(text, cancel))
        {
            if (!record.StartsWith('#')) yield return record;
            else if (!isWhole) session.Output.Remark($"[yellow]{record[1..].Trim()}[/]");
            else throw ExpException.NotFound($"not everything can be read: {record[1..].Trim()}; nothing was written, --csv has what there is");
        }
    }

    /// <summary>What the answer does not have.</summary>
    private static void Remark(Output output, RunMetrics metrics)
    {
        foreach (var problem in metrics.Problems) output.Remark($"[yellow]{problem}[/]");
        if (metrics.SeriesLeftOut > 0) output.Remark($"[yellow]{metrics.SeriesLeftOut} metrics or more are left out; ask for them by name[/]");
        if (output.Json && metrics.Series.Any(series => series.Points.Count < series.Total))
        {
            output.Remark($"[yellow]Long series are thinned; every point: --csv[/]");
        }
    }

    /// <exception cref="ExpException">The run has nothing by one of the names.</exception>
    private static async Task CheckNames(ServerlessClient api, string run, RunMetrics answer, string[] wanted, CancellationToken cancel)
    {
        var missing = MetricNames.Missing(wanted, answer.Series);
        if (missing.Count == 0) return;
        var known = await api.GetMetrics(run, [], MetricNames.FewestPoints, cancel: cancel);
        throw MetricNames.NotFound($"run {Format.ShortId(run)} has no metric", missing, known.Series);
    }

    private static void Table(Output output, RunMetrics metrics, bool system)
    {
        var shown = metrics.Series.Where(series => system || !RunView.IsSystem(series.Name)).ToList();
        var hidden = metrics.Series.Count - shown.Count;
        if (shown.Count == 0) output.Remark($"No metrics {(hidden > 0 ? "of its own " : "")}yet.");
        var curve = output.Width >= WideTerminal ? WideSparkWidth : SparkWidth;
        output.Write(new Listing(
            Column.Text("METRIC", narrowest: 16), Column.Number("LAST"), Column.Number("MIN", 2), Column.Number("MAX", 2), Column.Number("NAN", 1),
            Column.Number("STEP", 4), Column.Number("POINTS", 5), Column.Word("CURVE", 3)).AddAll(shown.Select(series => Row(series, curve))));
        if (hidden > 0) output.Remark($"[dim]and {hidden} of the machine: --system[/]");
    }

    private static Cell[] Row(MetricSeries series, int curve)
    {
        var numbers = series.Points.Select(point => point.Value).Where(value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).ToList();
        return
        [
            new(series.Name, "bold"), Shown(series.Points[^1].Value), new(Shown(numbers.Min()), "dim"), new(Shown(numbers.Max()), "dim"),
            series.NaNs > 0 ? new(Invariant(series.NaNs), "yellow") : new(""), new(Invariant(series.Points[^1].Step), "dim"),
            new(Invariant(series.Total), "dim"),
            new(Curve.Spark([.. series.Points.Select(point => point.Value)], curve), "blue"),
        ];

        string Shown(double value) => MachineUse.Value(series.Name, value);
    }

    private static void Draw(Output output, RunMetrics metrics, bool system)
    {
        foreach (var series in metrics.Series.Where(series => system || !RunView.IsSystem(series.Name)))
        {
            var nans = series.NaNs > 0 ? $", {series.NaNs} NaN" : "";
            var points = $"{series.Total} {(series.Total == 1 ? "point" : "points")}{nans}";
            output.Line($"[bold]{series.Name}[/]  last {MachineUse.Value(series.Name, series.Points[^1].Value)}  [dim]{points}[/]");
            var line = new ChartLine(series.Name, 0, [.. series.Points.Select(point => ((double)point.Step, point.Value))]);
            var chart = new Chart("plot", series.Name, MachineUse.Axis(series.Name), "", [line]);
            TerminalPlot.Draw(output, chart, value => MachineUse.Value(series.Name, value));
            output.Line($"");
        }
    }

    private static string Invariant(long number) => number.ToString(CultureInfo.InvariantCulture);
}
