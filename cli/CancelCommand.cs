using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Runs;

namespace Serverless.Cli;

static class CancelCommand
{
    public static Verb Create(World world)
    {
        var names = RunNames.Arguments();
        return new Verb("cancel", "Cancel runs; their code has time to save a checkpoint")
        {
            Examples = ["exp cancel last", "exp cancel 7XK2QA M3PPZ1"],
        }.With(names).Does(world, async (session, cancel) =>
        {
            var asked = new List<RunRecord>();
            foreach (var name in session.Get(names))
            {
                var run = await session.Api.Cancel(await RunNames.Find(session.Api, name, cancel), cancel);
                asked.Add(run);
                if (session.Output.Json) continue;
                var (id, grace) = (Format.ShortId(run.Id), Format.Duration(run.Spec.Grace));
                var state = $"{Format.Sign(run.State)} {Format.State(run.State)}";
                if (run.State.IsTerminal) session.Output.Line($"[{Format.Colour(run.State)}]{state}[/]  {run.Experiment}  {id}");
                else session.Output.Line($"[yellow]{run.Experiment} {id} is ending[/] and has {grace} to save its work; watch: exp wait {id}");
            }

            if (session.Output.Json) Output.WriteJson(asked);
        });
    }
}
