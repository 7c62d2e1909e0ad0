using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Serverless.Cli.Terminal;
using Serverless.Functions.Hosting;

namespace Serverless.Cli.Platform;

/// <summary>The whole platform on this machine: the API in this process, each worker in one of its own.</summary>
sealed class LocalPlatform : IAsyncDisposable
{
    private static readonly TimeSpan ShowAgain = TimeSpan.FromSeconds(5);

    private readonly PlatformLock held;
    private readonly EmbeddedHost host;
    private readonly Task<RunningPlatform?> shown;
    private readonly CancellationTokenSource stop = new();
    private readonly CancellationToken hurry;
    private readonly Task workersEnded;

    private LocalPlatform(PlatformLock held, EmbeddedHost host, PlatformOptions options, World world, PlatformLog log)
    {
        (this.held, this.host, hurry) = (held, host, world.Interrupts.Second);
        shown = Show(options.Data, host.Address, world.Time, log.Own, stop.Token);

        // A name of its own at every start: a worker of the start before may still be handing back its run.
        var start = world.Ids.Nonce()[..4];
        Workers = [.. options.Machines.SelectMany(machine => Enumerable.Range(1, options.Workers)
            .Select(n => new WorkerProcess($"{machine}-{n}-{start}", machine, options, world.Time, log)))];
        workersEnded = Task.WhenAll(Workers.Select(worker => worker.Run(stop.Token, hurry)));
    }

    public Uri Address => host.Address;
    public string AdminKeyFile => host.AdminKeyFile;
    public IReadOnlyList<WorkerProcess> Workers { get; }

    /// <summary>Ends when the API has ended; faulted when workers cannot be started.</summary>
    public Task Completion => Workers.Count == 0 ? host.Completion : Task.WhenAny(host.Completion, workersEnded).Unwrap();

    /// <summary>Starts everything. Requests are answered when this returns; a submitted run waits until a worker is ready.</summary>
    /// <param name="world">Its second interrupt makes <see cref="DisposeAsync"/> kill what has not ended by itself.</param>
    /// <exception cref="ExpException">The folder has a live platform already, or the port is taken.</exception>
    public static async Task<LocalPlatform> Start(PlatformOptions options, World world, PlatformLog log, CancellationToken cancel)
    {
        if (options.Workers > 0) WorkerProgram.Check();
        var held = PlatformLock.Take(options.Data);
        if (held.Mended is { } mended) log.Own.FolderMended(mended);
        foreach (var name in (string[])["EXP_RUN_AS", "EXP_SCRATCH"])
        {
            if (options.Workers > 0 && Environment.GetEnvironmentVariable(name) is { Length: > 0 }) log.Own.NotUsed(name);
        }

        if (options.Data.LacksItsWorkspace) log.Own.NoWorkspace(options.Data.Path);
        EmbeddedHost? host = null;
        try
        {
            var hosted = new EmbeddedOptions
            {
                DataFolder = options.Data.Path, Port = ChoosePort(options.Port), MachineClasses = options.Machines, Log = log.Provider,
            };
            host = await EmbeddedHost.Start(hosted, cancel);
            return new(held, host, options, world, log);
        }
        catch (Exception e)
        {
            if (host is not null) await host.DisposeAsync();
            held.Dispose();
            if (e is StartException) throw ExpException.Usage(e.Message);
            throw;
        }
    }

    /// <summary>Workers hand back their runs and end, then the API does. What is queued or interrupted goes on at the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await workersEnded;
        (await shown)?.Dispose();
        await Task.WhenAny(host.DisposeAsync().AsTask(), Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, hurry)).Unwrap()
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        held.Dispose();
        stop.Dispose();
    }

    // On a full disk the platform is there to make room, and shows itself once there is some.
    private static async Task<RunningPlatform?> Show(DataFolder data, Uri address, TimeProvider time, ILogger log, CancellationToken stop)
    {
        for (var said = false; !stop.IsCancellationRequested; said = true)
        {
            try
            {
                return RunningPlatform.Show(data.Path, address);
            }
            catch (IOException e)
            {
                if (!said) log.AddressNotShown(data.Path, e.Message, address, data.KeyFile);
            }

            await Task.Delay(ShowAgain, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return null;
    }

    private static int ChoosePort(int? asked)
    {
        if (asked is 0) return 0;
        if (IsFree(asked ?? PlatformOptions.UsualPort)) return asked ?? PlatformOptions.UsualPort;
        return asked is null
            ? 0
            : throw ExpException.Usage($"port {asked} is taken by another program; choose another with --port N, or 0 for any free one");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            probe.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
