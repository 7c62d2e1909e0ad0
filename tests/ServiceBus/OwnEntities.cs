using System.Security.Cryptography;
using Azure.Messaging.ServiceBus.Administration;
using Serverless.Cloud;
using Serverless.Core.Messaging;

namespace Serverless.Tests.ServiceBus;

/// <summary>
/// Queues and topics of one test alone, made when they are named first, with the properties of <c>infra/modules/servicebus.bicep</c> but for the
/// lengths of time and the number of deliveries. To the test they have the names that it uses.
/// </summary>
sealed class OwnEntities(ServiceBusMessageBus bus, ServiceBusAdministrationClient administration, TimeSpan lockLength, TimeSpan duplicateWindow)
    : IMessageBus, IAsyncDisposable
{
    // The most that the emulator takes, as is an hour for how long messages live. No test needs as many.
    private const int MostDeliveries = 10;
    private static readonly TimeSpan LongestLife = TimeSpan.FromHours(1);

    private readonly string prefix = $"t{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5))}-";
    private readonly Dictionary<string, bool> made = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim making = new(1, 1);

    public async Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default) =>
        await bus.Send(await Own(queue), message, delay, cancel);

    public async Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default) =>
        await bus.Receive(await Own(queue), wait, cancel) is { } received ? received with { Queue = queue } : null;

    public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) => bus.Renew(message, cancel);

    public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) => bus.Complete(message, cancel);

    public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) => bus.Abandon(message, cancel);

    public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) =>
        bus.DeadLetter(message, reason, cancel);

    public async Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit = 100, CancellationToken cancel = default) =>
        [.. (await bus.DeadLetters(await Own(queue), limit, cancel)).Select(letter => letter with { Queue = queue })];

    public async Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default) =>
        await bus.Requeue(await Own(queue), messageId, cancel);

    public async Task<long> Count(string queue, CancellationToken cancel = default) => await bus.Count(await Own(queue), cancel);

    public Task<DateTimeOffset> Began(CancellationToken cancel = default) => bus.Began(cancel);

    public async Task Publish(string topic, Message message, CancellationToken cancel = default) =>
        await bus.Publish(await OwnTopic(topic), message, cancel);

    public async Task Subscribe(string topic, string subscription, CancellationToken cancel = default)
    {
        var own = await OwnTopic(topic);
        await Make($"{topic}/{subscription}", isTopic: false, () => administration.CreateSubscriptionAsync(
            new CreateSubscriptionOptions(own, subscription)
            {
                LockDuration = lockLength,
                MaxDeliveryCount = MostDeliveries,
                DefaultMessageTimeToLive = LongestLife,
            },
            new CreateRuleOptions(
                "$Default", new SqlRuleFilter($"{ServiceBusMessageBus.Recipient} IS NULL OR {ServiceBusMessageBus.Recipient} = '{subscription}'")),
            cancel));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (name, isTopic) in made.Where(one => !one.Key.Contains('/')))
        {
            if (isTopic) await administration.DeleteTopicAsync(prefix + name);
            else await administration.DeleteQueueAsync(prefix + name);
        }

        making.Dispose();
    }

    private async Task<string> Own(string queue)
    {
        // A name that is none is the bus's to refuse.
        if (queue.Contains('/') || !queue.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')) return queue.Contains(' ') ? queue : prefix + queue;
        await Make(queue, isTopic: false, () => administration.CreateQueueAsync(new CreateQueueOptions(prefix + queue)
        {
            LockDuration = lockLength,
            MaxDeliveryCount = MostDeliveries,
            RequiresDuplicateDetection = true,
            DuplicateDetectionHistoryTimeWindow = duplicateWindow,
            DefaultMessageTimeToLive = LongestLife,
        }));
        return prefix + queue;
    }

    private async Task<string> OwnTopic(string topic)
    {
        await Make(topic, isTopic: true, () => administration.CreateTopicAsync(new CreateTopicOptions(prefix + topic)
        {
            RequiresDuplicateDetection = true,
            DuplicateDetectionHistoryTimeWindow = duplicateWindow,
            DefaultMessageTimeToLive = LongestLife,
        }));
        return prefix + topic;
    }

    private async Task Make(string name, bool isTopic, Func<Task> make)
    {
        await making.WaitAsync();
        try
        {
            if (made.ContainsKey(name)) return;
            await make();
            made[name] = isTopic;
        }
        finally
        {
            making.Release();
        }
    }
}
