using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Runs;

namespace Serverless.Cli;

static class CancelCommand
{
    public static Verb Create(World world)
    {
        var names = RunNames.Arguments();
        return new Verb("cancel", "Ask runs to end; their code may save its work first")
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
                if (run.State.IsTerminal) session.Output.Line($"[{Format.Colour(run.State)}]{Format.Sign(run.State)} {Format.State(run.State)}[/]  {run.Experiment}  {Format.ShortId(run.Id)}");
                else session.Output.Line($"[yellow]{run.Experiment} {Format.ShortId(run.Id)} was asked to end[/] and has {Format.Duration(run.Spec.Grace)} for it; see: exp wait {Format.ShortId(run.Id)}");
            }

            if (session.Output.Json) Output.WriteJson(asked);
        });
    }
}
