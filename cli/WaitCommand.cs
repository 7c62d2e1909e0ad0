using Serverless.Cli.Client;
using Serverless.Cli.Submit;

namespace Serverless.Cli;

static class WaitCommand
{
    public static Verb Create(World world)
    {
        var names = RunNames.Arguments();
        return new Verb("wait", "Watch runs until they end; Ctrl-C stops watching, not the runs")
        {
            Examples = ["exp wait last", "exp wait 7XK2QA M3PPZ1 && echo both succeeded"],
        }.With(names).Does(world, async (session, cancel) =>
        {
            var ids = new List<string>();
            foreach (var name in session.Get(names)) ids.Add(await RunNames.Find(session.Api, name, cancel));
            return await Submitting.Watch(session, [.. ids.Distinct()], cancel);
        });
    }
}
