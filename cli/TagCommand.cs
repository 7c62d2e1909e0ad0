using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;

namespace Serverless.Cli;

static class TagCommand
{
    public static Verb Create(World world)
    {
        var name = RunNames.Argument();
        var add = new Argument<string[]>("TAG") { Description = "Tags to add", Arity = ArgumentArity.ZeroOrMore };
        var remove = new Option<string[]>("--remove", "-r") { Description = "Tag to remove", HelpName = "TAG" };
        return new Verb("tag", "Add or remove a run's tags, or show them")
        {
            Examples = ["exp tag last baseline", "exp tag 7XK2QA paper --remove draft"],
        }.With(name, add, remove).Does(world, async (session, cancel) =>
        {
            var run = await session.Api.GetRun(await session.FindRun(name, cancel), cancel);
            var tags = run.Tags.Union(session.Get(add)).Except(session.Get(remove) ?? []).ToList();
            if (!tags.SequenceEqual(run.Tags)) run = await session.Api.SetTags(run.Id, tags, cancel);
            if (session.Output.Json) Output.WriteJson(run);
            else session.Output.Line($"{run.Experiment} {Format.ShortId(run.Id)}: {(run.Tags.Count > 0 ? string.Join(' ', run.Tags) : "no tags")}");
        });
    }
}
