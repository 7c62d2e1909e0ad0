using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Serverless.GpuWorker.Agent;

/// <summary>Who asks this process to leave: a signal, or the end of its parent.</summary>
sealed class ShutdownRequests : IDisposable
{
    private static readonly TimeSpan ParentPoll = TimeSpan.FromSeconds(1);

    private readonly Shutdown shutdown;
    private readonly List<PosixSignalRegistration> signals = [];

    /// <param name="parent">Process to end with. Null: none.</param>
    public ShutdownRequests(Shutdown shutdown, int? parent, TimeProvider time, ILogger log)
    {
        this.shutdown = shutdown;
        PosixSignal[] asking = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP];
        signals.AddRange(asking.Select(signal => PosixSignalRegistration.Create(signal, OnSignal)));
        if (parent is { } id) _ = WatchParent(id, time, log);
    }

    public void Dispose()
    {
        foreach (var signal in signals) signal.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        shutdown.Drain();
    }

    private async Task WatchParent(int id, TimeProvider time, ILogger log)
    {
        var started = StartOf(id);
        var following = new PeriodicTask("looking whether the parent lives", time, log);
        await following.Run(
            () => Task.FromResult(started is not null && StartOf(id) == started), ParentPoll, ParentPoll, shutdown.Draining, atOnce: true);
        shutdown.Drain();
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
