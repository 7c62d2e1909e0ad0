using Serverless.Core.Access;

namespace Serverless.Functions.Hosting;

/// <summary>
/// How the first administrator of a deployment comes in: whoever deploys makes a secret, keeps it, and gives the deployment its SHA-256. The hash
/// counts only as long as the workspace has no administrator, so that a first key which was
/// revoked later stays revoked, however often the app starts.
/// </summary>
static class FirstKey
{
    /// <summary>The setting; empty: none. <c>printf %s "$EXP_KEY" | sha256sum</c> computes it.</summary>
    public const string Setting = "EXP_ADMIN_KEY_SHA256";

    private const int HashLength = 64;

    /// <returns>Whether the workspace has an administrator now.</returns>
    /// <exception cref="InvalidOperationException">The setting is no hash.</exception>
    public static async Task<bool> Ensure(ApiKeys keys, string workspace, string? sha256, CancellationToken cancel = default)
    {
        if ((await keys.List(workspace, cancel)).Found.Any(key => key.Role == Role.Admin)) return true;
        if (sha256 is not { Length: > 0 }) return false;
        if (sha256.Length != HashLength || !sha256.All(char.IsAsciiHexDigit))
        {
            throw new InvalidOperationException($"{Setting} is not a SHA-256 in hexadecimal ({HashLength} digits)");
        }

        await keys.RegisterHash(sha256.ToLowerInvariant(), "first", Role.Admin, workspace, cancel);
        return true;
    }
}
