using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Notifications;

/// <summary>The webhooks of every workspace, in the platform container.</summary>
/// <param name="notices">Told of those that cannot be read.</param>
public sealed class WebhookStore(IObjectStore platform, DamageNotices? notices = null)
{
    public Task<Webhook?> Find(string workspace, string name, CancellationToken cancel = default) =>
        platform.Find<Webhook>(PlatformPaths.Webhook(workspace, name), cancel);

    /// <summary>All that can be read, by name, and those that cannot.</summary>
    public async Task<RecordList<Webhook>> List(string workspace, CancellationToken cancel = default)
    {
        var all = await platform.Records<Webhook>(PlatformPaths.WebhooksOf(workspace), key => PlatformPaths.WebhookNameOf(key) is not null, cancel)
            .Collect();
        foreach (var damage in all.Damaged) notices?.Tell(damage);
        return new([.. all.Found.Select(read => read.Record)], all.Damaged);
    }

    /// <summary>Stores what was made of the webhook as it is, or of null when there is none.</summary>
    /// <param name="change">Null: leave it as it is. May be called more than once.</param>
    /// <returns>What is stored now.</returns>
    public async Task<Webhook?> Change(string workspace, string name, Func<Webhook?, Webhook?> change, CancellationToken cancel = default)
    {
        var key = PlatformPaths.Webhook(workspace, name);
        while (true)
        {
            var stored = (await platform.Read<Webhook>(key, cancel)).OrThrow();
            if (change(stored?.Record) is not { } changed) return stored?.Record;
            if ((await platform.PutJson(
                key, changed, stored is null ? PutCondition.IfAbsent : PutCondition.IfMatch(stored.Object.ETag), cancel: cancel)).Stored)
            {
                return changed;
            }
        }
    }

    /// <summary>Removes the webhook with what it did not take.</summary>
    /// <returns>False when there is none.</returns>
    public async Task<bool> Remove(string workspace, string name, CancellationToken cancel = default)
    {
        var removed = await platform.DeleteRecord(PlatformPaths.Webhook(workspace, name), cancel);
        await foreach (var left in platform.List(PlatformPaths.UndeliveredOf(workspace, name), cancel: cancel)) await platform.Delete(
            left.Key, cancel: cancel);
        return removed;
    }

    public Task PutAside(string workspace, string webhook, Undelivered notice, CancellationToken cancel = default) =>
        platform.PutJson(PlatformPaths.Undelivered(workspace, webhook, notice.Id), notice, cancel: cancel);

    /// <summary>Oldest first.</summary>
    public async Task<RecordList<Undelivered>> Undelivered(string workspace, string webhook, int limit, CancellationToken cancel = default)
    {
        var all = await platform.Records<Undelivered>(PlatformPaths.UndeliveredOf(workspace, webhook), WorkspacePaths.IsRecord, cancel)
            .Collect(limit);
        return new([.. all.Found.Select(read => read.Record).OrderBy(notice => notice.At)], all.Damaged) { HasMore = all.HasMore };
    }

    public Task<Undelivered?> FindUndelivered(string workspace, string webhook, string id, CancellationToken cancel = default) =>
        platform.Find<Undelivered>(PlatformPaths.Undelivered(workspace, webhook, id), cancel);

    public Task RemoveUndelivered(string workspace, string webhook, string id, CancellationToken cancel = default) =>
        platform.Delete(PlatformPaths.Undelivered(workspace, webhook, id), cancel: cancel);
}
