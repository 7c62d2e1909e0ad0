using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Submit;

namespace Serverless.Cli;

static class RerunCommand
{
    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        var wait = new Option<bool>("--wait", "-w") { Description = "Watch it until it ends" };
        return new Verb("rerun", "Run again with the same code, parameters, inputs and seed")
        {
            Examples = ["exp rerun last --wait"],
        }.With(name, wait).Does(world, async (session, cancel) =>
            await Submitting.Report(session, await session.Api.Rerun(await session.FindRun(name, cancel), cancel), session.Get(wait), cancel));
    }
}
