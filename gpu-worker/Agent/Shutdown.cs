using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Serverless.GpuWorker.Agent;

/// <summary>Why and when the agent leaves: a signal, the end of its parent, or of the machine's time.</summary>
sealed class Departure : IDisposable
{
    private static readonly TimeSpan ParentPoll = TimeSpan.FromSeconds(1);

    /// <summary>Beyond the code's own grace: for storing what it left and handing the run back. Clouds kill after about a minute.</summary>
    private static readonly TimeSpan LastWrites = TimeSpan.FromSeconds(25);

    private readonly CancellationTokenSource leaving = new(), givingUp = new();
    private readonly List<PosixSignalRegistration> signals = [];
    private readonly ITimer? ending;

    /// <param name="parent">Process to leave with. Null: none.</param>
    /// <param name="after">Null: never by itself. At most 49 days.</param>
    public Departure(int? parent, TimeSpan? after, TimeProvider time)
    {
        Leaving = leaving.Token;
        GivingUp = givingUp.Token;
        PosixSignal[] asking = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP];
        signals.AddRange(asking.Select(signal => PosixSignalRegistration.Create(signal, OnSignal)));
        if (parent is { } id) _ = FollowParent(id, time);
        ending = after is { } length ? time.CreateTimer(_ => Leave(), null, length, Timeout.InfiniteTimeSpan) : null;
    }

    /// <summary>No new runs; the one there is gets its grace and goes back to the queue.</summary>
    public CancellationToken Leaving { get; }

    /// <summary>The last writes did not get through in time either: the lease will expire.</summary>
    public CancellationToken GivingUp { get; }

    public void Leave()
    {
        try
        {
            leaving.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has left; a timer or a signal came late.
        }
    }

    /// <summary>Called when the code has been ended: from now on little time is left.</summary>
    public void Hurry() => givingUp.CancelAfter(LastWrites);

    public void Dispose()
    {
        foreach (var signal in signals) signal.Dispose();
        ending?.Dispose();
        leaving.Dispose();
        givingUp.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        Leave();
    }

    private async Task FollowParent(int id, TimeProvider time)
    {
        var started = StartOf(id);
        var following = new Routine("looking whether the parent lives", time, Console.Error.WriteLine);
        await following.Run(() => Task.FromResult(started is not null && StartOf(id) == started), ParentPoll, ParentPoll, Leaving, atOnce: true);
        Leave();
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
