using Serverless.Cli.Platform;

namespace Serverless.Cli.Client;

/// <summary>Where the platform is and what opens it.</summary>
/// <param name="Source">Where the address was found, in words, for the error when nobody answers there.</param>
sealed record Connection(Uri Address, string? Key, string Source)
{
    /// <summary>EXP_URL and EXP_KEY, or what a platform on this machine recorded in its data folder.</summary>
    /// <param name="data">The value of <c>--data</c>; then the environment is not asked.</param>
    public static Connection Find(string? data)
    {
        var key = NonEmpty("EXP_KEY");
        if (data is null && NonEmpty("EXP_URL") is { } url)
        {
            if (!Uri.TryCreate(url.EndsWith('/') ? url : url + "/", UriKind.Absolute, out var given) || given.Scheme is not ("http" or "https"))
            {
                throw ExpException.Usage($"EXP_URL is '{url}': it must be an address such as http://127.0.0.1:4590");
            }

            // A platform of one's own has its key beside it; one elsewhere needs EXP_KEY.
            return new(given, key ?? LocalKeyFor(given), "EXP_URL");
        }

        var folder = DataFolder.Find(data);
        if (folder.ReadAddress() is not { } address) throw new ExpException(ExitCode.Unreachable, $"no platform is running on {folder.Path}; start one with: exp up{Hint(data)}   (or set EXP_URL and EXP_KEY)");
        return new(address, (data is null ? key : null) ?? folder.ReadKey(), folder.Path);
    }

    private static string? LocalKeyFor(Uri address) => DataFolder.Find(null) is var folder && folder.ReadAddress() == address ? folder.ReadKey() : null;

    private static string Hint(string? data) => data is null ? "" : $" --data {data}";

    private static string? NonEmpty(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
