using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>What a run is given as an input has the content that was submitted, whatever happened to the worker's copy of it.</summary>
public sealed class InputCacheTests : IDisposable
{
    private const int LargeBytes = (64 << 20) + 1;

    private readonly TemporaryFolder root = new();
    private readonly MemoryObjectStore store = new(TimeProvider.System);
    private readonly List<string> said = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => root.Dispose();

    /// <summary>With its length and time as they were, as tools that copy in place leave them.</summary>
    [Fact]
    public async Task CodeThatMayWriteAnything_ChangesItsOwnCopyOnly()
    {
        var input = await Put("1"u8.ToArray());
        using var one = await Give(InputWay.Copy, input, "one");
        await Rewrite(Path.Combine(one.Inputs, "a.csv"), 0, (byte)'9');
        using var two = await Give(InputWay.Copy, input, "two");

        Assert.Equal("1", await File.ReadAllTextAsync(Path.Combine(two.Inputs, "a.csv"), Cancel));
        Assert.Empty(one.Changes());
        Assert.Empty(said);
    }

    /// <summary>Of a byte in the middle, with length and time as they were: what a disk does, or a write through a link.</summary>
    [Theory]
    [InlineData(nameof(InputWay.Copy), 100)]
    [InlineData(nameof(InputWay.CopySmall), 100)]
    [InlineData(nameof(InputWay.Link), 100)]
    [InlineData(nameof(InputWay.Copy), LargeBytes)]
    [InlineData(nameof(InputWay.CopySmall), LargeBytes)]
    public async Task ACachedFileThatChanged_IsFetchedAgain_AndSaid(string way, int length)
    {
        var content = new byte[length];
        var input = await Put(content);
        (await Give(Enum.Parse<InputWay>(way), input, "one")).Dispose();
        await Rewrite(Cached(input), length / 2, 1);

        using var two = await Give(Enum.Parse<InputWay>(way), input, "two");

        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(two.Inputs, "a.csv"), Cancel));
        Assert.Contains("data/a.csv in the worker's cache is not what was put there", Assert.Single(said), StringComparison.Ordinal);
    }

    /// <summary>
    /// Where the file system shares blocks each run has its own; where not, they share one file, and the one that did not write is told as well.
    /// </summary>
    [Fact]
    public async Task ALargeInputThatIsWrittenThroughItsLink_IsSaidAtTheEnd_AndTheNextRunGetsItAsItWas()
    {
        var input = await Put(new byte[LargeBytes]);
        using var one = await Give(InputWay.CopySmall, input, "one");
        using var other = await Give(InputWay.CopySmall, input, "other");
        Assert.Empty(one.Changes());
        await Rewrite(Path.Combine(one.Inputs, "a.csv"), 5, 1);
        var isShared = (await File.ReadAllBytesAsync(Path.Combine(other.Inputs, "a.csv"), Cancel))[5] == 1;

        using var next = await Give(InputWay.CopySmall, input, "next");

        Assert.Equal(isShared ? ["the input data/a.csv: it was written to"] : [], one.Changes());
        Assert.Equal(one.Changes(), other.Changes());
        Assert.Empty(next.Changes());
        Assert.Equal(isShared ? 1 : 0, said.Count);
        Assert.Equal(0, (await File.ReadAllBytesAsync(Path.Combine(next.Inputs, "a.csv"), Cancel))[5]);
    }

    [Theory]
    [InlineData("folder")]
    [InlineData("link")]
    [InlineData("pipe")]
    [InlineData("pipe for the seal")]
    [InlineData("file for the cache")]
    [InlineData("nothing")]
    public async Task WhateverIsThereInstead_TheRunGetsItsInput(string instead)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "pipes and links of Unix");
        var input = await Put("1"u8.ToArray());
        (await Give(InputWay.Link, input, "one")).Dispose();
        var cached = Cached(input);
        if (instead is not "pipe for the seal") File.Delete(cached);
        switch (instead)
        {
            case "folder":
                Directory.CreateDirectory(cached + "/deep/er");
                break;
            case "link":
                File.CreateSymbolicLink(cached, "/dev/zero");
                break;
            case "pipe":
                await Unix.Do("mkfifo", cached);
                break;
            case "pipe for the seal":
                File.Delete(cached + ".seal");
                await Unix.Do("mkfifo", cached + ".seal");
                break;
            case "file for the cache":
                TemporaryFolder.Delete(root["all/cache"]);
                await File.WriteAllTextAsync(root["all/cache"], "", Cancel);
                break;
        }

        foreach (var run in (string[])["two", "three"])
        {
            using var work = await Give(InputWay.Link, input, run);
            Assert.Equal("1", await File.ReadAllTextAsync(Path.Combine(work.Inputs, "a.csv"), Cancel));
        }
    }

    private string Cached(InputRef input) => root[$"all/cache/{input.Sha256[..2]}/{input.Sha256}"];

    private async Task<InputRef> Put(byte[] content)
    {
        var put = await store.Put("data/a.csv", content, cancel: Cancel);
        return new("data/a.csv", put.Object!.ETag, Convert.ToHexStringLower(SHA256.HashData(content)), content.Length);
    }

    private async Task<WorkFolder> Give(InputWay way, InputRef input, string run)
    {
        Directory.CreateDirectory(root["all"]);
        var work = new WorkFolder(new(root.Path), root[run], NullLogger.Instance).Emptied();
        var cache = new InputCache(root["all/cache"], new SystemIds(TimeProvider.System), TimeProvider.System, way);
        await cache.Materialize(store, input, work, said.Add, Cancel);
        return work;
    }

    private static async Task Rewrite(string file, long at, byte with)
    {
        var info = new FileInfo(file) { IsReadOnly = false };
        var written = info.LastWriteTimeUtc;
        await using (var open = info.OpenWrite())
        {
            open.Position = at;
            open.WriteByte(with);
        }

        info.LastWriteTimeUtc = written;
    }
}
