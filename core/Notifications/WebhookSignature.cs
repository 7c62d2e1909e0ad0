using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Serverless.Core.Notifications;

/// <summary>
/// Signatures as the Standard Webhooks specification has them, so that receivers check them with its libraries: HMAC-SHA256 over
/// <c>id.timestamp.body</c>, the secret being base64 behind <c>whsec_</c>.
/// </summary>
public static class WebhookSignature
{
    public const string IdHeader = "webhook-id", TimestampHeader = "webhook-timestamp", SignatureHeader = "webhook-signature";
    private const string SecretPrefix = "whsec_";
    private const int SecretBytes = 32;

    public static string NewSecret() => SecretPrefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <param name="at">When it is sent: receivers refuse what is older than some minutes.</param>
    /// <returns>The value of <see cref="SignatureHeader"/>.</returns>
    public static string Of(string secret, string id, DateTimeOffset at, ReadOnlySpan<byte> body)
    {
        var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{at.ToUnixTimeSeconds()}."));
        byte[] signed = [.. head, .. body];
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(secret[SecretPrefix.Length..]), signed))}";
    }
}
