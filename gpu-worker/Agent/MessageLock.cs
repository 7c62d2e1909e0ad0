using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// Holds a wake's lock as long as its run is worked on: an autoscaler counts it as work, and the broker delivers it again when this process dies.
/// </summary>
sealed class MessageLock : IAsyncDisposable
{
    private readonly CancellationTokenSource ended = new();
    private readonly Task renewing;

    public MessageLock(IMessageBus bus, ReceivedMessage message, TimeProvider time, ILogger log)
    {
        // A lost lock changes nothing about whose the run is: that is in its record.
        var every = message.RenewEvery(time.GetUtcNow());
        var routine = new PeriodicTask("renewing the lock of a wake", time, log);
        renewing = routine.Run(() => bus.Renew(message, ended.Token), every, every, ended.Token);
    }

    public async ValueTask DisposeAsync()
    {
        ended.Cancel();
        await renewing;
        ended.Dispose();
    }
}
