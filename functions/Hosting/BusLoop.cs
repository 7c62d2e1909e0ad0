using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.Functions.Hosting;

/// <summary>
/// Gives a queue's messages to its function, as the Functions host does with Service Bus: the lock is renewed while the function works, the message
/// is completed when it returns and given back when it throws, and after <see cref="MaxDeliveries"/> it is dead-lettered with the reason; at once
/// when it met nothing but damaged records, which another try would find as they are.
/// </summary>
/// <param name="notices">Told of damaged records.</param>
sealed class BusLoop(BusFunction function, Invocation invocation, IMessageBus bus, TimeProvider time, ILogger log, DamageNotices notices)
{
    private const int MaxDeliveries = 10;

    /// <summary>One message that takes long, or waits for somebody who does not answer, holds up no other.</summary>
    private const int MaxConcurrent = 8;

    /// <summary>Those that wait for their next try included.</summary>
    private const int MostInHand = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly Backoff Pauses = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));

    private bool prepared;

    private string Queue => function.Trigger.QueueName ?? QueueNames.Subscription(function.Trigger.TopicName!, function.Trigger.SubscriptionName!);

    /// <summary>Before anything can be published, so that nothing is missed.</summary>
    public async Task Prepare(CancellationToken cancel)
    {
        if (function.Trigger.TopicName is { } topic) await bus.Subscribe(topic, function.Trigger.SubscriptionName!, cancel);
        prepared = true;
    }

    public async Task Run(CancellationToken stop)
    {
        var failures = 0;
        string? said = null;
        using var free = new SemaphoreSlim(MaxConcurrent);
        using var hands = new SemaphoreSlim(MostInHand);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!prepared) await Prepare(stop);
                var message = await Next(free, hands, stop);
                (failures, said) = (0, null);
                if (message is not null) _ = Task.Run(() => HandleAndLetGo(message, free, hands, stop), CancellationToken.None);
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                // The end was asked for; a message in hand is delivered again after its lock.
            }
            catch (Exception e)
            {
                // It says all that there is to say, and may last for hours.
                if (e is not BusUnavailableException) log.QueueFailed(e, function.Name, Queue);
                else if (said != e.Message) log.QueueUnavailable(function.Name, Queue, said = e.Message);
                await Pause(++failures, stop);
            }
        }

        // Whoever works on a message has heard of the end too.
        for (var i = 0; i < MostInHand; i++) await hands.WaitAsync(CancellationToken.None);
    }

    /// <summary>The next message; without one, the places that were taken for it are free again.</summary>
    private async Task<ReceivedMessage?> Next(SemaphoreSlim free, SemaphoreSlim hands, CancellationToken stop)
    {
        ReceivedMessage? message = null;
        await hands.WaitAsync(stop);
        try
        {
            await free.WaitAsync(stop);
            try
            {
                return message = await bus.Receive(Queue, Patience, stop);
            }
            finally
            {
                if (message is null) free.Release();
            }
        }
        finally
        {
            if (message is null) hands.Release();
        }
    }

    private async Task HandleAndLetGo(ReceivedMessage message, SemaphoreSlim free, SemaphoreSlim hands, CancellationToken stop)
    {
        try
        {
            await Handle(message, free, stop);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The message is delivered again after its lock.
        }
        catch (Exception e) when (SaysAll(e))
        {
            log.MessageKept(function.Name, message.Message.Id, e.Message);
        }
        catch (Exception e)
        {
            log.MessageFailed(e, function.Name, message.Message.Id);
        }
        finally
        {
            hands.Release();
        }
    }

    /// <param name="free">The message's place is given back once its function has ended: one that waits for its next try holds up no other.</param>
    private async Task Handle(ReceivedMessage message, SemaphoreSlim free, CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var renewing = Renew(message, ended);
        try
        {
            await Invoke(message, free, ended.Token);
            await bus.Complete(message, stop);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            var isDamage = notices.Tell(e).Count == 0;
            if (isDamage || message.DeliveryCount >= MaxDeliveries)
            {
                if (isDamage || SaysAll(e)) log.DeadLetteredForDamage(function.Name, message.Message.Id, e.Message);
                else log.DeadLettered(e, function.Name, message.Message.Id);
                await bus.DeadLetter(message, e.Message, stop);
                return;
            }

            await Pause(message.DeliveryCount, stop);
            await bus.Abandon(message, stop);
        }
        finally
        {
            await ended.CancelAsync();
            await renewing;
        }
    }

    private async Task Invoke(ReceivedMessage message, SemaphoreSlim free, CancellationToken cancel)
    {
        try
        {
            await invocation.Event(message.Message.Body, cancel);
        }
        finally
        {
            free.Release();
        }
    }

    /// <summary>Ends the function's work when the lock is lost: somebody else has the message then.</summary>
    private async Task Renew(ReceivedMessage message, CancellationTokenSource work)
    {
        var every = message.RenewEvery(time.GetUtcNow());
        try
        {
            while (true)
            {
                await Task.Delay(every, time, work.Token);
                if (!await bus.Renew(message, work.Token)) await work.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The work has ended.
        }
        catch (BusUnavailableException)
        {
            await work.CancelAsync();
        }
    }

    // The disk or the store: where in the code that was met helps nobody.
    private static bool SaysAll(Exception fault) => fault is BusUnavailableException or StoreUnavailableException or StoreFullException;

    private async Task Pause(int failures, CancellationToken stop) =>
        await Task.Delay(Pauses.After(failures), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
