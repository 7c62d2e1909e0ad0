using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Core;
using Serverless.Core.Access;

namespace Serverless.Cli;

static class KeysCommand
{
    private const string Runs = "on the platform of exp up, what they submit runs as you, with all that you may do on that machine";

    public static Verb Create(World world) =>
        new Verb("keys", "Manage keys to the workspace (admins only)").With(Add(world), List(world), Revoke(world));

    private static Verb Add(World world)
    {
        var name = new Argument<string>("NAME") { Description = "Whose key it is, or what it is for" };
        var wanted = new Option<Role?>("--role", "-r")
        {
            Description = $"reader (look), writer (submit and change; {Runs}) or admin (keys too) [writer]", HelpName = "ROLE",
            CustomParser = EnumArgument.Parse<Role>,
        };
        var entra = new Option<Guid?>("--entra")
        {
            Description = "Let a Microsoft Entra user in instead of making a key, by object id (az ad signed-in-user show --query id)",
            HelpName = "ID",
        };
        return new Verb("add", "Create a key; it is shown once")
        {
            Examples =
            [
                "exp keys add ada", "exp keys add ada --entra 8c1d7f9e-0b7c-4a57-9a38-3f1c54d3b0aa", "exp keys add dashboard --role reader",
                "export EXP_KEY=$(exp keys add ci --json | jq -r .key)",
            ],
        }.With(name, wanted, entra).Does(world, async (session, cancel) =>
        {
            var role = session.Get(wanted) ?? Role.Writer;
            var key = await session.Api.AddKey(new(session.Get(name), role, session.Get(entra)), cancel);
            if (role >= Role.Writer) session.Output.Remark($"[yellow]Its owner can run code: {Runs}.[/]");
            if (session.Output.Json)
            {
                Output.WriteJson(key);
                return;
            }

            if (key.Key is null)
            {
                var login = $"exp login --url {session.Api.Address} --entra";
                session.Output.Line($"Added {key.Name} as {CoreJson.Name(key.Role)}. They log in with: {login}");
                return;
            }

            // The key alone on standard output: it can be piped.
            var (roleName, use) = (CoreJson.Name(key.Role), $"EXP_URL={session.Api.Address} EXP_KEY=…");
            session.Output.Remark($"A key with the role [bold]{roleName}[/] for {key.Name}; it cannot be shown again. To use it: {use}");
            StandardOutput.WriteLine(key.Key);
        });
    }

    private static Verb List(World world) => new Verb("list", "List keys").Does(world, async (session, cancel) =>
    {
        var list = await session.Api.GetKeys(cancel);
        if (session.Output.Json) Output.WriteJson(list);
        else session.Output.Write(new Listing(Column.Word("ID"), Column.Text("NAME"), Column.Word("ROLE", 1), Column.Number("CREATED", 2))
            .AddAll(list.Keys.Select(key => new Cell[]
            {
                key.Id, new(key.Name, "bold"), CoreJson.Name(key.Role), new(Format.Ago(key.Created, session.Output.Now), "dim"),
            })));
        if (!session.Output.Json) DoctorCommand.Remark(session.Output, list.Damaged);
    });

    private static Verb Revoke(World world)
    {
        var id = new Argument<string>("ID") { Description = "Id or name of the key, as exp keys list shows it" };
        return new Verb("revoke", "Revoke a key").With(id).Does(world, async (session, cancel) =>
        {
            var keys = (await session.Api.GetKeys(cancel)).Keys;
            var wanted = session.Get(id);
            var meant = keys.Where(key => key.Id == wanted).ToList() is { Count: > 0 } exact ? exact : [.. keys.Where(key => key.Name == wanted)];
            if (meant is not [var one])
            {
                throw meant.Count == 0
                    ? ExpException.NotFound($"there is no key '{wanted}'; see: exp keys list")
                    : ExpException.Usage($"{meant.Count} keys are named '{wanted}'; give the id");
            }

            await session.Api.RevokeKey(one.Id, cancel);
            if (session.Output.Json) Output.WriteJson(one);
            else session.Output.Line($"Revoked {one.Name} ({one.Id}); other processes may accept it for up to ten seconds");
        });
    }
}
