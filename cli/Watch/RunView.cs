using Serverless.Cli.Terminal;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Serverless.Cli.Watch;

/// <summary>How runs look while they go on and when they have ended.</summary>
static class RunView
{
    private const int MetricRows = 8, LogRows = 8, CurveWidth = 24, MetricsOfResult = 24;

    /// <summary>
    /// One run in full: state, parameters, latest metrics with their curves, last lines of its log. Never higher than the terminal.
    /// </summary>
    public static IRenderable One(RunRecord run, IReadOnlyList<MetricSeries> series, LogTail log, Output output)
    {
        var rows = new List<IRenderable> { Head(run, Step(run, series), output.Now) };
        if (run.Spec.Params.Count > 0) rows.Add(Dim(TerminalFilter.OneLine(Format.Params(run.Spec.Params))));
        if (Note(run) is { } note) rows.Add(note);
        var metrics = Metrics(run, series);
        if (metrics.Count > 0) rows.AddRange([new Text(""), metrics.Lay(output.Width, indent: 2).Lines]);
        var room = Math.Min(LogRows, output.Out.Profile.Height - 6 - metrics.Count);
        if (log.Last(room) is { Count: > 0 } lines)
        {
            rows.Add(new Text(""));
            rows.AddRange(lines.Select(line => Dim(Printable(line))));
        }

        return new Rows(rows);

        Text Dim(string line) => new("  " + Shortened.Tail(line, output.Width - 3), new(decoration: Decoration.Dim));
    }

    /// <summary>One line a run.</summary>
    public static Listing Many(IReadOnlyList<RunRecord> runs, DateTimeOffset now)
    {
        var listing = new Listing(
            Column.Text("STATE", narrowest: 11), Column.Word("RUN"), Column.Text("EXPERIMENT", 2), Column.Text("PARAMS", 3), Column.Number("STEP", 5),
            Column.Text("METRICS"), Column.Word("CHECKS", 1), Column.Number("TIME", 4));
        foreach (var run in runs)
        {
            listing.Add(
                new($"{Format.Sign(run.State)} {Format.State(run.State)}", Format.Colour(run.State)), Format.ShortId(run.Id), run.Experiment,
                new($"{(run.Spec.Seed == 0 ? "" : $"seed={run.Spec.Seed} ")}{Format.Params(run.Spec.Params)}", "dim"), run.Step?.ToString() ?? "",
                ValuesCell(run.Metrics.Take(MetricsOfResult).ToDictionary(), Math.Max(0, run.Metrics.Count - MetricsOfResult) + run.MetricsLeftOut),
                ChecksCell(CheckTally.Of(run)), Elapsed(run, now));
        }

        return listing;
    }

    /// <summary>The last word about a run: result, cause, message, where to look.</summary>
    /// <param name="width">Columns that a metric's name is shortened to.</param>
    public static IRenderable Result(RunRecord run, int width)
    {
        var rows = new List<IRenderable> { Head(run, run.Step, run.Ended ?? run.Created) };
        if (run.State != RunState.Succeeded && run.Message is { } message) rows.Add(new Text(Indent(message), new(Color.Red)));
        if (run.Metrics.Count > 0)
        {
            var (shown, more) = (run.Metrics.Take(MetricsOfResult), run.Metrics.Count - MetricsOfResult + run.MetricsLeftOut);
            rows.Add(new Text("  "
                + Values(shown.Select(metric => KeyValuePair.Create(Shortened.Middle(metric.Key, width), metric.Value)))
                + More(more)));
        }

        rows.AddRange(run.Checks.Where(check => !check.Passed).Select(check => new Text("  ✗ " + Check(check), new(Color.Red))));
        if (CheckTally.Of(run) is { Failed: 0 } tally) rows.Add(new Text($"  ✓ {tally}", new(Color.Green)));
        string[] next = run.State == RunState.Succeeded ? ["show", "metrics", "artifacts ls"] : ["logs", "show", "rerun"];
        rows.Add(new Markup($"  [dim]{string.Join(" · ", next.Select(command => $"exp {command} {Format.ShortId(run.Id)}"))}[/]"));
        return new Rows(rows);
    }

    /// <summary>Metrics of the experiment itself; the machine's only when there are no others.</summary>
    public static string Values(IEnumerable<KeyValuePair<string, double>> metrics)
    {
        var all = metrics.ToList();
        var own = all.Where(metric => !IsSystem(metric.Key)).ToList();
        return string.Join("  ", (own.Count > 0 ? own : all).Select(metric => $"{TerminalFilter.OneLine(metric.Key)} {Format.Number(metric.Value)}"));
    }

    /// <summary>For a column: the first, which is the one that says most, by the last part of its name, when there is no room for all.</summary>
    /// <param name="leftOut">How many more there are.</param>
    public static Cell ValuesCell(IReadOnlyDictionary<string, double> metrics, int leftOut = 0)
    {
        var most = metrics.FirstOrDefault(metric => !IsSystem(metric.Key));
        return new(Values(metrics) + More(leftOut),
            Short: most.Key is { } name ? $"{name[(name.LastIndexOf('/') + 1)..]} {Format.Number(most.Value)}" : null);
    }

    /// <summary>A check's outcome in words.</summary>
    public static string Check(CheckOutcome check) =>
        $"check {check.Metric}: {(check.Value is { } value ? Format.Number(value) : "the run has no such metric")}, wanted {check.Range}";

    /// <summary>For a column; empty when nothing was checked.</summary>
    public static Cell ChecksCell(CheckTally? checks) => checks switch
    {
        null => new(""),
        { Failed: 0 } => new($"✓ {checks.Passed}", "green"),
        _ => new($"✗ {checks.Failed} of {checks.Passed + checks.Failed}", "red"),
    };

    private static string More(int count) => count > 0 ? $"  and {count} more" : "";

    public static bool IsSystem(string metric) => MetricOrder.IsOfMachine(metric);

    public static string Elapsed(RunRecord run, DateTimeOffset now) =>
        run.Started is { } started ? Format.Duration((run.Ended ?? now) - started) : "";

    private static Markup Head(RunRecord run, long? reached, DateTimeOffset now)
    {
        var colour = Format.Colour(run.State);
        var cause = run.State is RunState.Failed && run.Cause is { } why ? $" ({Format.Cause(why)})" : "";
        var step = reached is { } number ? $"  step {number}" : "";
        var attempt = run.Epoch > 1 ? $"  attempt {run.Epoch}" : "";
        var elapsed = run.Started is null && !run.State.IsTerminal ? $"for {Format.Duration(now - run.Created)}" : Elapsed(run, now);
        if (elapsed.Length > 0) elapsed = "  " + elapsed;
        var (state, id) = ($"{Format.Sign(run.State)} {Format.State(run.State)}{cause}", Format.ShortId(run.Id));
        return Markup.FromInterpolated(
            $"[{colour} bold]{state}[/]  [bold]{run.Experiment}[/] v{run.Version}  {id}{elapsed}{step}[yellow]{attempt}[/]");
    }

    private static Text? Note(RunRecord run) => run switch
    {
        { Cancel: not null } => new("  ending; its code may save its work first", new(Color.Yellow)),
        { State: RunState.Queued, Cause: { } cause } =>
            new($"  back in the queue: {Format.Cause(cause)}{(run.Message is { } message ? $" ({message})" : "")}", new(Color.Yellow)),
        { State: RunState.Queued } => new($"  waiting for a worker of class {run.Spec.Machine}", new(decoration: Decoration.Dim)),
        { State: RunState.Preparing } => new("  fetching code and inputs, compiling", new(decoration: Decoration.Dim)),
        _ => null,
    };

    /// <summary>The newest values: those of the curves, which are read every second; the record has them as of the worker's last heartbeat.</summary>
    private static Listing Metrics(RunRecord run, IReadOnlyList<MetricSeries> series)
    {
        var listing = new Listing(Column.Text("METRIC"), Column.Number("LAST"), Column.Word("CURVE", 1));
        var curves = series.ToDictionary(one => one.Name);
        var own = run.Metrics.Keys.Concat(curves.Keys).Distinct().Where(name => !IsSystem(name)).ToList();
        foreach (var name in own.Take(MetricRows))
        {
            var points = curves.GetValueOrDefault(name)?.Points ?? [];
            listing.Add(
                name, Format.Number(points.Count > 0 ? points[^1].Value : run.Metrics[name]),
                new(Curve.Spark([.. points.Select(point => point.Value)], CurveWidth), "blue"));
        }

        if (own.Count > MetricRows) listing.Add(new($"and {own.Count - MetricRows} more", "dim"), "", "");
        return listing;
    }

    private static long? Step(RunRecord run, IReadOnlyList<MetricSeries> series) =>
        series.Where(one => !IsSystem(one.Name)).Select(one => (long?)one.Points[^1].Step).Append(run.Step).Max();

    private static string Indent(string text) => string.Join('\n', text.TrimEnd().Split('\n').Select(line => "  " + line));

    // A progress bar rewrites its line with carriage returns: what counts is what was written last.
    private static string Printable(string line) => TerminalFilter.OneLine(line[(line.LastIndexOf('\r') + 1)..]);
}
