using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Azure.Storage.Sas;
using Serverless.Core.Storage;

namespace Serverless.Cloud;

/// <summary>
/// Links are shared access signatures for one blob: signed with a key that the service delegates to this identity (role Storage Blob Delegator), or
/// with the account's own key where the store was made with one, which only emulators accept.
/// </summary>
public sealed partial class BlobObjectStore : IDirectTransfer
{
    private static readonly Dictionary<string, string> Nothing = [], AsBlockBlob = new() { ["x-ms-blob-type"] = "BlockBlob" };

    // The service gives keys for up to 7 days. Asking seldom costs nothing, and a link must not outlive its key.
    private static readonly TimeSpan DelegatedFor = TimeSpan.FromHours(12), ClockSkew = TimeSpan.FromMinutes(5);

    private (UserDelegationKey Key, DateTimeOffset Until)? delegated;

    public Task<DirectLink> LinkToRead(string key, TimeSpan lifetime, CancellationToken cancel = default) =>
        Link(key, BlobSasPermissions.Read, lifetime, Nothing, cancel);

    public Task<DirectLink> LinkToWrite(string key, TimeSpan lifetime, CancellationToken cancel = default) =>
        Link(key, BlobSasPermissions.Create | BlobSasPermissions.Write, lifetime, AsBlockBlob, cancel);

    private async Task<DirectLink> Link(
        string key, BlobSasPermissions permissions, TimeSpan lifetime, Dictionary<string, string> headers, CancellationToken cancel)
    {
        var now = (await Head(key, cancel)).Now;
        return await Guard(async () =>
        {
            var blob = Blob(key);
            var terms = new BlobSasBuilder(permissions, now + lifetime)
            {
                BlobContainerName = blob.BlobContainerName,
                BlobName = blob.Name,
                Resource = "b",
                Protocol = blob.Uri.Scheme == Uri.UriSchemeHttps ? SasProtocol.Https : SasProtocol.HttpsAndHttp,

                // Browsers save what people's code wrote instead of showing it.
                ContentDisposition = permissions == BlobSasPermissions.Read ? "attachment" : null,
            };
            return new DirectLink(await Signed(blob, terms, now, cancel), headers, terms.ExpiresOn);
        }, cancel, writes: permissions != BlobSasPermissions.Read);
    }

    private async Task<Uri> Signed(BlobClient blob, BlobSasBuilder terms, DateTimeOffset now, CancellationToken cancel)
    {
        if (blob.CanGenerateSasUri) return blob.GenerateSasUri(terms);
        if (delegated is not { } with || with.Until < terms.ExpiresOn)
        {
            var until = now + DelegatedFor > terms.ExpiresOn ? now + DelegatedFor : terms.ExpiresOn;
            var answer = await container.GetParentBlobServiceClient()
                .GetUserDelegationKeyAsync(new BlobGetUserDelegationKeyOptions(until) { StartsOn = now - ClockSkew }, cancel);
            delegated = with = (answer.Value, until);
        }

        return blob.GenerateUserDelegationSasUri(terms, with.Key);
    }
}
