using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

public sealed class FolderObjectStoreTests : ObjectStoreContract
{
    private readonly TemporaryFolder folder = new();

    protected override Task Prepare() => Task.CompletedTask;

    protected override IObjectStore Open() => new FolderObjectStore(folder.Path, TimeProvider.System);

    public override ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
