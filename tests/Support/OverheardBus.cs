using Serverless.Core.Messaging;

namespace Serverless.Tests.Support;

/// <summary>
/// A bus somebody listens in on: what is sent to a queue is told before it is sent, so that a
/// test sees messages that the platform itself takes out of the queue.
/// </summary>
sealed class OverheardBus(IMessageBus bus, string queue, Func<Message, Task> hear) : IMessageBus
{
    public async Task Send(string to, Message message, TimeSpan delay = default, CancellationToken cancel = default)
    {
        if (to == queue) await hear(message);
        await bus.Send(to, message, delay, cancel);
    }

    public Task<ReceivedMessage?> Receive(string from, TimeSpan wait, CancellationToken cancel = default) => bus.Receive(from, wait, cancel);

    public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) => bus.Renew(message, cancel);

    public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) => bus.Complete(message, cancel);

    public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) => bus.Abandon(message, cancel);

    public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) =>
        bus.DeadLetter(message, reason, cancel);

    public Task<IReadOnlyList<DeadLetter>> DeadLetters(string from, int limit = 100, CancellationToken cancel = default) =>
        bus.DeadLetters(from, limit, cancel);

    public Task<bool> Requeue(string to, string messageId, CancellationToken cancel = default) => bus.Requeue(to, messageId, cancel);

    public Task<long> Count(string of, CancellationToken cancel = default) => bus.Count(of, cancel);

    public Task<DateTimeOffset> Began(CancellationToken cancel = default) => bus.Began(cancel);

    public Task Publish(string topic, Message message, CancellationToken cancel = default) => bus.Publish(topic, message, cancel);

    public Task Subscribe(string topic, string subscription, CancellationToken cancel = default) => bus.Subscribe(topic, subscription, cancel);
}
