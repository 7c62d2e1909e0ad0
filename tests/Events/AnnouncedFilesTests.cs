using System.Buffers.Binary;
using Serverless.Core.Events;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Events;

/// <summary>The memory of which versions were announced.</summary>
public sealed class AnnouncedFilesTests
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WhatWasSaved_IsKnownAfterLoading_AndTheRestIsNot()
    {
        var files = await AnnouncedFiles.Load(store, Cancel);
        files.Add(V(1));
        files.Add(V(2));
        await files.Save(Cancel);
        files.Add(V(3));
        Assert.Equal(1, files.Unsaved);
        var loaded = await AnnouncedFiles.Load(store, Cancel);
        Assert.Equal((true, true, false), (loaded.Contains(V(1)), loaded.Contains(V(2)), loaded.Contains(V(3))));
    }

    [Fact]
    public async Task Contents_AreKnownAfterLoading()
    {
        var files = await AnnouncedFiles.Load(store, Cancel);
        files.Add(V(1), content: 7);
        files.Add(V(2));
        await files.Save(Cancel);
        files.Add(V(2), content: 8);
        await files.Save(Cancel);
        files.Add(V(3));
        await files.Save(Cancel);
        var loaded = await AnnouncedFiles.Load(store, Cancel);
        Assert.Equal(new HashSet<UInt128> { 7, 8 }, loaded.Contents());
        Assert.Equal((false, true, false), (loaded.LacksContent(V(1)), loaded.LacksContent(V(3)), loaded.LacksContent(V(4))));
    }

    [Fact]
    public async Task WhatAnEarlierVersionRemembered_IsKnown_AndWrittenAnew()
    {
        var bytes = new byte[32];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, V(1));
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(16), V(2));
        await store.Append($"{WorkspacePaths.AnnouncedVersions}000001", 0, bytes, Cancel);
        var files = await AnnouncedFiles.Load(store, Cancel);
        files.BeginCount();
        Assert.True(files.Contains(V(1)));
        Assert.True(files.Contains(V(2)));
        await files.EndCount(Cancel);
        Assert.Empty(store.PeekAll(WorkspacePaths.AnnouncedVersions));
        var loaded = await AnnouncedFiles.Load(store, Cancel);
        Assert.Equal((true, true, false), (loaded.Contains(V(1)), loaded.Contains(V(2)), loaded.Contains(V(3))));
    }

    [Fact]
    public void Version_IsOfThePathAndTheETag()
    {
        (string Path, string ETag)[] files = [("data/a", "1"), ("data/a", "2"), ("data/b", "1"), ("data/a1", "")];
        UInt128[] versions = [.. files.Select(file => AnnouncedFiles.VersionOf(file.Path, file.ETag))];
        Assert.Equal(4, versions.Distinct().Count());
        Assert.Equal(versions[0], AnnouncedFiles.VersionOf("data/a", "1"));
    }

    [Fact]
    public async Task PartThatAnotherProcessWentOnWith_IsLeftAlone()
    {
        var (first, second) = (await AnnouncedFiles.Load(store, Cancel), await AnnouncedFiles.Load(store, Cancel));
        for (var i = 0; i < 6; i++)
        {
            var one = i % 2 == 0 ? first : second;
            one.Add(V(i));
            await one.Save(Cancel);
        }

        var loaded = await AnnouncedFiles.Load(store, Cancel);
        Assert.All(Enumerable.Range(0, 6), i => Assert.True(loaded.Contains(V(i))));
    }

    [Fact]
    public async Task ManyStarts_LeaveFewObjects_AndForgetNothingThatIsThere()
    {
        for (var start = 0; start < 40; start++)
        {
            var files = await AnnouncedFiles.Load(store, Cancel);
            files.BeginCount();
            for (var i = 0; i < start; i++) Assert.True(files.Contains(V(i)), $"{i} at start {start}");
            files.Add(V(start));
            await files.Save(Cancel);
            await files.EndCount(Cancel);
        }

        Assert.InRange(store.PeekAll(WorkspacePaths.AnnouncedFiles).Count, 1, 20);
    }

    [Fact]
    public async Task VersionsThatAreGone_AreForgotten_WhenTheyAreMany()
    {
        var files = await AnnouncedFiles.Load(store, Cancel);
        for (var i = 0; i < 30_000; i++) files.Add(V(i));
        await files.Save(Cancel);
        files.BeginCount();
        Assert.True(files.Contains(V(7)));
        files.Add(V(30_000));
        await files.EndCount(Cancel);
        var loaded = await AnnouncedFiles.Load(store, Cancel);
        Assert.Equal((true, true, false), (loaded.Contains(V(7)), loaded.Contains(V(30_000)), loaded.Contains(V(8))));
        Assert.Equal(64, store.PeekAll(WorkspacePaths.AnnouncedFiles).Sum(entry => entry.Body.Length));
    }

    private static UInt128 V(int i) => AnnouncedFiles.VersionOf($"data/{i}", "1");
}
