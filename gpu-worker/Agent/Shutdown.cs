namespace Serverless.GpuWorker.Agent;

/// <summary>The end of the agent: the run in hand is drained first. It comes when it is asked for, or when the machine's time is over.</summary>
sealed class Shutdown : IDisposable
{
    /// <summary>Beyond the code's own grace: for storing what it left and handing the run back. Clouds kill after about a minute.</summary>
    private static readonly TimeSpan LastWrites = TimeSpan.FromSeconds(25);

    private readonly CancellationTokenSource draining = new(), outOfTime;
    private readonly ITimer? ending;

    /// <param name="after">Null: never by itself. At most 49 days.</param>
    public Shutdown(TimeSpan? after, TimeProvider time)
    {
        outOfTime = new(Timeout.InfiniteTimeSpan, time);
        Draining = draining.Token;
        OutOfTime = outOfTime.Token;
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
        ending?.Dispose();
        draining.Dispose();
        outOfTime.Dispose();
    }
}
