using Serverless.Core;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Events;

/// <summary>The real platform on a folder, and what it announces of files.</summary>
sealed class WatchedPlatform(IWorkspaces? elsewhere = null) : IAsyncDisposable
{
    /// <summary>So rarely that nothing in a test is found by looking at all files, unless it is the look at the start.</summary>
    public static readonly TimeSpan Never = TimeSpan.FromHours(1);

    private readonly TemporaryFolder folder = new();
    private readonly List<FileChanged> heard = [];
    private readonly LogLines log = new();
    private SqliteMessageBus? bus;
    private EmbeddedHost? host;

    public EmbeddedHost Host => host!;

    public string Data => folder["workspace/data"];

    public string Folder => folder.Path;

    public IObjectStore Store => (elsewhere ?? new LocalWorkspaces(folder.Path, TimeProvider.System)).Open(LocalWorkspaces.Default);

    public IReadOnlyList<FileChanged> Heard
    {
        get
        {
            lock (heard) return [.. heard];
        }
    }

    public IReadOnlyList<string> Paths => [.. Heard.Select(file => file.Path)];

    public IReadOnlyList<string> Log => log.All;

    public async Task Start(TimeSpan? scan = null)
    {
        bus = new(folder["bus/bus.db"], TimeProvider.System, new SystemIds(TimeProvider.System));
        host = await EmbeddedHost.Start(
            new()
            {
                DataFolder = folder.Path,
                Workspaces = elsewhere,
                FileScan = scan ?? Never,
                Bus = new OverheardBus(bus, QueueNames.FileEvents, Hear),
                Log = log,
            },
            TestContext.Current.CancellationToken);
    }

    public async Task Stop()
    {
        if (host is not null) await host.DisposeAsync();
        bus?.Dispose();
        (host, bus) = (null, null);
    }

    public Task Hears(params IReadOnlyCollection<string> paths) =>
        Eventually.True(() => paths.All(Paths.Contains), ExpProcess.Patience,
            () => $"{string.Join(' ', paths.Except(Paths).Take(10))} announced; log: {string.Join('\n', Log)}");

    /// <summary>Puts a file of its own and waits for its announcement: what could be announced before it has been.</summary>
    public async Task HearsAllThatWasDone()
    {
        var path = $"data/last/{Heard.Count}";
        Assert.True((await Store.Put(path, "x"u8)).Stored);
        await Hears(path);
    }

    public string Write(string name, string text)
    {
        var path = Path.Combine(Data, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        folder.Dispose();
    }

    private Task Hear(Message message)
    {
        lock (heard) heard.Add(FileChanged.From(message)!);
        return Task.CompletedTask;
    }
}
