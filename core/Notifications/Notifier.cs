using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Notifications;

/// <summary>A request that is to be sent, and how often that was tried.</summary>
/// <param name="Id">The same at every try: webhook and notice.</param>
/// <param name="Attempt">1 for the first.</param>
/// <param name="Unasked">The webhook could not be read: whether it wants the notice is asked when it can be.</param>
/// <param name="Rested">For how long it was held back, all together, because the receiver did not answer others.</param>
public sealed record WebhookDelivery(string Id, string Webhook, int Attempt, Notice Notice, bool Unasked = false, TimeSpan Rested = default)
{
    /// <summary>Equal for equal tries, so that a repeated event and a crash between two steps send nothing twice while the bus remembers.</summary>
    public Message ToMessage() => new(
        Rested == default ? $"{Id}:{Attempt}" : $"{Id}:{Attempt}:{Rested.Ticks}", JsonSerializer.Serialize(this, CoreJson.Options));

    public static WebhookDelivery? From(Message message)
    {
        try
        {
            return JsonSerializer.Deserialize<WebhookDelivery>(message.Body, CoreJson.Options) is { Id: not null, Webhook: not null,
                Notice: { Workspace: not null, Type: not null } } delivery ? delivery : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>
/// Tells webhooks what happened: an event becomes one delivery for each webhook that wants it, and each is tried by itself.
/// A receiver that is away, or slow, keeps nothing from others.
/// </summary>
public sealed class Notifier(
    IWorkspaces workspaces, IMessageBus bus, WebhookSender sender, TimeProvider time, IIds ids, DamageNotices? damaged = null,
    ILogger<Notifier>? log = null)
{
    /// <summary>Waits between tries: together about a day, after which somebody has to look.</summary>
    private static readonly TimeSpan[] Waits =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1),
        TimeSpan.FromHours(4), TimeSpan.FromHours(18),
    ];

    /// <summary>However long a receiver asks to wait, or does not answer.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    /// <summary>A receiver that failed this often for one notice is not just starting again.</summary>
    private const int FailsAfter = 3;

    private readonly ReceiverTurns turns = new(time);
    private readonly ConcurrentDictionary<(string Workspace, string Webhook), bool> failing = [];

    public WebhookStore Webhooks { get; } = new(workspaces.Platform, damaged);

    /// <summary>Safe to do twice.</summary>
    public async Task Notify(WorkspaceEvent happened, CancellationToken cancel = default)
    {
        var (webhooks, damaged) = await Webhooks.List(happened.Workspace, cancel);
        if (damaged.Count == 0 && !webhooks.Any(webhook => webhook.IsOn)) return;
        if (await new NoticeComposer(happened.Workspace, workspaces.Open(happened.Workspace), time).Compose(happened, cancel) is not { } notice)
        {
            return;
        }

        foreach (var webhook in webhooks.Where(webhook => webhook.Wants(notice)))
        {
            await bus.Send(QueueNames.Webhooks, new WebhookDelivery(IdOf(webhook, notice), webhook.Name, 1, notice).ToMessage(), cancel: cancel);
        }

        foreach (var name in damaged.Select(damage => PlatformPaths.WebhookNameOf(damage.Key)).OfType<string>())
        {
            await bus.Send(
                QueueNames.Webhooks, new WebhookDelivery(IdOf(name, "unread", notice), name, 1, notice, Unasked: true).ToMessage(), cancel: cancel);
        }
    }

    /// <summary>
    /// One try. What was not taken is tried again later, and put aside in the end; so is what is for a webhook that cannot be read.
    /// </summary>
    public async Task Deliver(WebhookDelivery delivery, CancellationToken cancel = default)
    {
        var workspace = delivery.Notice.Workspace;
        Webhook webhook;
        try
        {
            if (await Webhooks.Find(workspace, delivery.Webhook, cancel) is not { } found || (delivery.Unasked && !found.Wants(delivery.Notice)))
            {
                return;
            }

            webhook = found;
        }
        catch (DamagedRecordException damaged)
        {
            await Later(damaged.Message, null);
            return;
        }

        if (!webhook.IsOn)
        {
            await PutAside($"the webhook is paused: {webhook.Paused}");
            return;
        }

        var (answer, rest) = await turns.Ask(webhook.Url, () => sender.Send(webhook, delivery.Id, delivery.Notice, cancel), cancel);
        if (answer is null)
        {
            await HoldBack(rest);
        }
        else if (answer.WasTaken)
        {
            if (failing.TryRemove((workspace, webhook.Name), out _)) log?.TakesAgain(webhook.Name, workspace);
            await Webhooks.RemoveUndelivered(workspace, webhook.Name, delivery.Id, cancel);
        }
        else if (answer.IsGone)
        {
            await Webhooks.Change(
                workspace, webhook.Name, now => now?.Url == webhook.Url ? now with { Paused = "the receiver answered 410 Gone" } : null, cancel);
            await PutAside(answer.Problem!);
        }
        else
        {
            await Later(answer.Problem!, answer.RetryAfter);
        }

        async Task Later(string reason, TimeSpan? asked)
        {
            if (delivery.Attempt > Waits.Length)
            {
                await PutAside(reason);
                return;
            }

            if (delivery.Attempt >= FailsAfter && failing.TryAdd((workspace, delivery.Webhook), true))
            {
                log?.Fails(delivery.Webhook, workspace, reason);
            }

            var wait = Waits[delivery.Attempt - 1];
            if (asked > wait) wait = asked < LongestWait ? asked.Value : LongestWait;
            await bus.Send(QueueNames.Webhooks, (delivery with { Attempt = delivery.Attempt + 1 }).ToMessage(), wait, cancel);
            log?.Delayed(delivery.Webhook, workspace, delivery.Id, wait, reason);
        }

        // A try that was not made counts as none.
        async Task HoldBack(TimeSpan rest)
        {
            const string reason = "the receiver answers nothing";
            if (delivery.Rested > LongestWait)
            {
                await PutAside(reason);
                return;
            }

            await bus.Send(QueueNames.Webhooks, (delivery with { Rested = delivery.Rested + rest }).ToMessage(), rest, cancel);
            log?.Delayed(delivery.Webhook, workspace, delivery.Id, rest, reason);
        }

        async Task PutAside(string reason)
        {
            await Webhooks.PutAside(
                workspace, delivery.Webhook, new(delivery.Id, delivery.Notice, delivery.Attempt, reason, time.GetUtcNow()), cancel);
            log?.GivenUp(delivery.Webhook, workspace, delivery.Id, delivery.Attempt, reason);
        }
    }

    /// <summary>Sends a notice about nothing, now and once, whether or not the webhook is paused.</summary>
    public Task<WebhookAnswer> Test(string workspace, Webhook webhook, CancellationToken cancel = default)
    {
        var notice = new Notice(ids.Nonce(), WebhookEvents.Test, time.GetUtcNow(), workspace,
            $"A test of the webhook {webhook.Name}: notices of the workspace {workspace} arrive here");
        return sender.Send(webhook, IdOf(webhook, notice), notice, cancel);
    }

    /// <summary>Tries again what was put aside; it stays there until it was taken.</summary>
    /// <returns>False when there is none with this id.</returns>
    public async Task<bool> Redeliver(string workspace, string webhook, string id, CancellationToken cancel = default)
    {
        if (await Webhooks.FindUndelivered(workspace, webhook, id, cancel) is not { } undelivered) return false;

        // A message of its own: the bus may remember the first tries still.
        var delivery = new WebhookDelivery(id, webhook, 1, undelivered.Notice);
        await bus.Send(QueueNames.Webhooks, delivery.ToMessage() with { Id = $"{id}:{ids.Nonce()}" }, cancel: cancel);
        return true;
    }

    private static string IdOf(Webhook webhook, Notice notice) => IdOf(webhook.Name, $"{webhook.Created:O}", notice);

    private static string IdOf(string webhook, string made, Notice notice) =>
        "msg_" + Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{notice.Workspace}\n{webhook}\n{made}\n{notice.Type}\n{notice.Id}")).AsSpan(0, 16));
}
