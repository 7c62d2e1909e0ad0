using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;

namespace Serverless.Cli;

static class ProfilesCommand
{
    public static Verb Create(World world) => new Verb("profiles", "Platforms that exp login remembers").With(List(world), Use(world));

    private static Verb List(World world) => new Verb("list", "Show them; the current one has a *").Does(world, (session, _) =>
    {
        var profiles = Profiles.Load();
        if (session.Output.Json)
        {
            Output.WriteJson(profiles.All.Keys.ToList());
            return Task.CompletedTask;
        }

        if (profiles.All.Count == 0) session.Output.Remark($"None. Make one with: exp login --url URL");
        session.Output.Write(new Listing("", "NAME~", "ADDRESS", "WITH").AddAll(profiles.All.Select(one => new Cell[]
        {
            one.Key == profiles.Current ? "*" : "", new(one.Key, "bold"), one.Value.Url.ToString(), one.Value.Key is null ? "Microsoft Entra" : "key",
        })));
        return Task.CompletedTask;
    });

    private static Verb Use(World world)
    {
        var name = new Argument<string?>("NAME") { Description = "The profile; none: commands go to the platform on this machine again", Arity = ArgumentArity.ZeroOrOne };
        return new Verb("use", "Choose where commands go") { Examples = ["exp profiles use team", "exp profiles use"] }.With(name).Does(world, (session, _) =>
        {
            var chosen = session.GetOptional(name);
            Profiles.Load().Use(chosen);
            if (!session.Output.Json) session.Output.Line($"Commands go to {chosen ?? "the platform on this machine"}");
            return Task.CompletedTask;
        });
    }
}
