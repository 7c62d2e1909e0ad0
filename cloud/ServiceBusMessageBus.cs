using System.Collections.Concurrent;
using Azure.Core;
using Azure.Identity;
using Azure.Messaging.ServiceBus;
using Serverless.Core.Messaging;

namespace Serverless.Cloud;

/// <summary>
/// The bus on Azure Service Bus, with the caller's identity. Queues, topics and subscriptions exist before it starts
/// (<c>infra/modules/servicebus.bicep</c>): lock length, duplicate window and delivery count are their properties. Only this class's connection needs
/// data rights; nothing needs manage rights.
/// </summary>
public sealed class ServiceBusMessageBus : IMessageBus, IAsyncDisposable
{
    /// <summary>
    /// Set on what is meant for one subscription of a topic only: the filter of every subscription takes what names none, or itself
    /// (<c>infra/modules/servicebus.bicep</c>).
    /// </summary>
    public const string Recipient = "recipient";

    /// <summary>How many messages <see cref="Count"/> looks at: reading a queue's length would need manage rights.</summary>
    public const int CountedAtMost = 1000;

    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(1);

    private readonly ServiceBusClient client;
    private readonly ConcurrentDictionary<string, ServiceBusSender> senders = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Queue, SubQueue Part), ServiceBusReceiver> receivers = new();
    private readonly ConcurrentDictionary<string, (ServiceBusReceiver Receiver, ServiceBusReceivedMessage Message)> held =
        new(StringComparer.Ordinal);

    /// <param name="fullyQualifiedNamespace"><c>name.servicebus.windows.net</c></param>
    public ServiceBusMessageBus(string fullyQualifiedNamespace, TokenCredential credential) =>
        client = new(fullyQualifiedNamespace, credential, Options());

    /// <param name="connectionString">With its key: an emulator's, which knows no identities. Namespaces of the platform accept no keys.</param>
    public ServiceBusMessageBus(string connectionString) => client = new(connectionString, Options());

    public Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(queue, nameof(queue));
        MessageLimits.Check(message);
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        return Translated($"send to {queue}", async () =>
        {
            var outgoing = Outgoing(message);
            if (delay > TimeSpan.Zero) outgoing.ScheduledEnqueueTime = TimeProvider.System.GetUtcNow() + delay;
            await Sender(queue).SendMessageAsync(outgoing, cancel);
        }, cancel);
    }

    public Task Publish(string topic, Message message, CancellationToken cancel = default) => Send(topic, message, cancel: cancel);

    public Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default) =>
        Translated($"receive from {queue}", async () =>
        {
            var receiver = Receiver(queue, SubQueue.None);

            // The answer is some milliseconds away: with less than this, a message that is there would not be found.
            var received = await receiver.ReceiveMessageAsync(wait > ShortestWait ? wait : ShortestWait, cancel);
            if (received is null) return null;
            held[received.LockToken] = (receiver, received);
            return new ReceivedMessage(
                queue, new(received.MessageId, received.Body.ToString()), received.LockToken, received.DeliveryCount, received.LockedUntil);
        }, cancel);

    public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) =>
        Held(message, last: false, (receiver, received) => receiver.RenewMessageLockAsync(received, cancel), cancel);

    public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) =>
        Held(message, last: true, (receiver, received) => receiver.CompleteMessageAsync(received, cancel), cancel);

    public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) =>
        Held(message, last: true, (receiver, received) => receiver.AbandonMessageAsync(received, cancellationToken: cancel), cancel);

    public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) =>
        // The broker keeps at most 4,096 characters of a reason.
        Held(
            message, last: true,
            (receiver, received) =>
                receiver.DeadLetterMessageAsync(received, reason.Length > 4000 ? reason[..4000] : reason, cancellationToken: cancel), cancel);

    public Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit = 100, CancellationToken cancel = default) =>
        Translated<IReadOnlyList<DeadLetter>>($"read dead letters of {queue}", async () =>
        {
            var peeked = await Peek(Receiver(queue, SubQueue.DeadLetter), limit, cancel);
            return [.. peeked.Select(message => new DeadLetter(
                queue, new(message.MessageId, message.Body.ToString()), message.DeadLetterReason ?? "no reason given", message.EnqueuedTime,
                message.DeliveryCount))];
        }, cancel);

    public Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default) =>
        Translated($"requeue from {queue}", async () =>
        {
            var dead = Receiver(queue, SubQueue.DeadLetter);
            var others = new Dictionary<long, ServiceBusReceivedMessage>();
            try
            {
                while (await dead.ReceiveMessageAsync(TimeSpan.FromSeconds(2), cancel) is { } message)
                {
                    if (message.MessageId != messageId)
                    {
                        // The first locks have ended: this would go round and round.
                        if (others.TryAdd(message.SequenceNumber, message)) continue;
                        throw new BusUnavailableException($"could not requeue from {queue}: it has too many dead letters");
                    }

                    // A new id, or duplicate detection would swallow what is sent again within its window.
                    var again = Outgoing(new(IdAgain(message), message.Body.ToString()));
                    if (queue.Split('/') is [var topic, var subscription])
                    {
                        again.ApplicationProperties[Recipient] = subscription;
                        await Sender(topic).SendMessageAsync(again, cancel);
                    }
                    else
                    {
                        await Sender(queue).SendMessageAsync(again, cancel);
                    }

                    await dead.CompleteMessageAsync(message, cancel);
                    return true;
                }

                return false;
            }
            finally
            {
                await Task.WhenAll(others.Values.Select(other => GiveBack(dead, other)));
            }
        }, cancel);

    public Task<long> Count(string queue, CancellationToken cancel = default) =>
        Translated($"count {queue}", async () => (long)(await Peek(Receiver(queue, SubQueue.None), CountedAtMost, cancel)).Count, cancel);

    /// <summary>The broker loses single messages at worst, never all of them.</summary>
    public Task<DateTimeOffset> Began(CancellationToken cancel = default) => Task.FromResult(DateTimeOffset.MinValue);

    /// <summary>Subscriptions are part of the deployment; a missing one shows when it is received from.</summary>
    public Task Subscribe(string topic, string subscription, CancellationToken cancel = default) => Task.CompletedTask;

    public ValueTask DisposeAsync() => client.DisposeAsync();

    // Short tries and a bounded whole: callers have retries and deadlines of their own.
    private static ServiceBusClientOptions Options() => new()
    {
        RetryOptions =
        {
            Mode = ServiceBusRetryMode.Exponential,
            MaxRetries = 4,
            Delay = TimeSpan.FromMilliseconds(200),
            MaxDelay = TimeSpan.FromSeconds(5),
            TryTimeout = TimeSpan.FromSeconds(15),
        },
    };

    private static ServiceBusMessage Outgoing(Message message) => new(message.Body) { MessageId = message.Id, ContentType = "application/json" };

    /// <summary>An id that no other message has had, no longer than any, and that begins as before: a wake's says which epoch it is for.</summary>
    private static string IdAgain(ServiceBusReceivedMessage message)
    {
        var suffix = $":again:{message.SequenceNumber}";
        var end = message.MessageId.IndexOf(":again:", StringComparison.Ordinal);
        return message.MessageId[..Math.Min(end < 0 ? message.MessageId.Length : end, MessageLimits.IdLength - suffix.Length)] + suffix;
    }

    // Whatever came of it, the answer is about another message, and this one's lock ends by itself.
    private static async Task GiveBack(ServiceBusReceiver receiver, ServiceBusReceivedMessage message) =>
        await receiver.AbandonMessageAsync(message, cancellationToken: CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    // One answer has as many as the service likes, not as many as there are.
    private static async Task<List<ServiceBusReceivedMessage>> Peek(ServiceBusReceiver receiver, int limit, CancellationToken cancel)
    {
        var all = new List<ServiceBusReceivedMessage>();
        while (all.Count < limit)
        {
            var next = all.Count == 0 ? 0 : all[^1].SequenceNumber + 1;
            var some = await receiver.PeekMessagesAsync(limit - all.Count, next, cancel);
            if (some.Count == 0) break;
            all.AddRange(some);
        }

        return all;
    }

    private ServiceBusSender Sender(string queue) => senders.GetOrAdd(queue, client.CreateSender);

    private ServiceBusReceiver Receiver(string queue, SubQueue part) => receivers.GetOrAdd((queue, part), key =>
    {
        // No prefetch: a prefetched message's lock runs while another run trains.
        var options = new ServiceBusReceiverOptions { ReceiveMode = ServiceBusReceiveMode.PeekLock, PrefetchCount = 0, SubQueue = key.Part };
        return key.Queue.Split('/') is [var topic, var subscription]
            ? client.CreateReceiver(topic, subscription, options)
            : client.CreateReceiver(key.Queue, options);
    });

    private async Task<bool> Held(
        ReceivedMessage message, bool last, Func<ServiceBusReceiver, ServiceBusReceivedMessage, Task> act, CancellationToken cancel)
    {
        if (!held.TryGetValue(message.Lock, out var entry)) return false;
        try
        {
            await Translated($"settle a message of {message.Queue}", () => act(entry.Receiver, entry.Message), cancel);
        }
        catch (BusUnavailableException e)
            when (e.InnerException is ServiceBusException { Reason: ServiceBusFailureReason.MessageLockLost
                or ServiceBusFailureReason.MessageNotFound })
        {
            held.TryRemove(message.Lock, out _);
            return false;
        }

        if (last) held.TryRemove(message.Lock, out _);
        return true;
    }

    private static Task Translated(string what, Func<Task> call, CancellationToken cancel) =>
        Translated(what, async () => { await call(); return true; }, cancel);

    // Every failure is one of these few: see ServiceBusFailureReason in the SDK for what each means.
    private static async Task<T> Translated<T>(string what, Func<Task<T>> call, CancellationToken cancel)
    {
        try
        {
            return await call();
        }
        catch (ServiceBusException e) when (e.Reason == ServiceBusFailureReason.MessagingEntityNotFound)
        {
            throw new InvalidOperationException(
                $"could not {what}: it does not exist in this deployment; deploy infra/ again with this machine class", e);
        }
        catch (ServiceBusException e) when (e.Reason == ServiceBusFailureReason.MessageSizeExceeded)
        {
            throw new ArgumentException($"could not {what}: the message is too large", e);
        }
        catch (ServiceBusException e)
        {
            // Transient, busy, timed out, quota: nothing is known about what happened; the caller tries again.
            throw new BusUnavailableException($"could not {what}: {e.Reason}", e);
        }
        catch (AuthenticationFailedException e)
        {
            // The library neither tries again nor translates what the credential says.
            throw new BusUnavailableException($"could not {what}: {e.Message.Split('\n')[0].TrimEnd()}", e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new BusUnavailableException($"could not {what}: no answer in time", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new InvalidOperationException($"could not {what}: this identity lacks the Service Bus data role", e);
        }
    }
}
