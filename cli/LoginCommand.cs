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
        var key = new Option<string?>("--key") { Description = "A key to it; - reads it from standard input. Else EXP_KEY, or it is asked for", HelpName = "KEY" };
        var entra = new Option<bool>("--entra") { Description = "No key: the Microsoft Entra account that az (or azd) is signed in with, once an admin has let it in" };
        return new Verb("login", "Remember a platform elsewhere and the key to it, as a profile; commands go there from now on")
        {
            Examples =
            [
                "exp login --url https://func-exp-abc.azurewebsites.net", "exp login --profile team --url https://… --key - < key.txt", "exp login --profile team --url https://… --entra",
            ],
        }.With(url, key, entra).Does(world, async (session, cancel) =>
        {
            var name = Checked(session.Profile ?? DefaultName);
            var profiles = Profiles.Load();
            var address = session.Get(url) is { } given ? Connection.AddressOf(given, "--url")
                : profiles.All.TryGetValue(name, out var known) ? known.Url
                : throw ExpException.Usage("say where the platform is: exp login --url URL");
            if (address.Scheme == Uri.UriSchemeHttp && !address.IsLoopback) throw ExpException.Usage($"{address} would show your key to the whole network; use https");
            if (session.Get(entra) && session.Get(key) is not null) throw ExpException.Usage("--entra and --key are two ways; give one");

            var profile = session.Get(entra) ? await WithEntra(session, address, cancel) : new Profile(address, Key: ReadKey(session.Get(key), address));

            // Whether it opens, and what: refused here rather than at the first command.
            using var api = session.Connect(new(address, profile.Key ?? profile.Token!.Value, Connection.SourceOf(name)));
            await api.GetMachines(cancel);
            profiles.Set(name, profile);
            if (session.Output.Json) Output.WriteJson(new List<string> { name });
            else session.Output.Line($"Logged in to {address} as profile {name}");
        });
    }

    public static Verb Logout(World world) => new Verb("logout", "Forget a profile and its key [the current one]") { Examples = ["exp logout", "exp logout --profile team"] }
        .Does(world, (session, _) =>
        {
            var profiles = Profiles.Load();
            var name = session.Profile ?? profiles.Current ?? throw ExpException.Usage("there is no current profile; name one: exp logout --profile NAME");
            profiles.Remove(name);
            if (!session.Output.Json) session.Output.Line($"Forgot profile {name}; a key that should open nothing any more is revoked with: exp keys revoke");
            return Task.CompletedTask;
        });

    private static async Task<Profile> WithEntra(Session session, Uri address, CancellationToken cancel)
    {
        using var anybody = session.Connect(new(address, null, "--url"));
        if ((await anybody.GetLoginWays(cancel)).Entra is not { } ways) throw ExpException.Usage($"{address} takes keys only; leave out --entra");
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
            null when !StandardOutput.CanType => throw ExpException.Usage("there is no key: --key -, or EXP_KEY, or a terminal to ask on"),
            null => StandardOutput.AskSecretly($"Key to {address}: "),
        };
        return key?.Trim() is { Length: > 0 } found ? found : throw ExpException.Usage("the key is empty");
    }

    private static string Checked(string name) =>
        name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? name
            : throw ExpException.Usage($"--profile {name}: letters, digits, '-', '_' and '.'");
}
