using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;

namespace Serverless.Cli;

static class ProfilesCommand
{
    public static Verb Create(World world) => new Verb("profiles", "Manage the profiles that exp login saved").With(List(world), Use(world));

    private static Verb List(World world) => new Verb("list", "List profiles; the current one has a *").Does(world, (session, _) =>
    {
        var profiles = Profiles.Load();
        if (session.Output.Json)
        {
            Output.WriteJson(profiles.All.Keys.ToList());
            return Task.CompletedTask;
        }

        if (profiles.All.Count == 0) session.Output.Remark($"None. Make one with: exp login --url URL");
        session.Output.Write(new Listing(Column.Word(""), Column.Text("NAME"), Column.Text("ADDRESS", narrowest: 20), Column.Word("WITH", 1))
            .AddAll(profiles.All.Select(one => new Cell[]
            {
                one.Key == profiles.Current ? "*" : "", new(one.Key, "bold"), one.Value.Url.ToString(),
                one.Value.Key is null ? "Microsoft Entra" : "key",
            })));
        return Task.CompletedTask;
    });

    private static Verb Use(World world)
    {
        var name = new Argument<string?>("NAME")
        {
            Description = "The profile; without one, the platform on this machine", Arity = ArgumentArity.ZeroOrOne,
        };
        return new Verb("use", "Switch to a profile") { Examples = ["exp profiles use team", "exp profiles use"] }.With(name)
            .Does(world, (session, _) =>
        {
            var chosen = session.GetOptional(name);
            Profiles.Load().Use(chosen);
            if (!session.Output.Json) session.Output.Line($"Commands go to {chosen ?? "the platform on this machine"}");
            return Task.CompletedTask;
        });
    }
}
