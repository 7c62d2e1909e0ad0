using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;

namespace Serverless.Functions.Events;

/// <summary>From events to webhooks.</summary>
public sealed class NoticeFunctions(Notifier notifier)
{
    [Function("Notify")]
    public Task Notify([ServiceBusTrigger(QueueNames.Events, QueueNames.Notices, Connection = "ServiceBus")] string body, CancellationToken cancel) =>
        notifier.Notify(
            EventReader.WorkspaceEventIn(new Message("", body)) ?? throw new InvalidDataException("the event cannot be understood"), cancel);

    [Function("DeliverNotice")]
    public Task Deliver([ServiceBusTrigger(QueueNames.Webhooks, Connection = "ServiceBus")] string body, CancellationToken cancel) =>
        notifier.Deliver(WebhookDelivery.From(new Message("", body)) ?? throw new InvalidDataException("the delivery cannot be understood"), cancel);
}
