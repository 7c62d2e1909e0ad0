using Microsoft.Extensions.Logging;
using Serverless.Core;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// Something that an agent does again and again beside its work. Only its end ends it: whatever a turn throws is said, and the next turn comes, later
/// each time as long as they fail.
/// </summary>
/// <param name="what">What it does, as the beginning of a sentence: "renewing the lease".</param>
sealed class PeriodicTask(string what, TimeProvider time, ILogger log)
{
    private readonly FailureReporter trouble = new(what, log);

    /// <param name="turn">Says whether there is to be another one.</param>
    /// <param name="every">The pause between turns.</param>
    /// <param name="longest">The longest pause when turns fail; at least <paramref name="every"/>.</param>
    /// <param name="atOnce">The first turn is not waited for.</param>
    public async Task Run(Func<Task<bool>> turn, TimeSpan every, TimeSpan longest, CancellationToken ended, bool atOnce = false)
    {
        var pause = atOnce ? TimeSpan.Zero : every;
        var backoff = new Backoff(2 * every, longest);
        var failures = 0;
        while (await Pause(pause, time, ended))
        {
            try
            {
                if (!await turn()) return;
                trouble.Recovered();
                (pause, failures) = (every, 0);
            }
            catch (Exception wrong)
            {
                // Also a cancellation: a client's own timeout looks like one.
                if (ended.IsCancellationRequested) return;
                trouble.Failed(wrong);
                pause = backoff.After(++failures);
            }
        }
    }

    /// <returns>False when it was ended.</returns>
    public static async Task<bool> Pause(TimeSpan length, TimeProvider time, CancellationToken ended)
    {
        await Task.Delay(length, time, ended)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return !ended.IsCancellationRequested;
    }
}
