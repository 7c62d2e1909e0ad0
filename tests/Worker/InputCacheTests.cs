using System.Security.Cryptography;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

public sealed class InputCacheTests : IDisposable
{
    private readonly TemporaryFolder root = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => root.Dispose();

    /// <summary>With its length and time as they were, as tools that copy in place leave them.</summary>
    [Fact]
    public async Task CodeThatMayWriteAnything_ChangesItsOwnCopyOnly()
    {
        var store = new MemoryObjectStore(TimeProvider.System);
        var put = await store.Put("data/a.csv", "1"u8, cancel: Cancel);
        var input = new InputRef("data/a.csv", put.Object!.ETag, Convert.ToHexStringLower(SHA256.HashData("1"u8)), 1);
        var cache = new InputCache(root["cache"], new SystemIds(TimeProvider.System), TimeProvider.System, links: false);
        Directory.CreateDirectory(root["one"]);
        Directory.CreateDirectory(root["two"]);
        await cache.Materialize(store, input, root["one"], Cancel);

        var mine = new FileInfo(Path.Combine(root["one"], "a.csv")) { IsReadOnly = false };
        var written = mine.LastWriteTimeUtc;
        await File.WriteAllTextAsync(mine.FullName, "9", Cancel);
        mine.LastWriteTimeUtc = written;
        await cache.Materialize(store, input, root["two"], Cancel);

        Assert.Equal("1", await File.ReadAllTextAsync(Path.Combine(root["two"], "a.csv"), Cancel));
    }
}
