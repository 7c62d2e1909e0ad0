using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Tries a store or bus call again until it gets through: whoever cannot reach the store computes on and commits nothing. Only the token ends it,
/// when the attempt is fenced or the worker must go. Calls must be safe to repeat.
/// </summary>
/// <param name="say">Takes a line for people: one when a call has waited for a while, one when it got through.</param>
sealed class Retry(TimeProvider time, Action<string> say)
{
    private static readonly Backoff Pauses = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));

    /// <summary>What passes sooner is nobody's concern.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    // The calls of a worker mostly wait for the same thing: one of them speaks for all.
    private readonly Lock speaking = new();
    private int waiting;
    private bool said;

    /// <param name="evenWhenFull">Also when there is no room: for the few bytes that tell of it.</param>
    /// <exception cref="OperationCanceledException">As the token.</exception>
    public async Task<T> Execute<T>(Func<Task<T>> call, CancellationToken cancel, bool evenWhenFull = false)
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
                    || (evenWhenFull && unavailable is StoreFullException))
                {
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
            say($"waiting: {trouble}");
        }
    }

    private void WaitsNoMore(bool through)
    {
        lock (speaking)
        {
            waiting--;
            if (!said) return;
            if (through) say("waiting is over");
            said = waiting > 0 && !through;
        }
    }
}
