using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Serverless.Core.Access;

namespace Serverless.Functions.Http;

/// <summary>Which Microsoft Entra tokens are taken in place of keys.</summary>
/// <param name="Authority">Where the directory publishes its keys; null: Microsoft's place for the tenant.</param>
public sealed record EntraOptions(Guid Tenant, Guid ClientId, Uri? Authority = null)
{
    public const string TenantSetting = "EXP_ENTRA_TENANT", ClientIdSetting = "EXP_ENTRA_CLIENT_ID";

    /// <summary>Null: both settings are empty.</summary>
    /// <exception cref="InvalidOperationException">One of them is missing, or is no id.</exception>
    public static EntraOptions? Parse(string? tenant, string? clientId) => (tenant, clientId) switch
    {
        (null or "", null or "") => null,
        ({ } one, { } other) when Guid.TryParse(one, out var directory) && Guid.TryParse(other, out var application) => new(directory, application),
        _ => throw new InvalidOperationException(
            $"{TenantSetting} and {ClientIdSetting} are two ids, such as 00000000-0000-0000-0000-000000000000, or both empty"),
    };
}

/// <summary>
/// Proves who a token is about: signed by the directory, for this application, not expired. What they may do is not in the token but among the keys,
/// so that letting somebody in and out is the same for keys and people.
/// </summary>
public sealed class EntraTokens
{
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(2);

    private readonly JsonWebTokenHandler handler = new() { MapInboundClaims = false };
    private readonly ConfigurationManager<OpenIdConnectConfiguration> directory;
    private readonly EntraOptions options;
    private readonly TimeProvider time;

    public EntraTokens(EntraOptions options, TimeProvider time)
    {
        (this.options, this.time) = (options, time);
        var authority = options.Authority ?? new Uri($"https://login.microsoftonline.com/{options.Tenant:D}/v2.0");
        var documents = new HttpDocumentRetriever { RequireHttps = authority.Scheme == Uri.UriSchemeHttps };
        directory = new(
            $"{authority.AbsoluteUri.TrimEnd('/')}/.well-known/openid-configuration", new OpenIdConnectConfigurationRetriever(), documents);
    }

    public EntraLogin Login => new(options.Tenant, options.ClientId);

    /// <summary>Keys have no dots, tokens have two.</summary>
    public static bool IsToken(string secret) => secret.Count(c => c == '.') == 2;

    /// <returns>Null: the token is not to be trusted.</returns>
    /// <exception cref="DirectoryUnavailableException">Its keys cannot be had now.</exception>
    public async Task<EntraPrincipal?> Validate(string token, CancellationToken cancel)
    {
        var result = await Check(token, cancel);
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException)
        {
            // The directory has changed its keys, or the token is not of this directory: the manager asks again, but not for every such token.
            directory.RequestRefresh();
            result = await Check(token, cancel);
        }

        if (result is not { IsValid: true, SecurityToken: JsonWebToken valid } || Id(valid, "tid") != options.Tenant) return null;
        return Id(valid, "oid") is { } id ? new EntraPrincipal(options.Tenant, id) : null;
    }

    private async Task<TokenValidationResult> Check(string token, CancellationToken cancel)
    {
        OpenIdConnectConfiguration known;
        try
        {
            known = await directory.GetConfigurationAsync(cancel);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            throw new DirectoryUnavailableException(
                $"the keys of the Microsoft Entra directory {options.Tenant:D} cannot be had now: {e.Message}", e);
        }

        return await handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            // Tokens of the older version name the older issuer; which one an application gets is a property of its registration.
            ValidIssuers = [known.Issuer, $"https://sts.windows.net/{options.Tenant:D}/"],
            ValidAudiences = [$"{options.ClientId:D}", $"api://{options.ClientId:D}"],
            IssuerSigningKeys = known.SigningKeys,
            ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ClockSkew = ClockSkew,
            LifetimeValidator = (from, until, _, _) => (from is null || from <= Now + ClockSkew) && until is { } end && end > Now - ClockSkew,
        });
    }

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    private static Guid? Id(JsonWebToken token, string claim) =>
        token.TryGetPayloadValue<string>(claim, out var text) && Guid.TryParse(text, out var id) ? id : null;
}

/// <summary>The directory does not answer; nothing is known about who asks. Try again.</summary>
public sealed class DirectoryUnavailableException(string message, Exception inner) : IOException(message, inner);
