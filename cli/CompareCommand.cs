using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Reports;
using Column = Serverless.Cli.Terminal.Column;

namespace Serverless.Cli;

static class CompareCommand
{
    // These say little beside the header, or differ between any two runs.
    private static readonly string[] Noise = ["experiment", "state", "by"];

    public static Verb Create(World world)
    {
        var names = RunNames.Arguments();
        var all = new Option<bool>("--all", "-a") { Description = "Also show what is the same in all runs" };
        return new Verb("compare", "Compare runs: parameters, code, inputs and metrics that differ")
        {
            Examples = ["exp compare 7XK2QA M3PPZ1", "exp compare prune-mlp prune-cnn baseline-mlnet --all"],
        }.With(names, all).Does(world, async (session, cancel) =>
        {
            Output.WarmUp();
            var ids = new List<string>();
            foreach (var name in session.Get(names)) ids.Add(await RunNames.Find(session.Api, name, cancel));
            if (ids.Distinct().Count() < 2) throw ExpException.Usage("compare needs at least two different runs");
            var comparison = await session.Api.Compare(ids.Distinct(), cancel);
            if (session.Output.Json) Output.WriteJson(comparison);
            else Show(session.Output, comparison, session.Get(all));
        });
    }

    private static void Show(Output output, Comparison comparison, bool all)
    {
        // Two of them are what there is to compare; of more, the last are hidden first.
        var listing = new Listing(
            [Column.Text("RUN"), .. comparison.Runs.Select((run, i) => Column.Text(Format.ShortId(run.Id), Math.Max(0, i - 1), narrowest: 8))]);
        listing.Add([new("experiment", "dim"), .. comparison.Runs.Select(run => new Cell($"{run.Experiment} v{run.Version}"))]);
        listing.Add([
            new("state", "dim"),
            .. comparison.Runs.Select(run => new Cell($"{Format.Sign(run.State)} {Format.State(run.State)}", Format.Colour(run.State))),
        ]);
        var same = 0;
        Add(comparison.Params.Select(row => (row.Name, row.Differs, row.Values.Select(value => value is { } one ? Format.Value(one) : "–"))),
            "yellow");
        Add(comparison.Facts.Where(row => all || !Noise.Contains(row.Name))
            .Select(row => (row.Name, row.Differs, row.Values.Select(value => Short(row.Name, value)))));
        Add(comparison.Metrics.Select(row => (row.Name, true, row.Values.Select(value => value is { } number ? Format.Number(number) : "–"))));
        output.Write(listing);
        LeftOut("parameters", comparison.ParamsLeftOut);
        LeftOut("facts", comparison.FactsLeftOut);
        LeftOut("metrics", comparison.MetricsLeftOut);
        if (same > 0) output.Remark($"[dim]{same} more {(same == 1 ? "is" : "are")} the same in all runs: --all[/]");

        void LeftOut(string what, int count)
        {
            if (count > 0) output.Remark($"[yellow]{count} more {what} left out; exp metrics RUN shows every metric[/]");
        }

        void Add(IEnumerable<(string Name, bool Differs, IEnumerable<string> Values)> rows, string? highlight = null)
        {
            var shown = rows.Where(row => row.Differs || all).ToList();
            same += rows.Count() - shown.Count;
            if (shown.Count == 0) return;
            listing.Add([.. Enumerable.Repeat(new Cell(" "), comparison.Runs.Count + 1)]);
            foreach (var row in shown)
            {
                listing.Add([new(row.Name, "dim"), .. row.Values.Select(value => new Cell(value, row.Differs ? highlight : null))]);
            }
        }
    }

    private static string Short(string fact, string? value) => (fact, value) switch
    {
        (_, null) => "–",
        ("duration", _) when TimeSpan.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out var duration) =>
            Format.Duration(duration),
        ("code" or "commit", { Length: > 12 }) => value[..12],
        ("from", _) => Format.ShortId(value),
        (_, { Length: 64 }) => value[..12],
        _ => value,
    };
}
