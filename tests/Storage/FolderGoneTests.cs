using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>The folder goes away, as an unmounted disk does, while something is written into it.</summary>
public sealed class FolderGoneTests : IDisposable
{
    private readonly TemporaryFolder parent = new();
    private readonly FolderObjectStore store;

    public FolderGoneTests() => store = new(parent["store"], TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => parent.Dispose();

    [Theory]
    [InlineData("k")]
    [InlineData("new/folders/k")]
    public async Task StoreThatGoesAwayInTheMiddleOfAPut_IsUnavailable_AndNothingAppearsInItsPlace(string key)
    {
        await store.Put("k", "old"u8, cancel: Cancel);
        using var body = new Interrupted(() => Directory.Move(parent["store"], parent["away"]));

        await Assert.ThrowsAsync<StoreUnavailableException>(
            () => store.Put(key, body, metadata: new Dictionary<string, string> { ["n"] = "1" }, cancel: Cancel));

        Assert.False(Directory.Exists(parent["store"]));
        Directory.Move(parent["away"], parent["store"]);
        Assert.True((await store.Put(key, "new"u8, cancel: Cancel)).Stored);
    }

    [Fact]
    public async Task StoreThatIsAway_AnswersNothing()
    {
        await store.Put("k", "old"u8, cancel: Cancel);
        Directory.Move(parent["store"], parent["away"]);

        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Head("k", Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Append("k", 3, "more"u8.ToArray(), Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Delete("k", cancel: Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Copy("k", "copy", cancel: Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await store.List("", cancel: Cancel).ToListAsync(Cancel));
        Assert.False(Directory.Exists(parent["store"]));
    }

    [Fact]
    public async Task StoreWhoseBookkeepingWasRemoved_SaysWhatToDo()
    {
        await store.Put("k", "old"u8, cancel: Cancel);
        TemporaryFolder.Delete(parent["store/.store"]);

        var gone = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Put("k", "new"u8, cancel: Cancel));
        Assert.Equal($"{parent["store/.store"]} was removed: stop the platform and start it again, which makes it anew", gone.Message);
        Assert.Equal("old", await File.ReadAllTextAsync(parent["store/k"], Cancel));
        Assert.True((await new FolderObjectStore(parent["store"], TimeProvider.System).Put("k", "new"u8, cancel: Cancel)).Stored);
    }

    /// <summary>A body of one byte, at whose end something happens.</summary>
    private sealed class Interrupted(Action happens) : MemoryStream([1])
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position == Length) happens();
            return base.ReadAsync(buffer, cancellationToken);
        }
    }
}
