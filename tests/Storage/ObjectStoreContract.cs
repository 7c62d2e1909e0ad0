using System.Text;
using Serverless.Core.Storage;

namespace Serverless.Tests.Storage;

/// <summary>What <see cref="IObjectStore"/> promises; every adapter is held to all of it.</summary>
public abstract partial class ObjectStoreContract : IAsyncLifetime
{
    /// <summary>An empty store.</summary>
    protected IObjectStore Store { get; private set; } = null!;

    /// <summary>The same store as another process opens it.</summary>
    protected IObjectStore Other { get; private set; } = null!;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>How often the races are run: a store behind a network has fewer in the same time.</summary>
    protected virtual int Rounds => 200;

    public async ValueTask InitializeAsync()
    {
        await Prepare();
        Store = Open();
        Other = Open();
    }

    public abstract ValueTask DisposeAsync();

    protected abstract Task Prepare();

    protected abstract IObjectStore Open();

    [Fact]
    public async Task Put_IsReadBackWithItsMetadata()
    {
        var put = await Put("runs/1.json", "hello", metadata: new() { ["state"] = "queued", ["summary"] = """{"a":"b = c","d":[1]}""" });
        Assert.Equal(PutOutcome.Stored, put.Outcome);
        var got = await Other.Get("runs/1.json", cancel: Cancel);
        Assert.Equal("hello", Text(got));
        Same(put.Object!, got!.Object);
        Assert.Equal(5, got.Object.LengthBytes);
        Assert.Equal("runs/1.json", got.Object.Key);
        Assert.Equal("queued", got.Object.Metadata["state"]);
        Assert.Equal("""{"a":"b = c","d":[1]}""", got.Object.Metadata["summary"]);
        Same(put.Object!, (await Other.Head("runs/1.json", Cancel)).Value!);
    }

    [Fact]
    public async Task WhatIsMissing_IsAValueAndNoError()
    {
        Assert.Null((await Store.Head("a/b/c", Cancel)).Value);
        Assert.Null(await Store.Open("a/b/c", cancel: Cancel));
        Assert.Null(await Store.Open("a/b/c", new ByteRange(3, 4), Cancel));
        Assert.Equal(DeleteOutcome.Missing, await Store.Delete("a/b/c", cancel: Cancel));
        Assert.Equal(DeleteOutcome.Missing, await Store.Delete("a/b/c", "0-0", Cancel));
        Assert.Equal(PutOutcome.SourceMissing, (await Store.Copy("a/b/c", "d", cancel: Cancel)).Outcome);
        Assert.Equal(new AppendResult(false, 0), await Store.Append("a/b/c", 7, "x"u8.ToArray(), Cancel));
        Assert.Empty(await Keys(""));
        Assert.Empty(await Keys("a/b/"));
    }

    [Fact]
    public async Task PutIfAbsent_OverAnObject_SaysExistsAndChangesNothing()
    {
        var first = await Put("k", "one", PutCondition.IfAbsent, new() { ["n"] = "1" });
        var second = await Put("k", "two", PutCondition.IfAbsent, new() { ["n"] = "2" });
        Assert.Equal((PutOutcome.Stored, PutOutcome.Exists), (first.Outcome, second.Outcome));
        Assert.Null(second.Object);
        var got = await Store.Get("k", cancel: Cancel);
        Assert.Equal("one", Text(got));
        Same(first.Object!, got!.Object);
    }

    [Fact]
    public async Task PutIfMatch_OverAnotherVersion_SaysConflictAndChangesNothing()
    {
        var first = await Put("k", "one");
        var second = await Put("k", "two", PutCondition.IfMatch(first.Object!.ETag));
        var late = await Put("k", "three", PutCondition.IfMatch(first.Object.ETag));
        var missing = await Put("other", "x", PutCondition.IfMatch(first.Object.ETag));
        Assert.Equal((PutOutcome.Stored, PutOutcome.Conflict, PutOutcome.Conflict), (second.Outcome, late.Outcome, missing.Outcome));
        Assert.Equal("two", Text(await Store.Get("k", cancel: Cancel)));
        Assert.Null(await Store.Get("other", cancel: Cancel));
    }

    [Fact]
    public async Task ETag_DiffersForEveryVersion_AlsoForEqualBodiesAndAfterADelete()
    {
        HashSet<string> seen = [];
        for (var i = 0; i < 5; i++)
        {
            Assert.True(seen.Add((await Put("k", "same")).Object!.ETag));
            Assert.True(seen.Add((await Put("k", "same", metadata: new() { ["n"] = "1" })).Object!.ETag));
            Assert.Equal(DeleteOutcome.Deleted, await Store.Delete("k", cancel: Cancel));
        }
    }

    [Fact]
    public async Task Put_WithoutMetadata_LeavesNoneOfTheOldBehind()
    {
        await Put("k", "one", metadata: new() { ["n"] = "1" });
        await Put("k", "two");
        Assert.Empty((await Other.Head("k", Cancel)).Value!.Metadata);
        await Put("k", "three", metadata: new() { ["m"] = "2" });
        Assert.Equal([new("m", "2")], (await Other.Head("k", Cancel)).Value!.Metadata);
    }

    [Fact]
    public async Task Put_ReadsTheBodyFromWhereItStands_AlsoWhenItCannotSeek()
    {
        var body = new MemoryStream("0123456789"u8.ToArray()) { Position = 4 };
        var put = await Store.Put("seekable", body, cancel: Cancel);
        Assert.Equal(6, put.Object!.LengthBytes);
        await using var pipe = new System.IO.Compression.BrotliStream(
            new MemoryStream(Packed("456789")), System.IO.Compression.CompressionMode.Decompress);
        Assert.Equal(6, (await Store.Put("streamed", pipe, cancel: Cancel)).Object!.LengthBytes);
        Assert.Equal("456789", Text(await Store.Get("seekable", cancel: Cancel)));
        Assert.Equal("456789", Text(await Store.Get("streamed", cancel: Cancel)));
    }

    [Fact]
    public async Task Put_OfALargeBody_ArrivesWhole()
    {
        var body = new byte[20_000_003];
        new Random(1).NextBytes(body);
        var put = await Store.Put("large", new MemoryStream(body), PutCondition.IfAbsent, new Dictionary<string, string> { ["n"] = "1" }, Cancel);
        var got = await Other.Get("large", cancel: Cancel);
        Same(put.Object!, got!.Object);
        Assert.True(body.AsSpan().SequenceEqual(got.Body));
        Assert.Equal(PutOutcome.Exists, (await Store.Put("large", new MemoryStream(body), PutCondition.IfAbsent, cancel: Cancel)).Outcome);
    }

    [Fact]
    public async Task Put_WhoseBodyBreaks_ChangesNothing()
    {
        await Put("k", "one");
        await Assert.ThrowsAsync<InvalidDataException>(() => Store.Put("k", new BrokenStream(9_000_000), cancel: Cancel));
        Assert.Equal("one", Text(await Store.Get("k", cancel: Cancel)));
        Assert.Equal(["k"], await Keys(""));
    }

    [Theory]
    [InlineData(0L, null, "0123456789")]
    [InlineData(0L, 4L, "0123")]
    [InlineData(3L, 4L, "3456")]
    [InlineData(7L, null, "789")]
    [InlineData(7L, 100L, "789")]
    [InlineData(9L, 1L, "9")]
    [InlineData(3L, 0L, "")]
    [InlineData(10L, null, "")]
    [InlineData(10L, 5L, "")]
    [InlineData(999L, 5L, "")]
    public async Task Open_OfARange_GivesThoseBytesAndTheWholeObjectsLength(long offset, long? length, string expected)
    {
        var put = await Put("k", "0123456789", metadata: new() { ["n"] = "1" });
        var got = await Store.Get("k", new ByteRange(offset, length), Cancel);
        Assert.Equal(expected, Text(got));
        Same(put.Object!, got!.Object);
    }

    [Fact]
    public async Task AnEmptyObject_IsAnObject()
    {
        var put = await Put("k", "");
        Assert.Equal(0, put.Object!.LengthBytes);
        Assert.Equal("", Text(await Store.Get("k", cancel: Cancel)));
        Assert.Equal("", Text(await Store.Get("k", new ByteRange(0, 5), Cancel)));
        Assert.Equal(["k"], await Keys(""));
        Assert.Equal(PutOutcome.Exists, (await Put("k", "x", PutCondition.IfAbsent)).Outcome);
    }

    [Fact]
    public async Task AnOpenBody_IsOfOneVersion_WhateverHappensMeanwhile()
    {
        await Put("k", "first", metadata: new() { ["n"] = "1" });
        await using var reading = await Store.Open("k", cancel: Cancel);
        await Put("k", "the second", metadata: new() { ["n"] = "2" });
        await Store.Delete("k", cancel: Cancel);
        using var text = new StreamReader(reading!.Body);
        Assert.Equal("first", await text.ReadToEndAsync(Cancel));
        Assert.Equal("1", reading.Object.Metadata["n"]);
    }

    [Fact]
    public async Task Copy_TakesBodyAndMetadata()
    {
        var source = await Put("from/a", "body", metadata: new() { ["n"] = "1" });
        var copied = await Store.Copy("from/a", "to/b", cancel: Cancel);
        Assert.Equal(PutOutcome.Stored, copied.Outcome);
        var got = await Other.Get("to/b", cancel: Cancel);
        Assert.Equal("body", Text(got));
        Assert.Equal([new("n", "1")], got!.Object.Metadata);
        Same(copied.Object!, got.Object);
        Same(source.Object!, (await Store.Head("from/a", Cancel)).Value!);
    }

    [Fact]
    public async Task Copy_KeepsConditions()
    {
        var b = await Put("b", "b");
        await Put("a", "a");
        Assert.Equal(PutOutcome.Exists, (await Store.Copy("a", "b", PutCondition.IfAbsent, Cancel)).Outcome);
        Assert.Equal(PutOutcome.Conflict, (await Store.Copy("a", "c", PutCondition.IfMatch(b.Object!.ETag), Cancel)).Outcome);
        Assert.Equal(PutOutcome.SourceMissing, (await Store.Copy("nothing", "b", PutCondition.IfAbsent, Cancel)).Outcome);
        Assert.Equal(PutOutcome.Stored, (await Store.Copy("a", "b", PutCondition.IfMatch(b.Object!.ETag), Cancel)).Outcome);
        Assert.Equal(PutOutcome.Conflict, (await Store.Copy("a", "b", PutCondition.IfMatch(b.Object.ETag), Cancel)).Outcome);
        Assert.Equal(PutOutcome.Stored, (await Store.Copy("a", "d", PutCondition.IfAbsent, Cancel)).Outcome);
        Assert.Equal("a", Text(await Store.Get("b", cancel: Cancel)));
    }

    [Fact]
    public async Task Copy_OfWhatWasAppended_CopiesAllOfIt()
    {
        await Append("log", 0, "one ");
        await Append("log", 4, "two");
        Assert.Equal(PutOutcome.Stored, (await Store.Copy("log", "sealed", cancel: Cancel)).Outcome);
        Assert.Equal("one two", Text(await Store.Get("sealed", cancel: Cancel)));
    }

    [Fact]
    public async Task Delete_AtAVersion_DeletesThatVersionOnly()
    {
        var first = await Put("k", "one");
        var second = await Put("k", "two");
        Assert.Equal(DeleteOutcome.Conflict, await Store.Delete("k", first.Object!.ETag, Cancel));
        Assert.Equal("two", Text(await Other.Get("k", cancel: Cancel)));
        Assert.Equal(DeleteOutcome.Deleted, await Store.Delete("k", second.Object!.ETag, Cancel));
        Assert.Null(await Other.Get("k", cancel: Cancel));
        Assert.Equal(DeleteOutcome.Missing, await Store.Delete("k", second.Object.ETag, Cancel));
    }

    [Fact]
    public async Task EveryAnswer_CarriesTheStoresTime()
    {
        var put = await Put("k", "x");
        var head = await Store.Head("k", Cancel);
        var got = await Store.Get("k", cancel: Cancel);
        var missing = await Store.Head("missing", Cancel);
        var conflict = await Put("k", "x", PutCondition.IfAbsent);
        DateTimeOffset[] times = [put.Now, head.Now, got!.Now, missing.Now, conflict.Now];
        Assert.Equal(times.Order(), times);
        Assert.InRange(put.Object!.Modified, put.Now.AddSeconds(-2), put.Now.AddSeconds(1));
        Assert.True(times[^1] - times[0] < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task ACancelledCall_Ends()
    {
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.Head("k", cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.Put("k", new MemoryStream([1]), cancel: cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.Append("k", 0, new byte[1], cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.Delete("k", cancel: cancelled));
        Assert.Empty(await Keys(""));
    }

    protected Task<PutResult> Put(string key, string body, PutCondition condition = default, Dictionary<string, string>? metadata = null) =>
        Store.Put(key, Encoding.UTF8.GetBytes(body), condition, metadata, Cancel);

    protected Task<AppendResult> Append(string key, long offset, string text) => Store.Append(key, offset, Encoding.UTF8.GetBytes(text), Cancel);

    protected async Task<List<string>> Keys(string prefix, string? after = null) =>
        await Other.List(prefix, after, Cancel).Select(found => found.Key).ToListAsync(Cancel);

    protected static string? Text(ObjectContent? content) => content is null ? null : Encoding.UTF8.GetString(content.Body);

    protected static void Same(StoredObject expected, StoredObject actual)
    {
        Assert.Equal(expected with { Metadata = ObjectMetadata.None }, actual with { Metadata = ObjectMetadata.None });
        Assert.Equal(expected.Metadata.OrderBy(pair => pair.Key), actual.Metadata.OrderBy(pair => pair.Key));
    }

    private static byte[] Packed(string text)
    {
        using var packed = new MemoryStream();
        using (var packing = new System.IO.Compression.BrotliStream(packed, System.IO.Compression.CompressionMode.Compress))
        {
            packing.Write(Encoding.UTF8.GetBytes(text));
        }

        return packed.ToArray();
    }

    // Gives some bytes, then breaks, as an upload does whose client goes away.
    private sealed class BrokenStream(long after) : MemoryStream
    {
        private long left = after;

        public override bool CanSeek => false;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            if (left <= 0) throw new InvalidDataException("the body broke");
            left -= buffer.Length;
            return buffer.Length;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }
}
