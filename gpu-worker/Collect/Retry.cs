using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Tries a store or bus call again until it gets through: whoever cannot reach the store computes on and commits nothing. Only the token ends it,
/// when the attempt is fenced or the worker must go. Calls must be safe to repeat.
/// </summary>
/// <param name="log">Hears when a call has waited for a while, and when it got through.</param>
sealed class Retry(TimeProvider time, ILogger log)
{
    private static readonly Backoff Pauses = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));

    /// <summary>What passes sooner is nobody's concern.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    // The calls of a worker mostly wait for the same thing: one of them speaks for all.
    private readonly Lock speaking = new();
    private int waiting;
    private bool said;

    /// <param name="whenFull">Makes room where there is none, for the few bytes that tell of it. Null: a full store ends it.</param>
    /// <exception cref="OperationCanceledException">As the token.</exception>
    public async Task<T> Execute<T>(Func<Task<T>> call, CancellationToken cancel, Action? whenFull = null)
    {
        var begun = time.GetTimestamp();
        var waits = false;
        var through = false;
        try
        {
            for (var failures = 1; ; failures++)
            {
                try
                {
                    var answer = await call();
                    through = true;
                    return answer;
                }
                catch (Exception unavailable) when (unavailable is StoreUnavailableException or BusUnavailableException
                    || (whenFull is not null && unavailable is StoreFullException))
                {
                    if (unavailable is StoreFullException) whenFull!();
                    Waits(first: !waits, time.GetElapsedTime(begun) >= Quiet ? unavailable.Message : null);
                    waits = true;
                    await Task.Delay(Pauses.After(failures), time, cancel);
                }
            }
        }
        finally
        {
            if (waits) WaitsNoMore(through);
        }
    }

    private void Waits(bool first, string? trouble)
    {
        lock (speaking)
        {
            if (first) waiting++;
            if (said || trouble is null) return;
            said = true;
            log.Waiting(trouble);
        }
    }

    private void WaitsNoMore(bool through)
    {
        lock (speaking)
        {
            waiting--;
            if (!said) return;
            if (through) log.WaitingIsOver();
            said = waiting > 0 && !through;
        }
    }
}
