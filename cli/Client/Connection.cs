using Serverless.Cli.Platform;
using Serverless.Cli.Terminal;
using Serverless.Core.Storage.Folder;

namespace Serverless.Cli.Client;

/// <summary>Where the platform is and what opens it.</summary>
/// <param name="Source">Where the address was found, in words, for the error when nobody answers there.</param>
sealed record Connection(Uri Address, string? Key, string Source)
{
    private const string ProfileSource = "profile ";
    private static readonly TimeSpan TokenReserve = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whether its platform is still the one there: whoever listens where a platform once was would get its key. Null: that cannot be asked.
    /// </summary>
    public Func<bool>? IsAlive { get; init; }

    public static string SourceOf(string profile) => ProfileSource + profile;

    public bool IsProfile => Source.StartsWith(ProfileSource, StringComparison.Ordinal);

    /// <summary>
    /// What is said nearest counts: the options <c>--data</c> and <c>--profile</c>, then EXP_URL and EXP_KEY, EXP_PROFILE, a data folder named by
    /// EXP_DATA or lying here, the profile that was logged in to last, and else the platform on this machine.
    /// </summary>
    /// <param name="data">The value of <c>--data</c>; then the environment is not asked.</param>
    public static Connection Find(string? data, string? profile, TimeProvider time)
    {
        if (data is not null && profile is not null)
        {
            throw ExpException.Usage("--data is the platform on this machine, --profile one elsewhere; give one of them");
        }

        if (data is not null) return OnThisMachine(data, key: null);
        if (profile is not null) return Of(Profiles.Load(), profile, time);
        var key = NonEmpty("EXP_KEY");
        if (NonEmpty("EXP_URL") is { } url)
        {
            // A platform of one's own has its key beside it; one elsewhere needs EXP_KEY.
            var given = AddressOf(url, "EXP_URL");
            var there = new Connection(given, key, "EXP_URL");
            return key is null ? WithLocalKey(there) : there;
        }

        if (NonEmpty("EXP_PROFILE") is { } named) return Of(Profiles.Load(), named, time);
        if (!DataFolder.IsNamed && Profiles.Load() is { Current: { } current } profiles) return Of(profiles, current, time);
        return OnThisMachine(null, key);
    }

    /// <param name="source">What gave it.</param>
    public static Uri AddressOf(string url, string source) =>
        Uri.TryCreate(url.EndsWith('/') ? url : url + "/", UriKind.Absolute, out var given) && given.Scheme is "http" or "https"
            ? given
            : throw ExpException.Usage($"{source} is '{url}': it must be an address such as http://127.0.0.1:4590");

    /// <summary>For a client that goes there.</summary>
    /// <exception cref="ExpException">Its key can be none.</exception>
    public ServerlessClientOptions Options(TimeProvider time) => Key?.Any(c => c is <= ' ' or > '~') is true
        ? throw ExpException.Usage($"the key for {Source} has characters that no key has; set EXP_KEY to one, or put back what it was read from")
        : new()
    {
        Address = Address,
        Key = _ => new(IsAlive?.Invoke() is false ? throw new ApiException(ApiFault.Unreachable, $"no platform is running on {Source}") : Key),
        Waiting = () => StandardOutput.Error($"the platform at {Address} does not answer; waiting a little longer"),
        Time = time,
    };

    /// <summary>What a call that did not succeed means for whoever typed the command.</summary>
    public ExpException Explain(ApiException e)
    {
        var lines = e.Problems.Count > 1 ? e.Problems.Select(one => one.ToString()).ToList() : null;
        return e.Fault switch
        {
            ApiFault.Unreachable => new(ExitCode.Unreachable,
                $"cannot reach the platform at {Place}; {(Address.IsLoopback ? "start it with: exp up" : "is the address right?")}", inner: e),
            ApiFault.Unauthorized when IsProfile =>
                new(ExitCode.NotAllowed, $"{Address} does not let {Source} in ({e.Message}); log in again: exp login --{Source}", inner: e),
            ApiFault.Unauthorized => new(ExitCode.NotAllowed, Key is null
                ? $"{Address} wants a key; set EXP_KEY"
                : $"{Address} does not know this key; set EXP_KEY to one that an admin made with: exp keys add NAME", inner: e),
            ApiFault.Forbidden => new(ExitCode.NotAllowed, e.Message, inner: e),
            ApiFault.NotFound => new(ExitCode.NotFound, e.Message, inner: e),
            ApiFault.Refused or ApiFault.Unsupported => new(ExitCode.Usage, e.Message, lines, e),
            ApiFault.Interrupted or ApiFault.Silent or ApiFault.NotThePlatform or ApiFault.Unavailable or ApiFault.Failed =>
                new(ExitCode.Unreachable, e.Message, lines, e),
        };
    }

    private string Place => Source is "EXP_URL" || IsProfile ? $"{Address} ({Source})" : $"{Address}";

    private static Connection OnThisMachine(string? data, string? key)
    {
        var folder = DataFolder.Find(data);
        if (Live(folder) is not { } address)
        {
            throw new ExpException(
                ExitCode.Unreachable,
                $"no platform is running on {folder.Path}; start one with: exp up{Hint(data)}   (or set EXP_URL and EXP_KEY, or: exp login)");
        }

        return new(address, key ?? folder.ReadKey(), folder.Path) { IsAlive = () => Live(folder) == address };
    }

    private static Connection Of(Profiles profiles, string name, TimeProvider time)
    {
        var profile = profiles.Named(name);
        if (profile is { Key: null, Entra: { } entra } && !(profile.Token?.Expires > time.GetUtcNow() + TokenReserve))
        {
            profile = profile with { Token = EntraSignIn.Token(entra, CancellationToken.None) };
            profiles.Set(name, profile, current: false);
        }

        return new(profile.Url, profile.Key ?? profile.Token?.Value, SourceOf(name));
    }

    private static Connection WithLocalKey(Connection to) =>
        DataFolder.Find(null) is var folder && Live(folder) == to.Address
            ? to with { Key = folder.ReadKey(), IsAlive = () => Live(folder) == to.Address }
            : to;

    // Whoever listens where a platform once was would get its key.
    private static Uri? Live(DataFolder folder)
    {
        try
        {
            return RunningPlatform.Find(folder.Path) ?? (PrivateFolder.BelongsToAnother(folder.Path) ? throw folder.BelongsToAnother() : null);
        }
        catch (IOException e)
        {
            throw new ExpException(
                ExitCode.Unreachable,
                $"cannot tell whether a platform is running on {folder.Path}: {e.Message}; if it runs on another machine, set EXP_URL and EXP_KEY",
                inner: e);
        }
    }

    private static string Hint(string? data) => data is null ? "" : $" --data {Shell.Quoted(data)}";

    private static string? NonEmpty(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
