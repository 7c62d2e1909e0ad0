using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Runs;

namespace Serverless.Cli;

static class DeleteCommand
{
    public static Verb Create(World world)
    {
        var names = RunNames.Arguments();
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask for confirmation" };
        var force = new Option<bool>("--force", "-f") { Description = "Delete even if other runs or datasets came from them" };
        return new Verb("delete", "Delete ended runs with everything they logged and saved; files that they published to data/ stay")
        {
            Examples = ["exp delete 7XK2QA", "exp delete --yes $(exp list --tag draft --json | jq -r '.runs[].id')"],
        }.With(names, yes, force).Does(world, async (session, cancel) =>
        {
            var runs = new List<RunRecord>();
            foreach (var name in session.Get(names)) runs.Add(await session.Api.GetRun(await RunNames.Find(session.Api, name, cancel), cancel));
            if (runs.Find(run => !run.State.IsTerminal) is { } live)
            {
                throw ExpException.Usage(
                    $"{live.Experiment} {Format.ShortId(live.Id)} is {Format.State(live.State)}; end it first: exp cancel {Format.ShortId(live.Id)}");
            }

            if (!session.Get(yes) && !Confirm(session.Output, runs)) return ExitCode.Usage;

            // Ids made later sort earlier: what came from others of them goes before these.
            foreach (var run in runs.OrderBy(run => run.Id, StringComparer.Ordinal))
            {
                await session.Api.DeleteRun(run.Id, session.Get(force), cancel);
                if (!session.Output.Json) session.Output.Line($"Deleted {run.Experiment} {run.Id}");
            }

            if (session.Output.Json) Output.WriteJson(runs.Select(run => run.Id).ToList());
            return ExitCode.Success;
        });
    }

    private static bool Confirm(Output output, List<RunRecord> runs)
    {
        if (!StandardOutput.CanAsk) throw ExpException.Usage("delete asks for confirmation, but this is no terminal; use --yes");
        foreach (var run in runs)
        {
            output.Remark($"  {Format.Sign(run.State)} {run.Experiment} v{run.Version}  {run.Id}  {Format.Params(run.Spec.Params)}");
        }

        var question = $"Delete {(runs.Count == 1 ? "this run" : $"these {runs.Count} runs")}? This cannot be undone.";
        return new Spectre.Console.ConfirmationPrompt(question) { DefaultValue = false }.Show(output.Err);
    }
}
