using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Events;

/// <summary>What the platform announces of files in a real folder, whoever puts them there.</summary>
public sealed class FileEventsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PutThroughTheApi_IsAnnouncedAtOnce_WithTheETagThatTheStoreGives()
    {
        await using var platform = new WatchedPlatform();
        await platform.Start();
        using var client = new HttpClient { BaseAddress = platform.Host.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(platform.Host.AdminKeyFile, Cancel)).Trim());
        foreach (var (path, text) in new[] { ("data/digits/train.csv", "1,2"), ("data/a b/ä%20#1.csv", "3,4,5"),
            ("data/digits/train.csv", "6,7,8,9") })
        {
            var address = "api/files/" + Uri.EscapeDataString(path).Replace("%2F", "/", StringComparison.Ordinal);
            using var answer = await client.PutAsync(address, new StringContent(text, Encoding.UTF8, new MediaTypeHeaderValue("text/csv")), Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var etag = answer.Headers.ETag!.Tag.Trim('"');
            await Eventually.True(() => platform.Heard.Any(file => file.ETag == etag), ExpProcess.Patience, () => $"{path} {etag} announced");

            // At least once: the system's hint and a look of the watcher's own may meet the same version.
            Assert.All(
                platform.Heard.Where(file => file.ETag == etag),
                heard => Assert.Equal((LocalWorkspaces.Default, path, (long)text.Length), (heard.Workspace, heard.Path, heard.LengthBytes)));
        }
    }

    [Fact]
    public async Task ByHand_CopiedEditedMovedAndWholeFolders_AreAnnounced_AndNothingElse()
    {
        await using var platform = new WatchedPlatform();
        await platform.Start();
        platform.Write("copied.csv", "1");
        await platform.Hears("data/copied.csv");

        await File.AppendAllTextAsync(Path.Combine(platform.Data, "copied.csv"), ",2", Cancel);
        await Eventually.True(() => platform.Heard.Any(file => file is { Path: "data/copied.csv", LengthBytes: 3 }), ExpProcess.Patience,
            () => "the edit is announced");

        File.Move(Path.Combine(platform.Data, "copied.csv"), Path.Combine(platform.Data, "moved.csv"));
        await platform.Hears("data/moved.csv");

        // A tree that was made elsewhere and comes in one step, and one that grows faster than anybody can watch its folders.
        var elsewhere = Path.Combine(platform.Folder, "elsewhere", "a", "b", "c");
        Directory.CreateDirectory(elsewhere);
        await File.WriteAllTextAsync(Path.Combine(elsewhere, "deep.csv"), "1", Cancel);
        await File.WriteAllTextAsync(Path.Combine(elsewhere, "..", "less.csv"), "1", Cancel);
        Directory.Move(Path.Combine(platform.Folder, "elsewhere"), Path.Combine(platform.Data, "came"));
        string[] grown = [.. Enumerable.Range(0, 40).Select(i => $"grown/{i}/x/y/z/{i}.csv")];
        foreach (var name in grown) platform.Write(name, "1");
        await platform.Hears(["data/came/a/b/c/deep.csv", "data/came/a/b/less.csv", .. grown.Select(name => $"data/{name}")]);
        Directory.Move(Path.Combine(platform.Data, "came"), Path.Combine(platform.Data, "renamed"));
        await platform.Hears(["data/renamed/a/b/c/deep.csv", "data/renamed/a/b/less.csv"]);

        var before = platform.Paths.Distinct().ToList();
        File.CreateSymbolicLink(Path.Combine(platform.Data, "link.csv"), Path.Combine(platform.Data, "moved.csv"));
        Directory.CreateSymbolicLink(Path.Combine(platform.Data, "link"), Path.Combine(platform.Data, "renamed"));
        if (!OperatingSystem.IsWindows()) platform.Write("no\\key", "1");
        File.Delete(Path.Combine(platform.Data, "moved.csv"));
        Directory.CreateDirectory(Path.Combine(platform.Data, "empty"));
        await File.WriteAllTextAsync(Path.Combine(platform.Folder, "workspace", "beside.csv"), "1", Cancel);
        await platform.HearsAllThatWasDone();
        Assert.Equal(before.Order(), platform.Paths.Distinct().Where(path => !path.StartsWith("data/last/", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task RestoredCopy_TellsOnlyOfWhatIsAnotherContent_WhateverBecameOfItsTimes()
    {
        await using var platform = new WatchedPlatform();
        await platform.Start();
        var large = new string('x', 3_000_000);
        foreach (var (name, text) in new[] { ("small.csv", "1"), ("empty.csv", ""), ("a/large.csv", large), ("a/edited.csv", "12"),
            ("a/grown.csv", large) }) platform.Write(name, text);
        await platform.Hears("data/small.csv", "data/empty.csv", "data/a/large.csv", "data/a/edited.csv", "data/a/grown.csv");
        await platform.HearsAllThatWasDone();
        await platform.Stop();
        var before = platform.Paths.Count;

        // Other inodes and other times, as after a restore by a tool that keeps neither.
        var restored = platform.Folder + "/restored";
        foreach (var file in Directory.GetFiles(platform.Data, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(restored, Path.GetRelativePath(platform.Data, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            await File.WriteAllBytesAsync(copy, await File.ReadAllBytesAsync(file, Cancel), Cancel);
        }

        TemporaryFolder.Delete(platform.Data);
        Directory.Move(restored, platform.Data);
        platform.Write("a/edited.csv", "21");
        platform.Write("a/grown.csv", large + "x");
        platform.Write("new.csv", "1");
        for (var start = 0; start < 2; start++)
        {
            await platform.Start();
            await platform.Hears("data/a/edited.csv", "data/a/grown.csv", "data/new.csv");
            await platform.HearsAllThatWasDone();
            await platform.Stop();
        }

        Assert.Equal(["data/a/edited.csv", "data/a/grown.csv", "data/new.csv"],
            platform.Paths.Skip(before).Where(path => !path.StartsWith("data/last/", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task FileThatIsStillWritten_IsAnnouncedOnce_WhenItIsComplete()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere a file counts as complete when it has not changed for two seconds");
        await using var platform = new WatchedPlatform();
        await platform.Start();
        Directory.CreateDirectory(platform.Data);
        await using (var slow = new FileStream(Path.Combine(platform.Data, "slow.csv"), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite))
        {
            for (var part = 0; part < 5; part++)
            {
                await slow.WriteAsync(new byte[1000], Cancel);
                await slow.FlushAsync(Cancel);
                await platform.HearsAllThatWasDone();
                Assert.DoesNotContain("data/slow.csv", platform.Paths);
            }
        }

        await platform.Hears("data/slow.csv");
        await platform.HearsAllThatWasDone();
        Assert.Equal(5000, Assert.Single(platform.Heard, file => file.Path == "data/slow.csv").LengthBytes);
    }

    [Fact]
    public async Task FileThatWasWrittenOverAStart_IsAnnouncedOnce_WhenItIsComplete()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere a file counts as complete when it has not changed for two seconds");
        await using var platform = new WatchedPlatform();
        await platform.Start();
        await platform.Stop();
        Directory.CreateDirectory(platform.Data);
        await using (var slow = new FileStream(Path.Combine(platform.Data, "slow.csv"), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite))
        {
            await slow.WriteAsync(new byte[1000], Cancel);
            await slow.FlushAsync(Cancel);
            await platform.Start();
            await platform.HearsAllThatWasDone();
            Assert.DoesNotContain("data/slow.csv", platform.Paths);
            await slow.WriteAsync(new byte[1000], Cancel);
        }

        await platform.Hears("data/slow.csv");
        Assert.Equal(2000, Assert.Single(platform.Heard, file => file.Path == "data/slow.csv").LengthBytes);
    }

    [Fact]
    public async Task WhatChangedWhileThePlatformWasOff_IsAnnouncedAtTheNextStart_AndNothingTwice()
    {
        await using var platform = new WatchedPlatform();
        await platform.Start();
        platform.Write("stays.csv", "1");
        var changes = platform.Write("changes.csv", "1");
        await platform.Hears("data/stays.csv", "data/changes.csv");
        await platform.Stop();

        platform.Write("new/folder/new.csv", "1");
        await File.WriteAllTextAsync(changes, "1,2", Cancel);
        await platform.Store.Put("data/put.csv", "1"u8, cancel: Cancel);
        await platform.Start();
        await platform.Hears("data/new/folder/new.csv", "data/put.csv");
        await platform.HearsAllThatWasDone();
        Assert.Equal([1, 3], platform.Heard.Where(file => file.Path == "data/changes.csv").Select(file => file.LengthBytes));
        Assert.Single(platform.Paths, "data/stays.csv");

        await platform.Stop();
        var before = platform.Heard.Count;
        await platform.Start();
        await platform.HearsAllThatWasDone();
        Assert.Equal(before + 1, platform.Heard.Count);
    }

    [Fact]
    public async Task VeryFirstStart_AnnouncesNothingThatWasThereBefore()
    {
        await using var platform = new WatchedPlatform();
        platform.Write("old.csv", "1");
        await platform.Start();
        await platform.HearsAllThatWasDone();
        Assert.DoesNotContain("data/old.csv", platform.Paths);

        await File.WriteAllTextAsync(Path.Combine(platform.Data, "old.csv"), "new", Cancel);
        await platform.Hears("data/old.csv");
    }

    [Fact]
    public async Task WithoutItsMemory_ThePlatformAnnouncesEverythingOnceMore()
    {
        await using var platform = new WatchedPlatform();
        await platform.Start();
        platform.Write("x.csv", "1");
        await platform.Hears("data/x.csv");
        await platform.Stop();
        TemporaryFolder.Delete(Path.Combine(platform.Folder, "workspace", "index"));
        await platform.Start();
        await Eventually.True(
            () => platform.Paths.Count(path => path == "data/x.csv") == 2, ExpProcess.Patience, () => "the file is announced once more");
    }

    [Fact]
    public async Task TenThousandFilesAtOnce_AreAllAnnounced()
    {
        await using var platform = new WatchedPlatform();
        await platform.Start();
        string[] names = [.. Enumerable.Range(0, 10_000).Select(i => $"many/{i % 100}/{i}.txt")];
        var began = Stopwatch.GetTimestamp();
        foreach (var name in names) platform.Write(name, "1");
        await platform.Hears("data/many/99/9999.txt");
        await Eventually.True(
            () => platform.Heard.Count >= names.Length, ExpProcess.Patience, () => $"{platform.Heard.Count} of {names.Length} announced");
        await platform.Hears([.. names.Select(name => $"data/{name}")]);
        TestContext.Current.SendDiagnosticMessage("10,000 files: {0}", Stopwatch.GetElapsedTime(began));
    }

    [Fact]
    public async Task FolderThatIsGone_IsOneClearLine_AndIsWatchedAgainWhenItIsBack()
    {
        await using var platform = new WatchedPlatform();
        await platform.Start(scan: TimeSpan.FromMilliseconds(200));
        platform.Write("x.csv", "1");
        await platform.Hears("data/x.csv");

        // Only data/: nothing is wrong with a workspace without files.
        TemporaryFolder.Delete(platform.Data);
        await Eventually.True(() => Directory.Exists(platform.Data), ExpProcess.Patience, () => "data/ is there again");
        platform.Write("y.csv", "1");
        await platform.Hears("data/y.csv");
        Assert.Empty(platform.Log);

        // The whole workspace, as when its disk is unmounted.
        var (here, away) = (Path.Combine(platform.Folder, "workspace"), Path.Combine(platform.Folder, "away"));
        Directory.Move(here, away);
        await Eventually.True(() => platform.Log.Any(line => line.Contains("are not announced", StringComparison.Ordinal)), ExpProcess.Patience,
            () => "a line says so");
        Assert.False(Directory.Exists(here));
        await File.WriteAllTextAsync(Path.Combine(away, "data", "z.csv"), "1", Cancel);
        Directory.Move(away, here);
        await platform.Hears("data/z.csv");
        platform.Write("again.csv", "1");
        await platform.Hears("data/again.csv");
        Assert.Single(platform.Log, line => line.Contains("changed files of workspace workspace are not announced", StringComparison.Ordinal));
    }
}
