using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>What people do to the folder with their own tools, and what the file system does to the store.</summary>
public sealed class FolderByHandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly IObjectStore store;

    public FolderByHandTests() => store = new FolderObjectStore(folder.Path, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AFileCopiedInByHand_IsAnObjectAtOnce()
    {
        Directory.CreateDirectory(folder["data/digits"]);
        await File.WriteAllTextAsync(folder["data/digits/train.csv"], "1,2,3", Cancel);
        var listed = await store.List("data/", cancel: Cancel).SingleAsync(Cancel);
        Assert.Equal(("data/digits/train.csv", 5), (listed.Key, listed.LengthBytes));
        Assert.Empty(listed.Metadata);
        Assert.Equal(listed.ETag, (await store.Get("data/digits/train.csv", cancel: Cancel))!.Object.ETag);
        Assert.Equal(PutOutcome.Exists, (await Put("data/digits/train.csv", "x", PutCondition.IfAbsent)).Outcome);
        Assert.Equal(PutOutcome.Stored, (await Put("data/digits/train.csv", "x", PutCondition.IfMatch(listed.ETag))).Outcome);
    }

    [Fact]
    public async Task AnObject_IsAPlainFileThatPeopleOpen()
    {
        await Put("data/x.csv", "a,b", metadata: new() { ["n"] = "1" });
        Assert.Equal("a,b", await File.ReadAllTextAsync(folder["data/x.csv"], Cancel));
        Assert.Equal([folder["data/x.csv"]], Directory.GetFiles(folder["data"]));
    }

    [Fact]
    public async Task AnObjectEditedByHand_IsAnotherVersionWithoutMetadata()
    {
        var put = await Put("data/x.csv", "a,b", metadata: new() { ["n"] = "1" });
        await File.WriteAllTextAsync(folder["data/x.csv"], "a,c", Cancel);
        var got = (await store.Get("data/x.csv", cancel: Cancel))!;
        Assert.Equal("a,c", Encoding.UTF8.GetString(got.Body));
        Assert.NotEqual(put.Object!.ETag, got.Object.ETag);
        Assert.Empty(got.Object.Metadata);
        Assert.Equal(PutOutcome.Conflict, (await Put("data/x.csv", "y", PutCondition.IfMatch(put.Object.ETag))).Outcome);
        Assert.Equal(PutOutcome.Stored, (await Put("data/x.csv", "y", PutCondition.IfMatch(got.Object.ETag))).Outcome);
    }

    [Fact]
    public async Task ABackupThatKeepsTimes_KeepsVersionsAndMetadata_AndAPlainOneTheBodies()
    {
        var put = await Put("runs/1.json", "{}", metadata: new() { ["n"] = "1" });
        using var backup = new TemporaryFolder();
        await Run("cp", "-a", folder.Path, backup["all"]);
        var kept = (await new FolderObjectStore(backup["all"], TimeProvider.System).Head("runs/1.json", Cancel)).Value!;
        Assert.Equal((put.Object!.ETag, "1"), (kept.ETag, kept.Metadata["n"]));
        await Run("cp", "-r", folder["runs"], backup["runs"]);
        var plain = (await new FolderObjectStore(backup.Path, TimeProvider.System).Head("runs/1.json", Cancel)).Value!;
        Assert.Equal((2, 0), (plain.LengthBytes, plain.Metadata.Count));
    }

    [Fact]
    public async Task ACopyThatKeepsNoTimes_KeepsTheMetadataOfWhatNobodyChanged()
    {
        var put = await Put("data/long.bin", new string('a', 200_000), metadata: new() { ["n"] = "1" });
        await Put("data/short.txt", "b", metadata: new() { ["n"] = "2" });
        await Put("data/edited.txt", "c", metadata: new() { ["n"] = "3" });
        using var backup = new TemporaryFolder();
        await Run("cp", "-r", folder.Path, backup["all"]);
        await File.WriteAllTextAsync(backup["all/data/edited.txt"], "d", Cancel);
        var copy = new FolderObjectStore(backup["all"], TimeProvider.System);
        var kept = (await copy.Head("data/long.bin", Cancel)).Value!;
        Assert.Equal((put.Object!.ETag, "1"), (kept.ETag, kept.Metadata["n"]));
        Assert.Equal("2", (await copy.Head("data/short.txt", Cancel)).Value!.Metadata["n"]);
        Assert.Empty((await copy.Head("data/edited.txt", Cancel)).Value!.Metadata);

        // Not only once: the copy is the original of the next.
        await Run("cp", "-r", backup["all"], backup["again"]);
        var again = (await new FolderObjectStore(backup["again"], TimeProvider.System).Head("data/long.bin", Cancel)).Value!;
        Assert.Equal(put.Object.ETag, again.ETag);
    }

    [Fact]
    public async Task ALink_LeadsNowhere()
    {
        using var outside = new TemporaryFolder();
        await File.WriteAllTextAsync(outside["secret.txt"], "secret", Cancel);
        Directory.CreateDirectory(folder["data"]);
        File.CreateSymbolicLink(folder["data/file"], outside["secret.txt"]);
        Directory.CreateSymbolicLink(folder["data/folder"], outside.Path);
        Directory.CreateSymbolicLink(folder["top"], outside.Path);
        foreach (var key in new[] { "data/file", "data/folder", "data/folder/secret.txt", "top/secret.txt" })
        {
            Assert.Null((await store.Head(key, Cancel)).Value);
            Assert.Null(await store.Open(key, cancel: Cancel));
            Assert.Equal(DeleteOutcome.Missing, await store.Delete(key, cancel: Cancel));
            Assert.Equal(PutOutcome.SourceMissing, (await store.Copy(key, "copy", cancel: Cancel)).Outcome);
        }

        Assert.Empty(await store.List("", cancel: Cancel).ToListAsync(Cancel));
        Assert.Empty(await store.List("data/folder/", cancel: Cancel).ToListAsync(Cancel));
        await Assert.ThrowsAsync<KeyConflictException>(() => Put("data/folder/secret.txt", "x"));
        await Assert.ThrowsAsync<KeyConflictException>(() => Put("top/new.txt", "x"));
        Assert.Equal(PutOutcome.Stored, (await Put("data/file", "mine", PutCondition.IfAbsent)).Outcome);
        Assert.Equal([outside["secret.txt"]], Directory.GetFileSystemEntries(outside.Path));
        Assert.Equal("secret", await File.ReadAllTextAsync(outside["secret.txt"], Cancel));
    }

    [Fact]
    public async Task APipe_ASocketAndADevice_AreNoObjects_AndNobodyWaitsForThem()
    {
        Directory.CreateDirectory(folder["data/in"]);
        await Run("mkfifo", folder["data/in/pipe"]);
        using var socket = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(folder["data/in/socket"]));
        await Put("data/in/plain", "x");
        foreach (var key in new[] { "data/in/pipe", "data/in/socket" })
        {
            Assert.Null((await store.Head(key, Cancel)).Value);
            Assert.Null(await store.Open(key, cancel: Cancel).WaitAsync(TimeSpan.FromMinutes(1), Cancel));
            Assert.Equal(DeleteOutcome.Missing, await store.Delete(key, cancel: Cancel));
            Assert.Equal(PutOutcome.SourceMissing, (await store.Copy(key, "copy", cancel: Cancel)).Outcome);
        }

        Assert.Equal("data/in/plain", (await store.List("data/", cancel: Cancel).SingleAsync(Cancel)).Key);
        Assert.Equal(PutOutcome.Stored, (await Put("data/in/pipe", "mine", PutCondition.IfAbsent)).Outcome);
        Assert.Equal("mine", await File.ReadAllTextAsync(folder["data/in/pipe"], Cancel));
    }

    [Theory]
    [InlineData(OddThing.Pipe), InlineData(OddThing.Device), InlineData(OddThing.LinkElsewhere), InlineData(OddThing.EmptyFolder)]
    public async Task MetadataThatIsNoFile_IsNone_AndNobodyWaitsForIt(OddThing thing)
    {
        using var outside = new TemporaryFolder();
        var metadata = new Dictionary<string, string> { ["a"] = "b" };
        await store.Put("x", "body"u8.ToArray(), metadata: metadata, cancel: Cancel);
        var sidecar = Assert.Single(Directory.GetFiles(folder[".store/meta"], "*", SearchOption.AllDirectories));
        File.Delete(sidecar);
        thing.Put(sidecar, outside.Path, isFolder: false);

        var found = await Task.Run(() => store.Head("x", Cancel), Cancel).WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        Assert.Empty(found.Value!.Metadata);
        Assert.Equal("x", (await store.List("x", cancel: Cancel).SingleAsync(Cancel)).Key);
    }

    [Fact]
    public async Task AKeyBelowAnObject_AndOneThatIsAFolder_AreRefused()
    {
        await Put("a", "file");
        await Put("b/c", "file");
        await Assert.ThrowsAsync<KeyConflictException>(() => Put("a/x", "x"));
        await Assert.ThrowsAsync<KeyConflictException>(() => Put("b", "x", metadata: new() { ["n"] = "1" }));
        await Assert.ThrowsAsync<KeyConflictException>(() => store.Append("a/log", 0, new byte[1], Cancel));
        Assert.Null((await store.Head("a/x", Cancel)).Value);
        Assert.Null((await store.Head("b", Cancel)).Value);
        Assert.Equal(["a", "b/c"], await store.List("", cancel: Cancel).Select(found => found.Key).ToListAsync(Cancel));
        await store.Delete("b/c", cancel: Cancel);
        Assert.True((await Put("b", "x")).Stored);
    }

    [Fact]
    public async Task DeletingTheLastObjectOfAFolder_RemovesTheFolder_ButNotATopmostOne()
    {
        await Put("attempts/run/000001/logs/000000.log", "x");
        await Put("attempts/other", "x");
        await store.Delete("attempts/run/000001/logs/000000.log", cancel: Cancel);
        Assert.Equal(["attempts/other"], Directory.GetFileSystemEntries(folder["attempts"]).Select(path => Path.GetRelativePath(folder.Path, path)));
        await store.Delete("attempts/other", cancel: Cancel);
        Assert.True(Directory.Exists(folder["attempts"]));
    }

    [Fact]
    public async Task AFolderThatIsGone_IsUnavailable_NotEmpty()
    {
        await Put("k", "x");
        folder.Dispose();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Head("k", Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Open("k", cancel: Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await store.List("", cancel: Cancel).ToListAsync(Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => Put("k", "x", PutCondition.IfAbsent));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Append("k", 0, new byte[1], Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Delete("k", cancel: Cancel));
    }

    [Fact]
    public async Task VersionsOfOneMoment_AreLaterThanEachOther_AndAClockThatWasSetBackIsFollowed()
    {
        var time = new FakeTimeProvider(new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
        IObjectStore clocked = new FolderObjectStore(folder.Path, time);
        List<StoredObject> versions = [];
        for (var i = 0; i < 5; i++) versions.Add((await clocked.Put("k", "same"u8, cancel: Cancel)).Object!);
        Assert.Equal(versions.Select(version => version.Modified).Distinct().Order(), versions.Select(version => version.Modified));
        time.AdjustTime(time.GetUtcNow().AddHours(-2));
        var back = await clocked.Put("k", "same"u8, PutCondition.IfMatch(versions[^1].ETag), cancel: Cancel);
        Assert.Equal(time.GetUtcNow(), back.Object!.Modified);
    }

    [Fact]
    public async Task AnAppendWhoseProcessDied_IsUnseen_AndUndoneByTheNextWriter()
    {
        await store.Append("log", 0, "whole"u8.ToArray(), Cancel);
        var before = (await store.Head("log", Cancel)).Value!;
        await HalfAppend("log", "half of i");
        Assert.Equal("wholehalf of i", await File.ReadAllTextAsync(folder["log"], Cancel));
        var seen = (await store.Get("log", cancel: Cancel))!;
        Assert.Equal("whole", Encoding.UTF8.GetString(seen.Body));
        Assert.Equal((before.ETag, before.LengthBytes), (seen.Object.ETag, seen.Object.LengthBytes));
        Assert.Equal(before.ETag, (await store.List("", cancel: Cancel).SingleAsync(Cancel)).ETag);
        Assert.Equal(new AppendResult(false, 5), await store.Append("log", 14, "x"u8.ToArray(), Cancel));
        Assert.Equal(new AppendResult(true, 10), await store.Append("log", 5, " more"u8.ToArray(), Cancel));
        Assert.Equal("whole more", await File.ReadAllTextAsync(folder["log"], Cancel));
    }

    [Fact]
    public async Task AFileReplacedByHand_IsNotCutBackToADeadAppend()
    {
        await store.Append("log", 0, "whole"u8.ToArray(), Cancel);
        await HalfAppend("log", "half");
        await File.WriteAllTextAsync(folder["log"], "another file, longer than that", Cancel);
        Assert.Equal(30, (await store.Head("log", Cancel)).Value!.LengthBytes);
        Assert.Equal(new AppendResult(true, 31), await store.Append("log", 30, "!"u8.ToArray(), Cancel));
        Assert.Equal("another file, longer than that!", await File.ReadAllTextAsync(folder["log"], Cancel));
    }

    public void Dispose() => folder.Dispose();

    // What is on the disk when a process is killed in the middle of an append.
    private async Task HalfAppend(string key, string half)
    {
        var layout = new FolderLayout(folder.Path);
        var found = layout.Find(key)!.Value;
        using var stripe = await new Stripes(layout).Take(key, Cancel);
        stripe.Set(stripe.State with { Append = new(key, found.LengthBytes, found.Ticks, found.LengthBytes + half.Length + 5) });
        await File.AppendAllTextAsync(layout.PathOf(key), half, Cancel);
    }

    private Task<PutResult> Put(string key, string body, PutCondition condition = default, Dictionary<string, string>? metadata = null) =>
        store.Put(key, Encoding.UTF8.GetBytes(body), condition, metadata, Cancel);

    private static async Task Run(string program, params string[] args)
    {
        using var process = Process.Start(program, args);
        await process.WaitForExitAsync(Cancel);
        Assert.Equal(0, process.ExitCode);
    }
}
