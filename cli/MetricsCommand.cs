using System.CommandLine;
using System.Globalization;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;
using Serverless.Core.Metrics;

namespace Serverless.Cli;

static class MetricsCommand
{
    private const int SparkWidth = 30, PlotHeight = 10, PointsToDraw = 1000, PointsOfJson = 1_000_000;

    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        var metrics = new Argument<string[]>("METRIC") { Description = "Draw these in full; without any, a table of all", Arity = ArgumentArity.ZeroOrMore };
        var csv = new Option<bool>("--csv") { Description = "Every point as metric,step,value,time, in order of logging" };
        var system = new Option<bool>("--system") { Description = "The machine's own metrics (system/…) too" };
        return new Verb("metrics", "Show a run's metrics: last, least, greatest, and their curves")
        {
            Examples = ["exp metrics last", "exp metrics last train/loss val/accuracy", "exp metrics 7XK2QA --csv > curves.csv"],
        }.With(name, metrics, csv, system).Does(world, async (session, cancel) =>
        {
            if (!session.Output.Json) Output.WarmUp();
            var run = await session.FindRun(name, cancel);
            var wanted = session.Get(metrics);
            if (session.Get(csv) && !session.Output.Json)
            {
                await WriteCsv(session, run, wanted, cancel);
                return;
            }

            var answer = await session.Api.GetMetrics(run, wanted, session.Output.Json ? PointsOfJson : PointsToDraw, cancel);
            if (session.Output.Json) Output.WriteJson(answer);
            else if (wanted.Length > 0) Draw(session.Output, answer, wanted);
            else Table(session.Output, answer, session.Get(system));
            Remark(session.Output, answer);
        });
    }

    /// <summary>As it comes, however much it is: lines that are no points go to standard error.</summary>
    private static async Task WriteCsv(Session session, string run, string[] wanted, CancellationToken cancel)
    {
        using var lines = new StreamReader(await session.Api.OpenMetricsCsv(run, wanted, cancel));

        await using var output = new StreamWriter(StandardOutput.Open(), bufferSize: 1 << 16);
        while (await lines.ReadLineAsync(cancel) is { } line)
        {
            if (line.StartsWith('#')) session.Output.Remark($"[yellow]{line[1..].Trim()}[/]");
            else
            {
                output.Write(line);
                output.Write('\n');
            }
        }
    }

    /// <summary>What the answer does not have.</summary>
    private static void Remark(Output output, RunMetrics metrics)
    {
        foreach (var problem in metrics.Problems) output.Remark($"[yellow]{problem}[/]");
        if (metrics.SeriesLeftOut > 0) output.Remark($"[yellow]{metrics.SeriesLeftOut} metrics or more are left out; ask for them by name[/]");
        if (output.Json && metrics.Series.Any(series => series.Points.Count < series.Total)) output.Remark($"[yellow]Long series are thinned; every point: --csv[/]");
    }

    private static void Table(Output output, RunMetrics metrics, bool system)
    {
        var shown = metrics.Series.Where(series => system || !RunView.IsSystem(series.Name)).ToList();
        var hidden = metrics.Series.Count - shown.Count;
        if (shown.Count == 0) output.Remark($"No metrics {(hidden > 0 ? "of its own " : "")}yet.");
        if (shown.Count > 0)
        {
            var listing = new Listing("METRIC~", "LAST>", "MIN>", "MAX>", "STEP>", "POINTS>", "");
            foreach (var series in shown)
            {
                var values = series.Points.Select(point => point.Value).ToList();
                var finite = values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).ToList();
                listing.Add(
                    new(series.Name, "bold"), Format.Number(values[^1]), new(Format.Number(finite.Min()), "dim"), new(Format.Number(finite.Max()), "dim"),
                    new(series.Points[^1].Step.ToString(CultureInfo.InvariantCulture), "dim"), new(series.Total.ToString(CultureInfo.InvariantCulture), "dim"), new(Curve.Spark(values, SparkWidth), "blue"));
            }

            output.Write(listing);
        }

        if (hidden > 0) output.Remark($"[dim]and {hidden} of the machine: --system[/]");
    }

    private static void Draw(Output output, RunMetrics metrics, string[] wanted)
    {
        foreach (var missing in wanted.Where(name => metrics.Series.All(series => series.Name != name))) output.Remark($"The run has no metric '{missing}'.");
        foreach (var series in metrics.Series)
        {
            var finite = series.Points.Where(point => double.IsFinite(point.Value)).ToList();
            output.Line($"[bold]{series.Name}[/]  last {Format.Number(series.Points[^1].Value)}  [dim]{series.Total} points[/]");
            if (finite.Count == 0) continue;

            string[] labels = [Format.Number(finite.Max(point => point.Value)), Format.Number(finite.Min(point => point.Value))];
            var margin = labels.Max(label => label.Length);
            var width = Math.Min(output.Out.Profile.Width, 100) - margin - 3;
            if (width < 10) continue;
            var rows = Curve.Plot([.. finite.Select(point => ((double)point.Step, point.Value))], width, PlotHeight);
            for (var i = 0; i < rows.Length; i++)
            {
                var label = i == 0 ? labels[0] : i == rows.Length - 1 ? labels[1] : "";
                output.Line($"[dim]{label.PadLeft(margin)} │[/][blue]{rows[i]}[/]");
            }

            var (first, last) = ($"{finite[0].Step}", $"{finite[^1].Step}");
            output.Line($"[dim]{new string(' ', margin)} └{new string('─', width)}[/]");
            output.Line($"[dim]{new string(' ', margin + 2)}{first}{$"step {last}".PadLeft(Math.Max(0, width - first.Length))}[/]\n");
        }
    }
}
