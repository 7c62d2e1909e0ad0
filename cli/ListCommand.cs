using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.Cli;

static class ListCommand
{
    private const int PageLength = 1000;

    public static Verb Create(World world)
    {
        var project = new Option<string?>("--project", "-p") { Description = "Only of this project", HelpName = "NAME" };
        var experiment = new Option<string?>("--experiment", "-e") { Description = "Only of this experiment", HelpName = "NAME" };
        var state = new Option<string?>("--state", "-s") { Description = "Only in this state: queued, preparing, running, succeeded, failed or cancelled", HelpName = "STATE" };
        state.AcceptOnlyFromAmong([.. Enum.GetValues<RunState>().Select(Format.State)]);
        var tag = new Option<string?>("--tag", "-t") { Description = "Only with this tag", HelpName = "TAG" };
        var limit = new Option<int>("--limit", "-n") { Description = "How many, newest first; 0: all", HelpName = "N", DefaultValueFactory = _ => 20 };
        return new Verb("list", "List runs, newest first")
        {
            Examples = ["exp list", "exp list --experiment prune-mlp --state failed", "exp list -n 0 --json | jq '.runs[].id'"],
        }.With(project, experiment, state, tag, limit).Does(world, async (session, cancel) =>
        {
            var wanted = session.Get(limit);
            if (wanted < 0) throw ExpException.Usage("--limit: a number from 0 (all) on");
            if (!session.Output.Json) Output.WarmUp();
            var runs = new List<RunSummary>();
            var damaged = new List<DamagedRecord>();
            string? after = null;
            do
            {
                var page = await session.Api.ListRuns(new()
                {
                    Project = session.Get(project), Experiment = session.Get(experiment), State = session.Get(state) is { } name ? EnumNames.Parse<RunState>(name) : null, Tag = session.Get(tag),
                    Limit = wanted == 0 ? PageLength : Math.Min(PageLength, wanted - runs.Count), After = after,
                }, cancel);
                runs.AddRange(page.Runs);
                damaged.AddRange(page.Damaged ?? []);
                after = page.Next;
            }
            while (after is not null && (wanted == 0 || runs.Count < wanted));

            if (session.Output.Json) Output.WriteJson(new RunList(runs, after, DamagedRecord.Listed(damaged)));
            else Show(session, runs, after is not null);
            if (!session.Output.Json) DoctorCommand.Remark(session.Output, damaged);
        });
    }

    private static void Show(Session session, List<RunSummary> runs, bool more)
    {
        var output = session.Output;
        if (runs.Count == 0)
        {
            output.Remark($"No runs. Start one with: exp run FILE   (a file to start from: exp init)");
            return;
        }

        var listing = new Listing("STATE", "RUN", "EXPERIMENT~~", "PARAMS~", "METRICS~~", "CHECKS", "TIME>", "AGE>");
        foreach (var run in runs)
        {
            var cause = run.State == RunState.Failed && run.Cause is { } why and not Cause.UserCode ? $" {Format.Cause(why)}" : "";
            listing.Add(
                new($"{Format.Sign(run.State)} {Format.State(run.State)}{cause}", Format.Colour(run.State)), Format.ShortId(run.Id),
                new(run.Experiment, "bold"), new(Format.Params(run.Params) + (run.ParamsLeftOut > 0 ? $" and {run.ParamsLeftOut} more" : ""), "dim"), RunView.ValuesCell(run.Metrics, run.MetricsLeftOut), RunView.ChecksCell(run.Checks),
                run.Started is { } started ? Format.Duration((run.Ended ?? output.Now) - started) : "", new(Format.Age(run.Created, output.Now), "dim"));
        }

        output.Write(listing);
        if (more) output.Remark($"[dim]The newest {runs.Count}; all: exp list -n 0[/]");
    }
}
