using Azure.Core;
using Azure.Identity;

namespace Serverless.Cli.Client;

/// <summary>Tokens for a platform from whatever this user, or this CI job, is signed in with already.</summary>
static class EntraSignIn
{
    /// <exception cref="ExpException">Nobody is signed in.</exception>
    public static SavedToken Token(EntraProfile entra, CancellationToken cancel)
    {
        var tenant = entra.Tenant.ToString("D");

        // Not the default chain: its look for a machine's identity takes seconds on a laptop, where there is none.
        var credential = new ChainedTokenCredential(
            new EnvironmentCredential(),
            new WorkloadIdentityCredential(new WorkloadIdentityCredentialOptions { TenantId = tenant }),
            new AzureCliCredential(new AzureCliCredentialOptions { TenantId = tenant }),
            new AzureDeveloperCliCredential(new AzureDeveloperCliCredentialOptions { TenantId = tenant }));
        try
        {
            var token = credential.GetToken(new TokenRequestContext([$"api://{entra.ClientId:D}/.default"]), cancel);
            return new(token.Token, token.ExpiresOn);
        }
        catch (AuthenticationFailedException e)
        {
            throw new ExpException(
                ExitCode.NotAllowed,
                $"no Microsoft Entra token could be had: {e.Message.Split('\n')[0].Trim()}; sign in with: az login --tenant {tenant}", inner: e);
        }
    }
}
