using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Notifications;

/// <summary>The webhooks of every workspace, in the platform container.</summary>
/// <param name="notices">Told of those that cannot be read.</param>
public sealed class WebhookStore(IObjectStore platform, DamageNotices? notices = null)
{
    public async Task<Webhook?> Find(string workspace, string name, CancellationToken cancel = default) =>
        (await platform.Get(PlatformPaths.Webhook(workspace, name), cancel: cancel))?.Json<Webhook>();

    /// <summary>All that can be read, by name, and those that cannot.</summary>
    public async Task<(IReadOnlyList<Webhook> Webhooks, IReadOnlyList<DamagedRecord> Damaged)> List(string workspace, CancellationToken cancel = default)
    {
        var (webhooks, damaged) = (new List<Webhook>(), new List<DamagedRecord>());
        await foreach (var stored in platform.List(PlatformPaths.WebhooksOf(workspace), cancel: cancel))
        {
            var read = await platform.Read<Webhook>(stored.Key, cancel);
            if (read.Found is { Record: var webhook }) webhooks.Add(webhook);
            if (read.Damage is not { } damage) continue;
            notices?.Tell(damage);
            damaged.Add(damage);
        }

        return (webhooks, damaged);
    }

    /// <summary>Stores what was made of the webhook as it is, or of null when there is none.</summary>
    /// <param name="change">Null: leave it as it is. May be called more than once.</param>
    /// <returns>What is stored now.</returns>
    public async Task<Webhook?> Change(string workspace, string name, Func<Webhook?, Webhook?> change, CancellationToken cancel = default)
    {
        var key = PlatformPaths.Webhook(workspace, name);
        while (true)
        {
            var stored = await platform.Get(key, cancel: cancel);
            var current = stored?.Json<Webhook>();
            if (change(current) is not { } changed) return current;
            if ((await platform.PutJson(key, changed, stored is null ? PutCondition.IfAbsent : PutCondition.IfMatch(stored.Object.ETag), cancel: cancel)).Stored) return changed;
        }
    }

    /// <summary>Removes the webhook with what it did not take.</summary>
    /// <returns>False when there is none.</returns>
    public async Task<bool> Remove(string workspace, string name, CancellationToken cancel = default)
    {
        var removed = await platform.Delete(PlatformPaths.Webhook(workspace, name), cancel: cancel) == DeleteOutcome.Deleted;
        await foreach (var left in platform.List(PlatformPaths.UndeliveredOf(workspace, name), cancel: cancel)) await platform.Delete(left.Key, cancel: cancel);
        return removed;
    }

    public Task PutAside(string workspace, string webhook, Undelivered notice, CancellationToken cancel = default) =>
        platform.PutJson(PlatformPaths.Undelivered(workspace, webhook, notice.Id), notice, cancel: cancel);

    public async Task<IReadOnlyList<Undelivered>> Undelivered(string workspace, string webhook, int limit, CancellationToken cancel = default)
    {
        var notices = new List<Undelivered>();
        await foreach (var stored in platform.List(PlatformPaths.UndeliveredOf(workspace, webhook), cancel: cancel))
        {
            if ((await platform.Read<Undelivered>(stored.Key, cancel)).Found is { Record: var notice }) notices.Add(notice);
            if (notices.Count == limit) break;
        }

        return [.. notices.OrderBy(notice => notice.At)];
    }

    public async Task<Undelivered?> FindUndelivered(string workspace, string webhook, string id, CancellationToken cancel = default) =>
        (await platform.Get(PlatformPaths.Undelivered(workspace, webhook, id), cancel: cancel))?.Json<Undelivered>();

    public Task RemoveUndelivered(string workspace, string webhook, string id, CancellationToken cancel = default) =>
        platform.Delete(PlatformPaths.Undelivered(workspace, webhook, id), cancel: cancel);
}
