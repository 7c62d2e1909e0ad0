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
            var id = await session.FindRun(name, cancel);
            var (more, less) = (session.Get(add), session.Get(remove) ?? []);
            var run = more.Length + less.Length > 0
                ? await session.Api.ChangeTags(id, [.. more.Distinct()], [.. less.Distinct()], cancel)
                : await session.Api.GetRun(id, cancel);
            if (session.Output.Json) Output.WriteJson(run);
            else session.Output.Line($"{run.Experiment} {Format.ShortId(run.Id)}: {(run.Tags.Count > 0 ? string.Join(' ', run.Tags) : "no tags")}");
        });
    }
}
