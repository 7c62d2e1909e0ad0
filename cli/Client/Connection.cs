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
            return new(given, key ?? LocalKeyFor(given), "EXP_URL");
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

    private static Connection OnThisMachine(string? data, string? key)
    {
        var folder = DataFolder.Find(data);
        if (Live(folder) is not { } address)
        {
            throw new ExpException(
                ExitCode.Unreachable,
                $"no platform is running on {folder.Path}; start one with: exp up{Hint(data)}   (or set EXP_URL and EXP_KEY, or: exp login)");
        }

        return new(address, key ?? folder.ReadKey(), folder.Path);
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

    private static string? LocalKeyFor(Uri address) => DataFolder.Find(null) is var folder && Live(folder) == address ? folder.ReadKey() : null;

    // Whoever listens where a platform once was would get its key.
    private static Uri? Live(DataFolder folder)
    {
        try
        {
            return Presence.Find(folder.Path) ?? (PrivateFolder.BelongsToAnother(folder.Path) ? throw folder.BelongsToAnother() : null);
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
