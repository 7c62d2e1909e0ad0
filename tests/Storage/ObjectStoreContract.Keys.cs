using Serverless.Core.Storage;

namespace Serverless.Tests.Storage;

public abstract partial class ObjectStoreContract
{
    private static readonly string[] Tree = ["a-b/x", "a.b", "a/x", "a/y/z", "a0/q", "ab/c/d", "ab/ca", "B", "b", "z/é", "é", "日本/語"];

    /// <summary>Legal, and none of them what it looks like to some layer below.</summary>
    public static TheoryData<string> UnusualKeys =>
    [
        "with space/a b.csv", "100%25 done%2F.txt", "%2e%2e/x", "#?&=+;,@!$'()*.csv", "\"quoted\"", "<a>|b", "a:b/c:d", ".hidden/.file", "..leading",
        "~/tilde", "con/nul.txt",
        "ünïcödé/日本語/🎉.bin", "e\u0301 and \u00e9", "-rf", "UPPER/lower/Mixed", "a.lock", "tmp/x.tmp", "x.store", "store/.store/x",
        "[brackets]{braces}", "`tick`^caret",
    ];

    public static TheoryData<string> IllegalKeys =>
        ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/..", "a\\b", "a\nb", "a\0b", ".store/x", ".store", ".Store/tmp/x",
            new string('x', 201), Long(901)];

    [Fact]
    public async Task List_GivesKeysInOrdinalOrder_AcrossFolders()
    {
        foreach (var key in Tree.Reverse()) await Put(key, key);
        Assert.Equal(Tree.Order(StringComparer.Ordinal), await Keys(""));
    }

    [Fact]
    public async Task List_WithAPrefix_GivesWhatBeginsWithIt()
    {
        foreach (var key in Tree) await Put(key, key);
        foreach (var prefix in new[] { "a", "a/", "a/y", "a/y/", "ab/c", "ab/c/", "b", "é", "日本/", "nothing", "a.b", "a.b/", "a/x/y" })
        {
            Assert.Equal(Tree.Order(StringComparer.Ordinal).Where(key => key.StartsWith(prefix, StringComparison.Ordinal)), await Keys(prefix));
        }
    }

    [Fact]
    public async Task List_AfterAKey_GoesOnBehindIt_AlsoWhenThatKeyIsMissing()
    {
        foreach (var key in Tree) await Put(key, key);
        foreach (var after in Tree.Concat(["", "a", "a/", "a/y", "a/y/z/0", "a/z", "aa", "ab/c", "c", "~", "zz", "\uffff"]))
        {
            foreach (var prefix in new[] { "", "a", "a/", "ab/" })
            {
                var expected = Tree.Order(StringComparer.Ordinal)
                    .Where(key => key.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(key, after) > 0);
                Assert.Equal(expected, await Keys(prefix, after));
            }
        }
    }

    [Fact]
    public async Task List_TellsWhatHeadTells()
    {
        await Put("a/1", "one", metadata: new() { ["n"] = "1" });
        await Put("a/2", "");
        await Append("a/3", 0, "three");
        var listed = await Other.List("a/", cancel: Cancel).ToListAsync(Cancel);
        Assert.Equal(3, listed.Count);
        foreach (var found in listed) Same((await Store.Head(found.Key, Cancel)).Value!, found);
    }

    [Fact]
    public async Task ListVersions_TellsTheETagOfEachThatListTells()
    {
        foreach (var key in (string[])["a/b/1", "a/b/2", "a/c", "b"]) await Put(key, key);
        await Store.Append("a/log", 0, "line"u8.ToArray(), Cancel);
        Assert.Equal(
            await Store.List("a/", cancel: Cancel).Select(stored => new StoredVersion(stored.Key, stored.ETag)).ToListAsync(Cancel),
            await Other.ListVersions("a/", Cancel).ToListAsync(Cancel));
        Assert.Empty(await Other.ListVersions("none/", Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task List_CanStopAnywhereAndGoOnFromThere()
    {
        foreach (var key in Tree) await Put(key, key);
        List<string> pages = [];
        string? after = null;
        while (await Store.List("", after, Cancel).Take(5).Select(found => found.Key).ToListAsync(Cancel) is { Count: > 0 } page)
        {
            pages.AddRange(page);
            after = page[^1];
        }

        Assert.Equal(Tree.Order(StringComparer.Ordinal), pages);
    }

    [Theory]
    [MemberData(nameof(UnusualKeys))]
    public async Task AnUnusualKey_IsAKeyLikeAnyOther(string key)
    {
        var put = await Put(key, "body", PutCondition.IfAbsent, new() { ["n"] = "1" });
        Assert.Equal(PutOutcome.Stored, put.Outcome);
        Assert.Equal("body", Text(await Other.Get(key, cancel: Cancel)));
        Assert.Equal([key], await Keys(""));
        Assert.Equal([key], await Keys(key));
        Same(put.Object!, await Other.List("", cancel: Cancel).SingleAsync(Cancel));
        Assert.Equal(PutOutcome.Stored, (await Store.Copy(key, "copy of/" + key, cancel: Cancel)).Outcome);
        Assert.Equal("body", Text(await Other.Get("copy of/" + key, cancel: Cancel)));
        Assert.Equal(DeleteOutcome.Deleted, await Store.Delete(key, put.Object!.ETag, Cancel));
        Assert.Equal(new AppendResult(true, 3), await Append(key, 0, "abc"));
        Assert.Equal("abc", Text(await Other.Get(key, cancel: Cancel)));
    }

    [Fact]
    public async Task TheLongestKey_IsAKeyLikeAnyOther()
    {
        var key = Long(900);
        await Put(key, "body", metadata: new() { ["n"] = "1" });
        await Append(Long(899), 0, "log");
        Assert.Equal("body", Text(await Other.Get(key, cancel: Cancel)));
        Assert.Equal(new[] { Long(899), key }.Order(StringComparer.Ordinal), await Keys(key[..300]));
    }

    [Theory]
    [MemberData(nameof(IllegalKeys))]
    public async Task AnIllegalKey_IsRefusedByEveryOperation(string key)
    {
        await Put("a/b", "body");
        await Assert.ThrowsAsync<ObjectKeyException>(() => Store.Head(key, Cancel));
        await Assert.ThrowsAsync<ObjectKeyException>(() => Store.Open(key, cancel: Cancel));
        await Assert.ThrowsAsync<ObjectKeyException>(() => Put(key, "x"));
        await Assert.ThrowsAsync<ObjectKeyException>(() => Append(key, 0, "x"));
        await Assert.ThrowsAsync<ObjectKeyException>(() => Store.Delete(key, cancel: Cancel));
        await Assert.ThrowsAsync<ObjectKeyException>(() => Store.Copy("a/b", key, cancel: Cancel));
        await Assert.ThrowsAsync<ObjectKeyException>(() => Store.Copy(key, "c", cancel: Cancel));
        Assert.Equal(["a/b"], await Keys(""));
    }

    [Fact]
    public async Task Metadata_MayFillItsRoomAndNoMore()
    {
        var full = new Dictionary<string, string> { ["a"] = new('x', 4000), ["b1"] = new('~', Limits.MetadataBytes - 4003) };
        Assert.True((await Put("k", "x", metadata: full)).Stored);
        Assert.Equal(full.OrderBy(pair => pair.Key), (await Other.Head("k", Cancel)).Value!.Metadata.OrderBy(pair => pair.Key));
        full["b1"] += "!";
        await Assert.ThrowsAsync<ArgumentException>(() => Put("k", "y", metadata: full));
        Assert.Equal("x", Text(await Store.Get("k", cancel: Cancel)));
    }

    [Theory]
    [InlineData("Name", "value")]
    [InlineData("a-b", "value")]
    [InlineData("1a", "value")]
    [InlineData("", "value")]
    [InlineData("_put", "value")]
    [InlineData("a", "")]
    [InlineData("a", " value")]
    [InlineData("a", "value ")]
    [InlineData("a", "two\nlines")]
    [InlineData("a", "é")]
    public async Task Metadata_ThatAHeaderCannotCarry_IsRefused(string name, string value) =>
        await Assert.ThrowsAsync<ArgumentException>(() => Put("k", "x", metadata: new() { [name] = value }));

    // Segments of at most 200 characters.
    private static string Long(int length)
    {
        var key = string.Join('/', Enumerable.Repeat(new string('k', 199), 5));
        return key[..(length - 1)] + "z";
    }
}
