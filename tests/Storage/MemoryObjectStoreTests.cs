using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>The store that other tests use is held to the same contract as the real ones.</summary>
public sealed class MemoryObjectStoreTests : ObjectStoreContract
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);

    protected override Task Prepare() => Task.CompletedTask;

    protected override IObjectStore Open() => store;

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
