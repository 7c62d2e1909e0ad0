using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Tries a store or bus call again until it gets through: whoever cannot reach the store computes on and commits nothing. Only the token ends it,
/// when the attempt is fenced or the worker must go. Calls must be safe to repeat.
/// </summary>
sealed class Persistence(TimeProvider time)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100), Longest = TimeSpan.FromSeconds(5);

    /// <param name="evenWhenFull">Also when there is no room: for the few bytes that tell of it.</param>
    public async Task<T> Insist<T>(Func<Task<T>> call, CancellationToken cancel, bool evenWhenFull = false)
    {
        for (var wait = First; ; wait = wait * 2 < Longest ? wait * 2 : Longest)
        {
            try
            {
                return await call();
            }
            catch (Exception unavailable) when (unavailable is StoreUnavailableException or BusUnavailableException
                || (evenWhenFull && unavailable is StoreFullException))
            {
                await Task.Delay(wait, time, cancel);
            }
        }
    }
}
