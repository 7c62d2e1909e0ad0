using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Telemetry;

namespace Serverless.Bench;

/// <summary>A group of figures that are measured together.</summary>
interface IMeasure
{
    /// <summary>As it is named on the command line.</summary>
    string Name { get; }

    string What { get; }

    Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel);
}

/// <summary>What measures share: where to write, how much to do.</summary>
/// <param name="quick">Only enough to see that everything works; the figures mean nothing.</param>
/// <param name="say">Takes a line about progress.</param>
sealed class Bench(string folder, bool quick, Action<string> say) : IAsyncDisposable
{
    private int folders;
    private (Platform Platform, int Workers)? up;

    public bool Quick => quick;
    public TimeProvider Time { get; } = TimeProvider.System;
    public IIds Ids { get; } = new SystemIds(TimeProvider.System);

    public void Say(string line) => say(line);

    /// <summary>What parts of the platform log that run in this process.</summary>
    public ILogger Log => new LineLoggerProvider((_, line) => say(line), Time, LogLevel.Warning).CreateLogger(nameof(Serverless));

    /// <summary>How often to do something: the number, or less when quick.</summary>
    public int Times(int full, int whenQuick) => quick ? whenQuick : full;

    /// <summary>A platform of its own for all measures in a row that want as many workers; two at once would be in each other's way.</summary>
    public async Task<Platform> Up(int workers, CancellationToken cancel)
    {
        if (up is { } running && (running.Workers == workers || quick)) return running.Platform;
        await Down();
        var started = await Platform.Up(this, workers, cancel);
        up = (started, workers);
        return started;
    }

    /// <summary>For what is measured without it.</summary>
    public async Task Down()
    {
        if (up is { } running) await running.Platform.DisposeAsync();
        up = null;
    }

    public async ValueTask DisposeAsync() => await Down();

    /// <summary>A new folder on the disk that is measured.</summary>
    public string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(folder, $"{name}-{Interlocked.Increment(ref folders)}")).FullName;
}
