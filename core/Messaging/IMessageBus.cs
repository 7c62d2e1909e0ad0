namespace Serverless.Core.Messaging;

/// <summary>
/// Queues and topics. Messages only wake: what is true is in the workspace, and whatever a queue held can be sent again from there.
/// <para>Contract: delivery is at least once and unordered. A message that was received is invisible to others until its lock ends; then it is
/// delivered again. Sending twice with the same id within the duplicate window (10 minutes) delivers once. An acknowledged send survives the death of
/// every process. A queue exists once it is named. <see cref="BusUnavailableException"/> means: nothing is known, try again.</para>
/// </summary>
public interface IMessageBus
{
    /// <param name="delay">Not delivered before this long from now.</param>
    Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default);

    /// <summary>Takes one message under a lock, waiting up to <paramref name="wait"/> for it; null when none came.</summary>
    Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default);

    /// <summary>Extends the lock by the queue's lock length from now; false when the lock was lost (the message may be with somebody else).</summary>
    Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default);

    /// <summary>Removes the message; false when the lock was lost, in which case it will be delivered again.</summary>
    Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default);

    /// <summary>Gives the message back at once; false when the lock was lost.</summary>
    Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default);

    /// <summary>Puts the message aside for people; false when the lock was lost.</summary>
    Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default);

    /// <summary>Dead letters of a queue, oldest first.</summary>
    Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit = 100, CancellationToken cancel = default);

    /// <summary>
    /// Sends a dead letter again and removes it; false when there is none with this id. What a subscription put aside comes back to that subscription
    /// alone. Its id may have grown at its end.
    /// </summary>
    Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default);

    /// <summary>Messages ready, under a lock or delayed; dead letters are not counted.</summary>
    Task<long> Count(string queue, CancellationToken cancel = default);

    /// <summary>
    /// What was sent before this may be missing: whoever can send it again does. The beginning of time where a bus loses nothing as a whole.
    /// </summary>
    Task<DateTimeOffset> Began(CancellationToken cancel = default);

    /// <summary>Sends a copy to every subscription of the topic.</summary>
    Task Publish(string topic, Message message, CancellationToken cancel = default);

    /// <summary>Makes sure that the subscription exists. Its messages are received from the queue <see cref="QueueNames.Subscription"/>.</summary>
    Task Subscribe(string topic, string subscription, CancellationToken cancel = default);
}

/// <param name="Id">Equal only across the retries of one send.</param>
/// <param name="Body">JSON, at most 64 KiB.</param>
/// <param name="Since">
/// Since when it waits what the message is about. Where the bus can, ready messages of one queue come in this order, those without one first, then in
/// the order of sending; one that was given back comes last. It goes with the sending only.
/// </param>
public sealed record Message(string Id, string Body, DateTimeOffset? Since = null);

/// <param name="Lock">Identifies this delivery to its adapter.</param>
/// <param name="DeliveryCount">1 on the first delivery; for people and logs, no decision depends on it.</param>
public sealed record ReceivedMessage(string Queue, Message Message, string Lock, int DeliveryCount, DateTimeOffset LockedUntil)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100), Longest = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often to renew the lock: three times in its length, as far as the clock here agrees with the one that the lock was given by. One that was
    /// set meanwhile, or that is hours away from the broker's, must not keep the lock from being renewed.
    /// </summary>
    public TimeSpan RenewEvery(DateTimeOffset now) => TimeSpan.FromTicks(Math.Clamp((LockedUntil - now).Ticks / 3, Shortest.Ticks, Longest.Ticks));
}

public sealed record DeadLetter(string Queue, Message Message, string Reason, DateTimeOffset At, int DeliveryCount);

/// <summary>The bus could not be reached or did not answer; nothing is known about what happened. Try again.</summary>
public sealed class BusUnavailableException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>Names of queues and topics: letters, digits and '-', as Service Bus allows.</summary>
public static class QueueNames
{
    /// <summary>Ended runs, changed files and the like: what reports, follow-ons and notifications listen to.</summary>
    public const string Events = "events";

    /// <summary>The platform's own subscription of <see cref="Events"/>.</summary>
    public const string Platform = "platform";

    /// <summary>The subscription of <see cref="Events"/> that sets triggers off.</summary>
    public const string Triggers = "triggers";

    /// <summary>The subscription of <see cref="Events"/> from which webhooks are told.</summary>
    public const string Notices = "notices";

    /// <summary>Requests to be sent to webhooks, each until it was delivered.</summary>
    public const string Webhooks = "webhooks";

    /// <summary>Files below <c>data/</c> that appeared or changed.</summary>
    public const string FileEvents = "file-events";

    public static string ForMachine(string machineClass) => $"runs-{machineClass}";

    public static string Subscription(string topic, string subscription) => $"{topic}/{subscription}";
}
