using Serverless.Core.Storage;

namespace Serverless.Functions.Http;

/// <summary>Looks now and then, while an answer goes on, whether its caller would still be let in.</summary>
sealed class KeyWatch : IAsyncDisposable
{
    private readonly CancellationTokenSource revoked = new();
    private readonly CancellationTokenSource over = new();
    private readonly Task watching;

    public KeyWatch(Caller caller, TimeSpan every, TimeProvider time) => watching = Watch(caller, every, time);

    /// <summary>Ends once the caller would not be.</summary>
    public CancellationToken Revoked => revoked.Token;

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        over.Dispose();
        revoked.Dispose();
    }

    private async Task Watch(Caller caller, TimeSpan every, TimeProvider time)
    {
        using var timer = new PeriodicTimer(every, time);
        while (await timer.WaitForNextTickAsync(over.Token))
        {
            try
            {
                if (await caller.IsStillIn(over.Token)) continue;
                await revoked.CancelAsync();
                return;
            }
            catch (Exception unknown) when (unknown is StoreUnavailableException or DirectoryUnavailableException)
            {
                // Nobody can tell at the moment: the next look may.
            }
        }
    }
}
