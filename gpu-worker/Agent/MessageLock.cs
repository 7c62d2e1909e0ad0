using Serverless.Core.Messaging;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// Holds a wake's lock as long as its run is worked on: an autoscaler counts it as work, and the broker delivers it again when this process dies.
/// </summary>
sealed class MessageLock : IAsyncDisposable
{
    private readonly CancellationTokenSource ended = new();
    private readonly Task renewing;

    public MessageLock(IMessageBus bus, ReceivedMessage message, TimeProvider time) =>
        renewing = Renew(bus, message, message.RenewEvery(time.GetUtcNow()), time, ended.Token);

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await renewing;
        ended.Dispose();
    }

    // A lost lock changes nothing about whose the run is: that is in its record.
    private static async Task Renew(IMessageBus bus, ReceivedMessage message, TimeSpan every, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                await Task.Delay(every, time, cancel);
                try
                {
                    if (!await bus.Renew(message, cancel)) return;
                }
                catch (BusUnavailableException)
                {
                    // Tried again at the next turn.
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
