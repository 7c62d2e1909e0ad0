using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>The double that other tests use must not promise less, or more, than a real store.</summary>
public sealed class MemoryObjectStoreTests : ObjectStoreContract
{
    private readonly MemoryObjectStore store = new(TimeProvider.System) { Yields = true };

    protected override Task Prepare() => Task.CompletedTask;

    protected override IObjectStore Open() => store;

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
