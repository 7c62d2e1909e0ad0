using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Serverless.GpuWorker.Agent;

/// <summary>The end of the agent. A signal, the end of its parent or of the machine's time asks for it; the run in hand is drained first.</summary>
sealed class Shutdown : IDisposable
{
    private static readonly TimeSpan ParentPoll = TimeSpan.FromSeconds(1);

    /// <summary>Beyond the code's own grace: for storing what it left and handing the run back. Clouds kill after about a minute.</summary>
    private static readonly TimeSpan LastWrites = TimeSpan.FromSeconds(25);

    private readonly CancellationTokenSource draining = new(), outOfTime = new();
    private readonly List<PosixSignalRegistration> signals = [];
    private readonly ITimer? ending;

    /// <param name="parent">Process to end with. Null: none.</param>
    /// <param name="after">Null: never by itself. At most 49 days.</param>
    public Shutdown(int? parent, TimeSpan? after, TimeProvider time, ILogger log)
    {
        Draining = draining.Token;
        OutOfTime = outOfTime.Token;
        PosixSignal[] asking = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP];
        signals.AddRange(asking.Select(signal => PosixSignalRegistration.Create(signal, OnSignal)));
        if (parent is { } id) _ = WatchParent(id, time, log);
        ending = after is { } length ? time.CreateTimer(_ => Drain(), null, length, Timeout.InfiniteTimeSpan) : null;
    }

    /// <summary>No new runs; the one there is gets its grace and goes back to the queue.</summary>
    public CancellationToken Draining { get; }

    /// <summary>The last writes did not get through in time either: the lease will expire.</summary>
    public CancellationToken OutOfTime { get; }

    public void Drain()
    {
        try
        {
            draining.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended; a timer or a signal came late.
        }
    }

    /// <summary>Called when the code has been ended: from now on little time is left.</summary>
    public void LimitLastWrites() => outOfTime.CancelAfter(LastWrites);

    public void Dispose()
    {
        foreach (var signal in signals) signal.Dispose();
        ending?.Dispose();
        draining.Dispose();
        outOfTime.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        Drain();
    }

    private async Task WatchParent(int id, TimeProvider time, ILogger log)
    {
        var started = StartOf(id);
        var following = new PeriodicTask("looking whether the parent lives", time, log);
        await following.Run(() => Task.FromResult(started is not null && StartOf(id) == started), ParentPoll, ParentPoll, Draining, atOnce: true);
        Drain();
    }

    // Together with the time of its start an id means one process for ever.
    private static DateTime? StartOf(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return process.HasExited ? null : process.StartTime;
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
