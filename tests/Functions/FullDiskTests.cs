using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Runs;
using Serverless.Core.Telemetry;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>A small disk with nothing left on it, below a platform.</summary>
public sealed class FullDiskTests
{
    private const string FewBytes = "size=32m", FewInodes = "nr_inodes=8000";

    [Fact]
    public async Task AFullDisk_IsMendedThroughTheApi() => await SmallDisk.Run<MendThroughTheApi>("bytes");

    [Fact]
    public async Task AFullDisk_LetsThePlatformStart_AndIsMendedThroughTheApi() => await SmallDisk.Run<StartOnIt>("with ballast");

    [Fact]
    public async Task AFullDisk_WithoutBallast_LetsThePlatformStart_AndFilesBeDeleted() => await SmallDisk.Run<StartOnIt>("without");

    [Fact]
    public async Task ADiskWithoutInodes_SaysSo_AndIsMendedThroughTheApi() => await SmallDisk.Run<MendThroughTheApi>("inodes");

    [Fact]
    public async Task ADiskWithoutInodes_LetsThePlatformStart_AndIsMendedThroughTheApi() => await SmallDisk.Run<StartWithoutInodes>();

    [Fact]
    public async Task AFullDisk_ForANewPlatform_SaysWhatToDo() => await SmallDisk.Run<StartANewOne>();

    [Theory]
    [InlineData(FewBytes)]
    [InlineData(FewInodes)]
    public async Task WhatTheBallastGaveUp_IsNotTakenAgain_UntilThereIsRoom(string options) => await SmallDisk.Run<GiveUpOnce>(options);

    private sealed class GiveUpOnce : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", args[1], "tmpfs", args[0]);
            var filling = Path.Combine(args[0], "filling");
            var ballast = new Ballast(args[0], TimeProvider.System, NullLogger<Ballast>.Instance);
            await Keep();
            Assert.True(IsThere());
            if (args[1] == FewInodes) SmallDisk.FillInodes(filling);
            else SmallDisk.Fill(filling);

            ballast.GiveUpIfFull();
            Assert.False(IsThere());
            await Keep();
            Assert.False(IsThere());

            if (args[1] == FewInodes) TemporaryFolder.Delete(filling);
            else File.Delete(filling);
            await Keep();
            Assert.True(IsThere());
            return 0;

            Task Keep() => ballast.Keep(new CancellationToken(canceled: true));

            bool IsThere() => Directory.Exists(Path.Combine(args[0], Ballast.FolderName));
        }
    }

    private sealed class MendThroughTheApi : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var isOfInodes = args[1] == "inodes";
            var folder = await Prepare(args[0], isOfInodes ? FewInodes : FewBytes);
            await using var host = await Start(folder);
            using var client = Client(host);
            await BallastIsMade(folder);
            if (isOfInodes) SmallDisk.FillInodes(Path.Combine(args[0], "filling"));
            else SmallDisk.Fill(Path.Combine(args[0], "filling"));
            using (var refused = await client.PutAsync("api/files/data/new.bin", new ByteArrayContent(new byte[100_000])))
            {
                Assert.Equal(HttpStatusCode.InsufficientStorage, refused.StatusCode);
                if (isOfInodes) Assert.Contains("no inodes are left", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            }

            await Mend(client);
            return 0;
        }
    }

    private sealed class StartOnIt : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var folder = await Prepare(args[0]);
            await using (await Start(folder)) await BallastIsMade(folder);
            if (args[1] == "without") TemporaryFolder.Delete(Path.Combine(folder, Ballast.FolderName));
            SmallDisk.Fill(Path.Combine(args[0], "filling"));
            await using var host = await Start(folder);
            using var client = Client(host);
            Assert.NotNull(await client.GetStringAsync("api/runs"));
            if (args[1] == "with ballast")
            {
                await Mend(client);
                return 0;
            }

            using (var deleted = await client.DeleteAsync("api/files/data/large.bin")) Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
            await Mend(client, fileToo: false);
            return 0;
        }
    }

    private sealed class StartWithoutInodes : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var folder = await Prepare(args[0], FewInodes);
            await using (await Start(folder)) await BallastIsMade(folder);
            SmallDisk.FillInodes(Path.Combine(args[0], "filling"));
            await using var host = await Start(folder);
            using var client = Client(host);
            await Mend(client);
            return 0;
        }
    }

    private sealed class StartANewOne : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", args[0]);
            SmallDisk.Fill(Path.Combine(args[0], "filling"));
            var refused = await Assert.ThrowsAsync<StartException>(() => Start(Path.Combine(args[0], "platform")));
            Assert.Contains("no room", refused.Message, StringComparison.Ordinal);
            return 0;
        }
    }

    private static Task BallastIsMade(string folder) => Eventually.True(
        () => Directory.Exists(Path.Combine(folder, Ballast.FolderName)), TimeSpan.FromSeconds(20), () => "the ballast is made");

    private static async Task<string> Prepare(string disk, string options = FewBytes)
    {
        SmallDisk.Mount("-t", "tmpfs", "-o", options, "tmpfs", disk);
        var folder = Path.Combine(disk, "platform");
        var store = new LocalWorkspaces(folder, TimeProvider.System).Open(LocalWorkspaces.Default);
        var runs = new RunStore(store);
        await runs.Create(Some.Run("00000000000000000000000001"));
        await store.Put(WorkspacePaths.ActiveRun("00000000000000000000000001"), new MemoryStream());
        await runs.Create(Some.In("failed") with { Id = "00000000000000000000000002" });
        await store.Put("data/large.bin", new MemoryStream(new byte[1_000_000]));
        return folder;
    }

    private static async Task Mend(HttpClient client, bool fileToo = true)
    {
        using (var cancelled = await client.PostAsync("api/runs/00000000000000000000000001/cancel", null))
        {
            Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
        }

        using (var deleted = await client.DeleteAsync("api/runs/00000000000000000000000001"))
        {
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        }

        using (var deleted = await client.DeleteAsync("api/runs/00000000000000000000000002"))
        {
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        }

        if (fileToo)
        {
            using var deleted = await client.DeleteAsync("api/files/data/large.bin");
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        }

        using var stored = await client.PutAsync("api/files/data/new.bin", new ByteArrayContent(new byte[100_000]));
        Assert.True(stored.IsSuccessStatusCode, $"{stored.StatusCode}");
    }

    private static Task<EmbeddedHost> Start(string folder) => EmbeddedHost.Start(new()
    {
        DataFolder = folder,
        Log = new LineLoggerProvider((_, line) => Console.Error.WriteLine(line), TimeProvider.System, LogLevel.Warning),
    });

    private static HttpClient Client(EmbeddedHost host) => new()
    {
        BaseAddress = host.Address,
        DefaultRequestHeaders = { Authorization = new("Bearer", File.ReadAllText(host.AdminKeyFile).Trim()) },
    };
}
