using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;

namespace Serverless.Cli;

static class LoginCommand
{
    private const string DefaultName = "default";

    public static Verb Create(World world)
    {
        var url = new Option<string?>("--url") { Description = "The platform's address", HelpName = "URL" };
        var key = new Option<string?>("--key") { Description = "The key; - reads it from standard input [EXP_KEY, else asks]", HelpName = "KEY" };
        var entra = new Option<bool>("--entra")
        {
            Description = "Use the Microsoft Entra account that az or azd is signed in with, instead of a key; an admin lets it in first",
        };
        return new Verb("login", "Log in to a remote platform and save it as a profile; later commands use it")
        {
            Examples =
            [
                "exp login --url https://func-exp-abc.azurewebsites.net", "exp login --profile team --url https://… --key - < key.txt",
                "exp login --profile team --url https://… --entra",
            ],
        }.With(url, key, entra).Does(world, async (session, cancel) =>
        {
            var name = Checked(session.Profile ?? DefaultName);
            var profiles = Profiles.Load();
            var address = session.Get(url) is { } given ? Connection.AddressOf(given, "--url")
                : profiles.All.TryGetValue(name, out var known) ? known.Url
                : throw ExpException.Usage("the platform's address is missing: exp login --url URL");
            if (address.Scheme == Uri.UriSchemeHttp && !address.IsLoopback)
            {
                throw ExpException.Usage($"{address} would send your key unencrypted; use https");
            }

            if (session.Get(entra) && session.Get(key) is not null) throw ExpException.Usage("--entra and --key exclude each other; give one");

            var profile = session.Get(entra)
                ? await WithEntra(session, address, cancel)
                : new Profile(address, Key: ReadKey(session.Get(key), address));

            // Whether it opens, and what: refused here rather than at the first command.
            using var api = session.Connect(new(address, profile.Key ?? profile.Token!.Value, Connection.SourceOf(name)));
            await api.GetMachines(cancel);
            profiles.Set(name, profile);
            if (session.Output.Json) Output.WriteJson(new List<string> { name });
            else session.Output.Line($"Logged in to {address} as profile {name}");
        });
    }

    public static Verb Logout(World world) =>
        new Verb("logout", "Remove a profile and its key [the current one]") { Examples = ["exp logout", "exp logout --profile team"] }
        .Does(world, (session, _) =>
        {
            var profiles = Profiles.Load();
            var name = session.Profile ?? profiles.Current ?? throw ExpException.Usage("not logged in; name a profile: exp logout --profile NAME");
            profiles.Remove(name);
            if (!session.Output.Json) session.Output.Line($"Removed profile {name}. The key still works; to revoke it: exp keys revoke");
            return Task.CompletedTask;
        });

    private static async Task<Profile> WithEntra(Session session, Uri address, CancellationToken cancel)
    {
        using var anybody = session.Connect(new(address, null, "--url"));
        if ((await anybody.GetLoginWays(cancel)).Entra is not { } ways)
        {
            throw ExpException.Usage($"{address} does not support Microsoft Entra; log in with a key");
        }

        var entra = new EntraProfile(ways.Tenant, ways.ClientId);
        return new(address, Entra: entra, Token: EntraSignIn.Token(entra, cancel));
    }

    private static string ReadKey(string? given, Uri address)
    {
        var key = given switch
        {
            "-" => StandardOutput.ReadLine(),
            { } text => text,
            null when Environment.GetEnvironmentVariable("EXP_KEY") is { Length: > 0 } variable => variable,
            null when !StandardOutput.CanType => throw ExpException.Usage("the key is missing; give --key - or EXP_KEY"),
            null => StandardOutput.AskSecretly($"Key to {address}: "),
        };
        return key?.Trim() is { Length: > 0 } found ? found : throw ExpException.Usage("the key is empty");
    }

    private static string Checked(string name) =>
        name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? name
            : throw ExpException.Usage($"--profile {name}: letters, digits, '-', '_' and '.'");
}
