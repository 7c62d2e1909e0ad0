using System.Collections.Concurrent;
using Azure.Core;
using Azure.Storage.Blobs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Cloud;

/// <summary>Workspaces as the containers of one storage account.</summary>
/// <param name="account">Made with <see cref="BlobClients.Options"/>.</param>
/// <param name="credential">What <paramref name="account"/> was made with, when that was a token.</param>
public sealed class BlobWorkspaces(BlobServiceClient account, TokenCredential? credential = null) : IWorkspaces
{
    private readonly ConcurrentDictionary<string, IObjectStore> stores = new(StringComparer.Ordinal);

    /// <summary>An account by its address, e.g. https://NAME.blob.core.windows.net, with an identity: no keys.</summary>
    public static BlobWorkspaces At(Uri account, TokenCredential credential) => new(new(account, credential, BlobClients.Options()), credential);

    public IObjectStore Platform => StoreIn("platform");

    public IObjectStore Open(string workspace) => StoreIn(WorkspaceName.Checked(workspace));

    private IObjectStore StoreIn(string container) =>
        stores.GetOrAdd(container, name => new BlobObjectStore(account.GetBlobContainerClient(name), credential));
}
