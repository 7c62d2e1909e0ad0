using System.Globalization;
using System.Text;
using Serverless.Core.Storage;

namespace Serverless.Tests.Storage;

public abstract partial class ObjectStoreContract
{
    [Fact]
    public async Task OfManyPutsIfAbsent_ExactlyOneIsStored()
    {
        for (var round = 0; round < Math.Max(3, Rounds / 20); round++)
        {
            var key = $"race/{round}";
            var results = await AtOnce(12, i => Opened(i).Put(key, Bytes($"writer {i}"), PutCondition.IfAbsent, Numbered(i), Cancel));
            var winner = Assert.Single(Enumerable.Range(0, 12), i => results[i].Stored);
            Assert.All(results.Where(result => !result.Stored), result => Assert.Equal(PutOutcome.Exists, result.Outcome));
            var got = await Store.Get(key, cancel: Cancel);
            Assert.Equal($"writer {winner}", Text(got));
            Same(results[winner].Object!, got!.Object);
        }
    }

    [Fact]
    public async Task OfManyPutsOverOneVersion_ExactlyOneIsStored()
    {
        var etag = (await Put("race", "start")).Object!.ETag;
        for (var round = 0; round < Math.Max(3, Rounds / 20); round++)
        {
            var over = PutCondition.IfMatch(etag);
            var results = await AtOnce(12, i => Opened(i).Put("race", Bytes("same length"), over, i % 2 == 0 ? null : Numbered(i), Cancel));
            var winner = Assert.Single(results, result => result.Stored);
            Assert.All(results.Where(result => !result.Stored), result => Assert.Equal(PutOutcome.Conflict, result.Outcome));
            Same(winner.Object!, (await Other.Head("race", Cancel)).Value!);
            etag = winner.Object!.ETag;
        }
    }

    [Fact]
    public async Task OfAPutAndADeleteOfOneVersion_ExactlyOneHappens()
    {
        for (var round = 0; round < Math.Max(3, Rounds / 20); round++)
        {
            var etag = (await Put("race", "start")).Object!.ETag;
            var put = Task.Run(() => Store.Put("race", Bytes("put"), PutCondition.IfMatch(etag), cancel: Cancel), Cancel);
            var deleted = Task.Run(() => Other.Delete("race", etag, Cancel), Cancel);
            var expected = (await put).Stored ? (DeleteOutcome.Conflict, "put") : (DeleteOutcome.Deleted, null);
            Assert.Equal(expected, (await deleted, Text(await Store.Get("race", cancel: Cancel))));
        }
    }

    [Fact]
    public async Task ACounterIncrementedByMany_LosesNothing()
    {
        await Put("counter", "0");
        var each = Math.Max(3, Rounds / 10);
        await AtOnce(6, async i =>
        {
            for (var n = 0; n < each; n++) await Increment(Opened(i), "counter", Cancel);
            return true;
        });
        Assert.Equal((6 * each).ToString(CultureInfo.InvariantCulture), Text(await Store.Get("counter", cancel: Cancel)));
    }

    [Fact]
    public async Task AReader_NeverSeesABodyWithTheMetadataOfAnother()
    {
        await Put("k", "0", metadata: Numbered(0));
        using var written = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(i => Task.Run(async () =>
        {
            var seen = 0;
            do
            {
                if (i == 0)
                {
                    await foreach (var found in Opened(i).List("", cancel: Cancel)) Assert.Equal(LengthOf(found.Metadata), found.LengthBytes);
                }
                else if (i == 1)
                {
                    var found = (await Opened(i).Head("k", Cancel)).Value!;
                    Assert.Equal(LengthOf(found.Metadata), found.LengthBytes);
                }
                else
                {
                    var got = (await Opened(i).Get("k", cancel: Cancel))!;
                    Assert.Equal(Text(got)!.Length, got.Object.LengthBytes);
                    Assert.Equal(LengthOf(got.Object.Metadata), got.Object.LengthBytes);
                    Assert.Single(got.Body.Distinct());
                }

                seen++;
            }
            while (!written.IsCancellationRequested);
            return seen;
        }, Cancel)).ToList();

        // A body of n characters has the metadata n, and one of a thousand and some has none.
        for (var n = 1; n <= Rounds; n++)
        {
            await Put("k", new string((char)('a' + (n % 26)), n % 3 == 0 ? 1000 : n % 900), metadata: n % 3 == 0 ? null : Numbered(n % 900));
            await Task.Yield();
        }

        await written.CancelAsync();
        Assert.All(await Task.WhenAll(readers), seen => Assert.True(seen > 0));

        static long LengthOf(IReadOnlyDictionary<string, string> metadata) =>
            metadata.TryGetValue("n", out var n) ? Math.Max(1, long.Parse(n, CultureInfo.InvariantCulture)) : 1000;
    }

    [Fact]
    public async Task Append_AtTheEnd_Appends_AndAnywhereElseSaysWhereTheEndIs()
    {
        Assert.Equal(new AppendResult(true, 3), await Append("log", 0, "one"));
        var first = (await Store.Head("log", Cancel)).Value!;
        Assert.Equal(new AppendResult(false, 3), await Append("log", 0, "again"));
        Assert.Equal(new AppendResult(false, 3), await Append("log", 2, "two"));
        Assert.Equal(new AppendResult(false, 3), await Append("log", 4, "two"));
        Assert.Equal(new AppendResult(true, 6), await Append("log", 3, "two"));
        Assert.Equal(new AppendResult(true, 6), await Append("log", 6, ""));
        var got = await Other.Get("log", cancel: Cancel);
        Assert.Equal("onetwo", Text(got));
        Assert.Equal(6, got!.Object.LengthBytes);
        Assert.NotEqual(first.ETag, got.Object.ETag);
        Assert.Equal("two", Text(await Other.Get("log", new ByteRange(3), Cancel)));
    }

    [Fact]
    public async Task Append_OfNothing_MakesAnEmptyObject()
    {
        Assert.Equal(new AppendResult(true, 0), await Append("log", 0, ""));
        Assert.Equal("", Text(await Other.Get("log", cancel: Cancel)));
        Assert.Equal(new AppendResult(true, 3), await Append("log", 0, "one"));
    }

    [Fact]
    public async Task Append_TakesABlockAndNoMore()
    {
        var block = new byte[Limits.AppendBlockBytes];
        new Random(1).NextBytes(block);
        Assert.Equal(new AppendResult(true, block.Length), await Store.Append("log", 0, block, Cancel));
        Assert.Equal(new AppendResult(true, 2 * block.Length), await Store.Append("log", block.Length, block, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.Append("log", 2 * block.Length, new byte[block.Length + 1], Cancel));
        Assert.True((await Other.Get("log", cancel: Cancel))!.Body.AsSpan().SequenceEqual([.. block, .. block]));
    }

    [Fact]
    public async Task Append_AfterADelete_BeginsAnew()
    {
        await Append("log", 0, "one");
        Assert.Equal(DeleteOutcome.Deleted, await Store.Delete("log", cancel: Cancel));
        Assert.Equal(new AppendResult(false, 0), await Append("log", 3, "two"));
        Assert.Equal(new AppendResult(true, 5), await Append("log", 0, "three"));
        Assert.Equal("three", Text(await Store.Get("log", cancel: Cancel)));
    }

    [Fact]
    public async Task AnOpenBody_HasNothingOfWhatIsAppendedLater()
    {
        await Append("log", 0, "one");
        await using var reading = await Other.Open("log", cancel: Cancel);
        await Append("log", 3, "two");
        using var text = new StreamReader(reading!.Body);
        Assert.Equal("one", await text.ReadToEndAsync(Cancel));
    }

    [Fact]
    public async Task OfManyAppendsAtOneOffset_ExactlyOneIsThere_AndReadersSeeWholeOnesOnly()
    {
        using var written = new CancellationTokenSource();
        var rounds = Math.Max(4, Rounds / 4);
        var reader = Task.Run(async () =>
        {
            long last = 0;
            while (!written.IsCancellationRequested)
            {
                if (await Other.Get("log", cancel: Cancel) is not { } got) continue;
                Assert.Equal(got.Object.LengthBytes, got.Body.Length);
                Assert.Equal(0, got.Body.Length % 10_000);
                Assert.True(got.Body.Length >= last, "what was there is gone");
                last = got.Body.Length;
            }
        }, Cancel);
        for (var round = 0; round < rounds; round++)
        {
            var offset = round * 10_000L;
            var results = await AtOnce(4, i => Opened(i).Append("log", offset, Bytes(new string((char)('a' + i), 10_000)), Cancel));
            var winner = Assert.Single(Enumerable.Range(0, 4), i => results[i].Appended);
            Assert.All(results, result => Assert.Equal(offset + 10_000, result.LengthBytes));
            var block = await Other.Get("log", new ByteRange(offset, 10_000), Cancel);
            Assert.Equal((byte)('a' + winner), Assert.Single(block!.Body.Distinct()));
        }

        await written.CancelAsync();
        await reader;
    }

    internal static async Task Increment(IObjectStore store, string key, CancellationToken cancel)
    {
        while (true)
        {
            var read = (await store.Get(key, cancel: cancel))!;
            var next = int.Parse(Encoding.UTF8.GetString(read.Body), CultureInfo.InvariantCulture) + 1;
            var put = await store.Put(
                key, Bytes(next.ToString(CultureInfo.InvariantCulture)), PutCondition.IfMatch(read.Object.ETag), Numbered(next), cancel);
            if (put.Stored) return;
        }
    }

    private static Dictionary<string, string> Numbered(int n) => new() { ["n"] = n.ToString(CultureInfo.InvariantCulture) };

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private IObjectStore Opened(int i) => i % 2 == 0 ? Store : Other;

    private static Task<T[]> AtOnce<T>(int many, Func<int, Task<T>> work) =>
        Task.WhenAll(Enumerable.Range(0, many).Select(i => Task.Run(() => work(i), Cancel)));
}
