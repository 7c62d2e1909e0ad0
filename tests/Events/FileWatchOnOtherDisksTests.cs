using Azure.Storage.Blobs;
using Serverless.Cloud;
using Serverless.Core;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Events;

/// <summary>Workspaces that are read-only for a while, or no folders at all.</summary>
public sealed class FileWatchOnOtherDisksTests(Azurite azurite)
{
    private static readonly TimeSpan Scan = TimeSpan.FromMilliseconds(100);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public Task ReadOnlyFolder_IsAnnounced_OneLineSaysThatItCannotBeRemembered_AndItRecovers() => SmallDisk.Run<ReadOnlyForAWhile>();

    [Fact]
    public async Task FilesInBlobStorage_AreAnnouncedByLookingEverySoOften_WithTheETagOfTheBlob()
    {
        var workspaces = new Containers(await azurite.NewContainer(Cancel), await azurite.NewContainer(Cancel));
        var store = workspaces.Open("");
        await store.Put("data/old.csv", "1"u8, cancel: Cancel);
        await using var platform = new WatchedPlatform(workspaces);
        await platform.Start(Scan);
        Dictionary<string, string> put = [];
        foreach (var path in (string[])["data/new.csv", "data/a b/ä%20#.csv", "data/old.csv"])
        {
            put[path] = (await store.Put(path, "1,2"u8, cancel: Cancel)).Object!.ETag;
        }

        await store.Put("runs/x.json", "{}"u8, cancel: Cancel);
        await platform.Hears(put.Keys);
        await platform.Stop();
        put["data/while-it-was-off.csv"] = (await store.Put("data/while-it-was-off.csv", "1,2"u8, cancel: Cancel)).Object!.ETag;
        await platform.Start(Scan);
        await platform.Hears(put.Keys);
        Assert.Equal(
            put.OrderBy(file => file.Key), platform.Heard.Select(file => KeyValuePair.Create(file.Path, file.ETag)).OrderBy(file => file.Key));
    }

    private sealed class Containers(BlobContainerClient workspace, BlobContainerClient platform) : IWorkspaces
    {
        public IObjectStore Platform { get; } = new BlobObjectStore(platform);

        private IObjectStore Workspace { get; } = new BlobObjectStore(workspace);

        public IObjectStore Open(string name) => Workspace;
    }

    private sealed class ReadOnlyForAWhile : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", args[0]);
            var disk = Directory.CreateDirectory(Path.Combine(args[0], "team")).FullName;
            SmallDisk.Mount("--bind", disk, disk);
            Directory.CreateDirectory(Path.Combine(disk, "data"));
            await File.WriteAllTextAsync(Path.Combine(disk, "data", "x.csv"), "1");
            SmallDisk.Mount("-o", "remount,bind,ro", disk);

            IObjectStore store = new FolderObjectStore(disk, TimeProvider.System);
            var bus = new MemoryMessageBus(TimeProvider.System, TimeSpan.FromSeconds(30));
            var said = new LogLines();
            using var stop = new CancellationTokenSource();
            var watch = new FileWatch(
                "team", store, bus, new SystemIds(TimeProvider.System), TimeProvider.System, disk, Scan, said.CreateLogger("Serverless"));
            var running = Task.Run(() => watch.Run(stop.Token));
            await Until(() => Announced("data/x.csv") && said.All.Count > 0);
            Assert.Contains("read-only", Assert.Single(said.All), StringComparison.Ordinal);

            SmallDisk.Mount("-o", "remount,bind,rw", disk);
            await File.WriteAllTextAsync(Path.Combine(disk, "data", "y.csv"), "1");
            await Until(() => Announced("data/y.csv"));
            while (await store.List(WorkspacePaths.AnnouncedFiles).Select(part => part.LengthBytes).SumAsync() < 64) await Pause();
            await stop.CancelAsync();
            await running;
            Assert.Single(said.All);
            Assert.Equal(["data/x.csv", "data/y.csv"], bus.Peek(QueueNames.FileEvents).Select(message => FileChanged.From(message)!.Path));
            return 0;

            bool Announced(string path) => bus.Peek(QueueNames.FileEvents).Any(message => FileChanged.From(message)!.Path == path);
        }

        // The test's patience ends it.
        private static async Task Until(Func<bool> condition)
        {
            while (!condition()) await Pause();
        }

        private static Task Pause() => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
    }
}
