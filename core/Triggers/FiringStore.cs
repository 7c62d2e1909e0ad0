using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>What is owed about an event, with all that it takes to begin anew: <c>pending/{firing}.json</c>.</summary>
internal sealed record PendingFiring(string Trigger, string Generation, [property: JsonPropertyName("cause")] TriggerEvent Event);

internal sealed record StoredFiring(Firing Firing, string ETag, DateTimeOffset Now);

/// <summary>How often a trigger submitted within the last hour, and how far its schedule has got.</summary>
/// <param name="Generation">Of the trigger that it is about.</param>
internal sealed record TriggerState(string Generation, IReadOnlyList<Admission> Admitted, DateTimeOffset? Through = null)
{
    public static TriggerState Of(TriggerRecord trigger, TriggerState? stored) => stored?.Generation == trigger.Id ? stored : new(trigger.Id, []);
}

internal sealed record Admission(string Firing, DateTimeOffset At);

/// <summary>Reads and writes what triggers did.</summary>
internal sealed class FiringStore(IObjectStore store)
{
    private const string Summary = "summary";
    private static readonly TimeSpan RateWindow = TimeSpan.FromHours(1);

    public async Task<StoredFiring?> Load(string trigger, string id, CancellationToken cancel) =>
        (await store.Read<Firing>(WorkspacePaths.Firing(trigger, id), cancel)).OrThrow() is { } read
            ? new(read.Record, read.Object.ETag, read.Now)
            : null;

    /// <summary>Puts a firing where there is none, or over the version with <paramref name="etag"/>. Null: somebody else did meanwhile.</summary>
    public async Task<StoredFiring?> Put(Firing firing, string? etag, CancellationToken cancel)
    {
        var condition = etag is null ? PutCondition.IfAbsent : PutCondition.IfMatch(etag);
        var summary = JsonSerializer.Serialize(FiringSummary.Of(firing), CoreJson.Options);
        var metadata = summary.Length <= Limits.MetadataBytes - 64 ? new Dictionary<string, string> { [Summary] = summary } : null;
        var put = await store.PutJson(WorkspacePaths.Firing(firing.Trigger, firing.Id), firing, condition, metadata, cancel);
        return put.Stored ? new(firing, put.Object!.ETag, put.Now) : null;
    }

    /// <summary>Newest first. They are listed by what they are of, not by time, so all are looked at.</summary>
    public async Task<RecordList<FiringSummary>> List(string trigger, CancellationToken cancel)
    {
        var all = await store.Records(WorkspacePaths.FiringsOf(trigger), WorkspacePaths.IsRecord, SummaryOf, cancel: cancel).Collect();
        return new([.. all.Found.OrderByDescending(firing => firing.At).ThenBy(firing => firing.Id, StringComparer.Ordinal)], all.Damaged);

        async ValueTask<(FiringSummary?, DamagedRecord?)> SummaryOf(StoredObject stored)
        {
            if (RecordFormat.Summary<FiringSummary>(stored.Metadata, Summary) is { } summary) return (summary, null);
            var read = await store.Read<Firing>(stored.Key, cancel);
            return (read.Found is { Record: var firing } ? FiringSummary.Of(firing) : null, read.Damage);
        }
    }

    /// <summary>Before a firing is written: from now on somebody looks after it.</summary>
    public Task Announce(string id, PendingFiring pending, CancellationToken cancel) =>
        store.PutJson(WorkspacePaths.PendingFiring(id), pending, cancel: cancel);

    public Task Settle(string id, CancellationToken cancel) => store.Delete(WorkspacePaths.PendingFiring(id), cancel: cancel);

    public async IAsyncEnumerable<(string Id, StoredObject Object)> Pending(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var stored in store.List(WorkspacePaths.PendingFirings, cancel: cancel))
        {
            if (WorkspacePaths.PendingFiringIdOf(stored.Key) is { } id) yield return (id, stored);
        }
    }

    public async Task<PendingFiring?> ReadPending(string key, CancellationToken cancel) =>
        (await store.Read<PendingFiring>(key, cancel)).OrThrow()?.Record;

    /// <summary>Counts a firing, once however often it is asked for, among those of the hour; false when there is no room for it.</summary>
    public async Task<(bool Admitted, DateTimeOffset Now)> Admit(TriggerRecord trigger, string firing, CancellationToken cancel)
    {
        while (true)
        {
            var (state, etag, now) = await State(trigger, cancel);
            if (state.Admitted.Any(admission => admission.Firing == firing)) return (true, now);
            var recent = state.Admitted.Where(admission => (now - admission.At).Duration() < RateWindow).ToList();
            if (recent.Count >= trigger.Definition.Limits.PerHour) return (false, now);
            if (await Put(trigger, state with { Admitted = [.. recent, new(firing, now)] }, etag, cancel)) return (true, now);
        }
    }

    /// <summary>What is damaged counts as nothing: no event is acted on twice, whatever is remembered here.</summary>
    public async Task<(TriggerState State, string? ETag, DateTimeOffset Now)> State(TriggerRecord trigger, CancellationToken cancel)
    {
        var key = WorkspacePaths.TriggerState(trigger.Name);
        var read = await store.Read<TriggerState>(key, cancel);
        if (read.Found is { } found) return (TriggerState.Of(trigger, found.Record), found.Object.ETag, found.Now);
        if (read.Damage is { IsNewer: true } newer) throw new DamagedRecordException(newer);
        var (there, now) = await store.Head(key, cancel);
        return (TriggerState.Of(trigger, null), there?.ETag, now);
    }

    /// <summary>The schedule has been dealt with up to here.</summary>
    public async Task Reach(TriggerRecord trigger, DateTimeOffset through, CancellationToken cancel)
    {
        while (true)
        {
            var (state, etag, _) = await State(trigger, cancel);
            if (state.Through >= through || await Put(trigger, state with { Through = through }, etag, cancel)) return;
        }
    }

    private async Task<bool> Put(TriggerRecord trigger, TriggerState state, string? etag, CancellationToken cancel) =>
        (await store.PutJson(WorkspacePaths.TriggerState(trigger.Name), state, etag is null ? PutCondition.IfAbsent : PutCondition.IfMatch(etag),
            cancel: cancel)).Stored;
}
