using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;
using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Core.Storage;

namespace Serverless.Cli;

static class ListCommand
{
    private const int PageLength = 1000;

    public static Verb Create(World world)
    {
        var project = new Option<string?>("--project", "-p") { Description = "Only runs of this project", HelpName = "NAME" };
        var experiment = new Option<string?>("--experiment", "-e") { Description = "Only runs of this experiment", HelpName = "NAME" };
        var state = new Option<RunState?>("--state", "-s")
        {
            Description = "Only runs in this state: queued, preparing, running, succeeded, failed or cancelled", HelpName = "STATE",
            CustomParser = EnumArgument.Parse<RunState>,
        };
        var tag = new Option<string?>("--tag", "-t") { Description = "Only runs with this tag", HelpName = "TAG" };
        var where = new Option<string?>("--where", "-w")
        {
            Description = "Only runs of which this is true, as in the examples. Fields: " + string.Join(", ", RunSearch.Fields),
            HelpName = "CONDITION",
        };
        var order = new Option<string?>("--order", "-o") { Description = "By what to order them, with - the greatest first", HelpName = "NAMES" };
        var limit = new Option<int>("--limit", "-n") { Description = "How many runs; 0: all", HelpName = "N", DefaultValueFactory = _ => 20 };
        return new Verb("list", "List runs, newest first")
        {
            Examples =
            [
                "exp list", "exp list --experiment prune-mlp --state failed",
                "exp list --where 'val/accuracy > 0.9 and lr < 0.01' --order -val/accuracy",
                "exp list --where \"state in (failed, cancelled) and age < 2d and not tags == baseline\"", "exp list -n 0 --json | jq '.runs[].id'",
            ],
        }.With(project, experiment, state, tag, where, order, limit).Does(world, async (session, cancel) =>
        {
            var wanted = session.Get(limit);
            if (wanted < 0) throw ExpException.Usage("--limit: a number from 0 (all) on");

            // As an unset variable is: all runs would be listed, and whoever deletes what is listed would delete them.
            foreach (var filter in (Option<string?>[])[project, experiment, tag, where])
            {
                if (session.Get(filter) is not { } text || text.Trim().Length > 0) continue;
                throw ExpException.Usage($"{filter.Name}: is empty; leave it out for all");
            }

            if (!session.Output.Json) Output.WarmUp();
            var runs = new List<RunSummary>();
            var (damaged, remarks) = (new List<DamagedRecord>(), new List<string>());
            string? after = null;
            do
            {
                var page = await session.Api.ListRuns(new()
                {
                    Project = session.Get(project), Experiment = session.Get(experiment), State = session.Get(state), Tag = session.Get(tag),
                    Where = session.Get(where), Order = session.Get(order),
                    Limit = wanted == 0 ? PageLength : Math.Min(PageLength, wanted - runs.Count), After = after,
                }, cancel);
                runs.AddRange(page.Runs);
                damaged.AddRange(page.Damaged ?? []);
                remarks.AddRange(page.Remarks ?? []);
                after = page.Next;
            }
            while (after is not null && (wanted == 0 || runs.Count < wanted));

            if (session.Output.Json) Output.WriteJson(new RunList(runs, after, DamagedRecord.Listed(damaged), remarks.Count > 0 ? remarks : null));
            else if (runs.Count > 0) Show(session.Output, runs, after is null ? null : session.Get(order) is null ? "newest" : "first");
            else if ((session.Get(project) ?? session.Get(experiment) ?? session.Get(tag) ?? session.Get(where)) is not null
                || session.Get(state) is not null)
            {
                session.Output.Remark($"No such runs.");
            }
            else session.Output.Remark($"No runs. Start one with: exp run FILE   (a file to start from: exp init)");
            if (session.Output.Json) return;
            foreach (var remark in remarks) session.Output.Remark($"{remark}");
            DoctorCommand.Remark(session.Output, damaged);
        });
    }

    /// <param name="cut">Which they are of more; null: they are all.</param>
    private static void Show(Output output, List<RunSummary> runs, string? cut)
    {
        output.Write(Table(runs, output.Now));
        if (cut is not null) output.Remark($"[dim]The {cut} {runs.Count}; all: exp list -n 0[/]");
    }

    private static Listing Table(List<RunSummary> runs, DateTimeOffset now)
    {
        var listing = new Listing(
            Column.Text("STATE", narrowest: 11), Column.Word("RUN"), Column.Text("EXPERIMENT", narrowest: 16), Column.Text("PARAMS", 3),
            Column.Text("METRICS", 1), Column.Word("CHECKS", 2), Column.Number("TIME", 5), Column.Number("AGE", 4));
        foreach (var run in runs)
        {
            var state = $"{Format.Sign(run.State)} {Format.State(run.State)}";
            var cause = run.State == RunState.Failed && run.Cause is { } why and not Cause.UserCode ? $" {Format.Cause(why)}" : "";
            listing.Add(
                new(state + cause, Format.Colour(run.State), Short: state), Format.ShortId(run.Id), new(run.Experiment, "bold"),
                new(Format.Params(run.Params) + (run.ParamsLeftOut > 0 ? $" and {run.ParamsLeftOut} more" : ""), "dim"),
                RunView.ValuesCell(run.Metrics, run.MetricsLeftOut), RunView.ChecksCell(run.Checks),
                run.Started is { } started ? Format.Duration((run.Ended ?? now) - started) : "", new(Format.Age(run.Created, now), "dim"));
        }

        return listing;
    }
}
