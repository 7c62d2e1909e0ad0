using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Core;
using Serverless.Core.Access;

namespace Serverless.Cli;

static class KeysCommand
{
    private const string Runs = "on the platform of exp up, what they submit runs as you, with all that you may do on that machine";

    public static Verb Create(World world) => new Verb("keys", "Keys to the workspace (admins only)").With(Add(world), List(world), Revoke(world));

    private static Verb Add(World world)
    {
        var name = new Argument<string>("NAME") { Description = "Whose or what for" };
        var wanted = new Option<Role?>("--role", "-r")
        {
            Description = $"reader (look), writer (submit and change; {Runs}) or admin (keys too) [writer]", HelpName = "ROLE", CustomParser = EnumArgument.Parse<Role>,
        };
        var entra = new Option<Guid?>("--entra")
        {
            Description = "No key: let this person of the platform's Microsoft Entra directory in, by object id (az ad signed-in-user show --query id)", HelpName = "ID",
        };
        return new Verb("add", "Make a key; it is shown once")
        {
            Examples =
            [
                "exp keys add ada", "exp keys add ada --entra 8c1d7f9e-0b7c-4a57-9a38-3f1c54d3b0aa", "exp keys add dashboard --role reader", "export EXP_KEY=$(exp keys add ci --json | jq -r .key)",
            ],
        }.With(name, wanted, entra).Does(world, async (session, cancel) =>
        {
            var role = session.Get(wanted) ?? Role.Writer;
            var key = await session.Api.AddKey(new(session.Get(name), role, session.Get(entra)), cancel);
            if (role >= Role.Writer) session.Output.Remark($"[yellow]Whoever has it can run code: {Runs}.[/]");
            if (session.Output.Json)
            {
                Output.WriteJson(key);
                return;
            }

            if (key.Key is null)
            {
                session.Output.Line($"Let {key.Name} in with the role {CoreJson.Name(key.Role)}; they come in with: exp login --url {session.Api.Address} --entra");
                return;
            }

            // The key alone on standard output: it can be piped.
            session.Output.Remark($"A key with the role [bold]{CoreJson.Name(key.Role)}[/] for {key.Name}; it cannot be shown again. To use it: EXP_URL={session.Api.Address} EXP_KEY=…");
            StandardOutput.WriteLine(key.Key);
        });
    }

    private static Verb List(World world) => new Verb("list", "Show who has keys").Does(world, async (session, cancel) =>
    {
        var list = await session.Api.GetKeys(cancel);
        if (session.Output.Json) Output.WriteJson(list);
        else session.Output.Write(new Listing("ID", "NAME~", "ROLE", "MADE>").AddAll(list.Keys.Select(key => new Cell[]
        {
            key.Id, new(key.Name, "bold"), CoreJson.Name(key.Role), new(Format.Ago(key.Created, session.Output.Now), "dim"),
        })));
        if (!session.Output.Json) DoctorCommand.Remark(session.Output, list.Damaged);
    });

    private static Verb Revoke(World world)
    {
        var id = new Argument<string>("ID") { Description = "Id or name of the key, as exp keys list shows it" };
        return new Verb("revoke", "Make a key useless").With(id).Does(world, async (session, cancel) =>
        {
            var keys = (await session.Api.GetKeys(cancel)).Keys;
            var wanted = session.Get(id);
            var meant = keys.Where(key => key.Id == wanted).ToList() is { Count: > 0 } exact ? exact : [.. keys.Where(key => key.Name == wanted)];
            if (meant is not [var one]) throw meant.Count == 0 ? ExpException.NotFound($"there is no key '{wanted}'; see: exp keys list") : ExpException.Usage($"{meant.Count} keys are named '{wanted}'; give the id");
            await session.Api.RevokeKey(one.Id, cancel);
            if (session.Output.Json) Output.WriteJson(one);
            else session.Output.Line($"Revoked {one.Name} ({one.Id}); other processes may accept it for up to ten seconds");
        });
    }
}
