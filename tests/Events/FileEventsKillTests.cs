using Serverless.Core;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Events;

/// <summary>The process that announces files, killed for real while they come.</summary>
public sealed class FileEventsKillTests : IDisposable
{
    private const string Overheard = "overheard";
    private const int Kills = 8;

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Platform_KilledAtAnyMoment_LosesNoFile()
    {
        var random = new Random(121);
        IObjectStore store = new LocalWorkspaces(folder.Path, TimeProvider.System).Open(LocalWorkspaces.Default);
        HashSet<(string, string)> put = [];
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var platform = ChildProcess.Start<PlatformProcess>(folder.Path);

            // Half of them are killed while they start.
            if (kill % 2 == 0) Assert.Equal("up", await platform.ReadLine());
            var killed = Kill(platform, TimeSpan.FromMilliseconds(random.Next(kill % 2 == 0 ? 150 : 600)));
            for (var i = 0; !killed.IsCompleted || i < 10; i++)
            {
                var path = $"data/{kill}/{i % 5}/{i % 20}.csv";
                var stored = (await store.Put(path, new byte[i], cancel: Cancel)).Object!;
                put.Add((path, stored.ETag));
            }

            await killed;
        }

        // Versions that were replaced before anybody looked are no loss; the last one of each file is what must have been announced.
        var last = await store.List("data/", cancel: Cancel).Select(file => (file.Key, file.ETag)).ToHashSetAsync(cancellationToken: Cancel);
        await using var final = ChildProcess.Start<PlatformProcess>(folder.Path);
        Assert.Equal("up", await final.ReadLine());
        HashSet<(string, string)> heard = [];
        using var bus = Bus(folder.Path);
        await Eventually.True(
            async () =>
            {
                while (await bus.Receive(Overheard, TimeSpan.Zero, Cancel) is { } message)
                {
                    var file = FileChanged.From(message.Message)!;
                    heard.Add((file.Path, file.ETag));
                    await bus.Complete(message, Cancel);
                }

                return last.IsSubsetOf(heard);
            },
            ExpProcess.Patience,
            () => $"lost: {string.Join(' ', last.Except(heard).Take(10))}");
        Assert.Empty(heard.Except(put));
        Assert.True(last.Count >= 5 * Kills, $"only {last.Count} files were put");
    }

    private static async Task Kill(ChildProcess platform, TimeSpan after)
    {
        await Task.Delay(after, TimeProvider.System, Cancel);
        await platform.Kill();
    }

    private static SqliteMessageBus Bus(string folder) =>
        new(Path.Combine(folder, "bus", "bus.db"), TimeProvider.System, new SystemIds(TimeProvider.System));

    private sealed class PlatformProcess : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            using var bus = Bus(args[0]);

            await using var host = await EmbeddedHost.Start(new()
            {
                DataFolder = args[0],
                Bus = new OverheardBus(bus, QueueNames.FileEvents, message => bus.Send(Overheard, message)),
            });
            Console.WriteLine("up");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
            return 0;
        }
    }
}
