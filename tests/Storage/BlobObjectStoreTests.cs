using Azure.Storage.Blobs;
using Serverless.Cloud;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

public sealed class BlobObjectStoreTests(Azurite azurite) : ObjectStoreContract
{
    private BlobContainerClient container = null!;

    protected override int Rounds => 20;

    protected override async Task Prepare() => container = await azurite.NewContainer(Cancel);

    protected override IObjectStore Open() => new BlobObjectStore(container);

    public override async ValueTask DisposeAsync() => await container.DeleteIfExistsAsync();
}
