using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>One rule for all caches of a worker: within one size, by last use, never what a run has in use.</summary>
public sealed class FolderCacheTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FakeTimeProvider time = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Trim_TakesWhatWasNotUsedForLongest_FromWhicheverCache()
    {
        var (builds, setups) = (Cache("builds"), Cache("setups"));
        await Use(builds, "a");
        await Use(setups, "b");
        await Use(builds, "c");
        await Use(builds, "a");

        Trim(limit: 250, builds, setups);

        Assert.Equal(["a", "c"], Kept());
    }

    [Fact]
    public async Task ALinkInPlaceOfACache_IsRemoved_AndWhatItLeadsToStays()
    {
        using var elsewhere = new TemporaryFolder();
        File.WriteAllText(elsewhere["kept"], "");
        File.CreateSymbolicLink(folder["builds"], elsewhere.Path);

        using var entry = await Make(Cache("builds"), "a");

        Assert.True(File.Exists(Path.Combine(entry.Folder, "file")));
        Assert.Equal([elsewhere["kept"]], Directory.GetFileSystemEntries(elsewhere.Path));
    }

    [Fact]
    public async Task Trim_LeavesWhatARunHasInUse_HoweverOld()
    {
        var cache = Cache("builds");
        var inUse = await Make(cache, "old");
        await Use(cache, "newer");
        time.Advance(TimeSpan.FromDays(30));

        Trim(limit: 0, cache);
        Assert.Equal(["old"], Kept());
        Assert.True(File.Exists(Path.Combine(inUse.Folder, "file")));

        inUse.Dispose();
        Trim(limit: 0, cache);
        Assert.Empty(Kept());
    }

    [Fact]
    public async Task WhatWasRemoved_IsMadeAgain()
    {
        var cache = Cache("builds");
        await Use(cache, "a");
        Trim(limit: 0, cache);

        await Use(cache, "a");

        Assert.Equal(["a"], Kept());
    }

    [Fact]
    public async Task ATrim_GetsOverWhateverCodeLeftInTheCache()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "pipes of Unix");
        var cache = Cache("builds");
        foreach (var key in (string[])["a", "b", "c", "d"]) await Use(cache, key);
        const string Spoil = "for f in a.seal b.lock c; do rm -rf $f; mkfifo $f; done; rm d.seal; mkdir -p d.seal/x; mkfifo e";
        await Unix.Do("sh", "-c", $"cd {folder["builds"]}; {Spoil}");

        Trim(limit: 0, cache);

        Assert.Empty(Directory.GetDirectories(folder["builds"]));
        await Use(cache, "a");
    }

    /// <summary>As when the machine loses power, or the worker is killed, in the middle of a set-up.</summary>
    [Fact]
    public async Task WhatWasNeverFinished_IsMadeElsewhere_AndRemovedByTheNextTrim_AndWhatIsSomebodyElsesStays()
    {
        var cache = Cache("builds");
        foreach (var key in (string[])["a", "b"])
        {
            Directory.CreateDirectory(folder["builds/" + key]);
            await File.WriteAllTextAsync(folder[$"builds/{key}/half"], "", Token);
            await File.WriteAllTextAsync(folder[$"builds/{key}.lock"], "", Token);
        }

        Directory.CreateDirectory(folder["builds/mine"]);

        using (var made = await Make(cache, "a")) Assert.False(File.Exists(Path.Combine(made.Folder, "half")));
        Trim(limit: long.MaxValue, cache);

        Assert.False(Directory.Exists(folder["builds/b"]));
        Assert.Equal(["a.1", "mine"], Kept());
    }

    /// <summary>As when worker and runner are killed in the middle of a set-up: what the set-up had started goes on writing for a while.</summary>
    [Fact]
    public async Task WhatADeadMakerLeftRunning_WritesIntoNobodysFolder()
    {
        Directory.CreateDirectory(folder["builds/a"]);
        await File.WriteAllTextAsync(folder["builds/a.lock"], "", Token);
        using var made = await Cache("builds").GetOrMake("a", async into =>
        {
            await File.WriteAllTextAsync(Path.Combine(into, "ours"), "", Token);
            await File.WriteAllTextAsync(folder["builds/a/theirs"], "", Token);
        }, _ => { }, Token);

        Assert.Equal(["ours"], Directory.GetFileSystemEntries(made.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task WhoeverWaitsForAnothersFolder_SaysSo_AndNotForLongerThanItMay()
    {
        var begun = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        var making = Cache("builds").GetOrMake("a", _ =>
        {
            begun.SetResult();
            return finish.Task;
        }, _ => { }, Token);
        await begun.Task;
        var said = new List<string>();
        var waiting = Task.Run(() => Cache("builds").GetOrMake("a", _ => Task.CompletedTask, _ => { }, Token, new(TimeSpan.FromMinutes(1), said.Add)), Token);
        while (!waiting.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        var late = await Assert.ThrowsAsync<PreparationException>(() => waiting);
        Assert.Equal((Cause.Timeout, "waited 00:01:00 for the builds, which another run is making"), (late.Cause, late.Message));
        Assert.Equal(["waits for the builds, which another run is making"], said);
        finish.SetResult();
        (await making).Dispose();
    }

    [Fact]
    public async Task MakingThatFails_CachesNothing()
    {
        var cache = Cache("builds");
        await Assert.ThrowsAsync<InvalidDataException>(() => cache.GetOrMake("a", into =>
        {
            File.WriteAllText(Path.Combine(into, "half"), "");
            throw new InvalidDataException();
        }, _ => { }, Token));

        Assert.Empty(Directory.GetDirectories(folder["builds"]));
        await Use(cache, "a");
    }

    [Fact]
    public async Task ManyAtOnce_MakeItOnce()
    {
        var made = 0;
        var all = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(
                _ => Task.Run(() => new FolderCache(folder["builds"], "build", TimeProvider.System).GetOrMake("a", async _ =>
        {
            Interlocked.Increment(ref made);
            await Task.Yield();
        }, _ => { }, Token))));

        Assert.Equal(1, made);
        foreach (var one in all) one.Dispose();
    }

    [Fact]
    public async Task Delete_FollowsNoLink_AndTakesWhatHasNoRights()
    {
        var outside = Directory.CreateDirectory(folder["outside"]).FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "mine"), "", Token);
        var gone = Directory.CreateDirectory(folder["gone/closed/deep"]).Parent!.Parent!.FullName;
        File.CreateSymbolicLink(Path.Combine(gone, "file"), Path.Combine(outside, "mine"));
        Directory.CreateSymbolicLink(Path.Combine(gone, "closed", "folder"), outside);
        Directory.CreateSymbolicLink(Path.Combine(gone, "closed", "dangling"), folder["nowhere"]);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Path.Combine(gone, "closed"), UnixFileMode.None);
        Directory.CreateSymbolicLink(folder["link"], outside);

        Folders.Delete(folder.Path, "gone");
        Folders.Delete(folder.Path, "link");

        Assert.False(Directory.Exists(gone));
        Assert.True(File.Exists(Path.Combine(outside, "mine")));
    }

    public void Dispose() => folder.Dispose();

    private FolderCache Cache(string name) => new(folder[name], name, time);

    private async Task<CacheEntry> Make(FolderCache cache, string key)
    {
        time.Advance(TimeSpan.FromMinutes(1));
        return await cache.GetOrMake(key, into => File.WriteAllBytesAsync(Path.Combine(into, "file"), new byte[100], Token), _ => { }, Token);
    }

    private async Task Use(FolderCache cache, string key) => (await Make(cache, key)).Dispose();

    private static void Trim(long limit, params FolderCache[] caches) => CacheItem.Trim(caches.SelectMany(cache => cache.Items()).ToList(), limit);

    private List<string> Kept() => [.. Directory.GetDirectories(folder.Path).SelectMany(Directory.GetDirectories)
        .Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
