using System.CommandLine;
using Serverless.Cli.Submit;

namespace Serverless.Cli;

static class SubmitCommand
{
    public static Verb Create(World world)
    {
        var file = new Argument<string>("SPEC") { Description = "experiment.yaml or .json; its code.path is relative to it" };
        var options = new ExperimentOptions();
        return new Verb("submit", "Submit an experiment from its spec")
        {
            Examples = ["exp submit experiment.yaml --wait", "exp submit experiment.yaml --param lr=0.003 --tag tuned"],
        }.With([file, .. options.All]).Does(world, async (session, cancel) =>
        {
            var source = ExperimentSource.OfSpec(session.Get(file), []);
            source = source with { Spec = await options.Apply(session, source.Spec, cancel) };
            return await Submitting.Report(session, await Submitting.Submit(session.Api, source, cancel), session.Get(options.Wait), cancel);
        });
    }
}
