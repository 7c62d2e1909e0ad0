using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Serverless.Core.Runs.Settled;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>Which runs to list. Null: any.</summary>
/// <param name="States">Empty: any.</param>
public sealed record RunFilter(string? Project = null, string? Experiment = null, IReadOnlyList<RunState>? States = null, string? Tag = null)
{
    internal bool IsAny => Project is null && Experiment is null && States is not { Count: > 0 } && Tag is null;

    public bool Matches(RunSummary run) =>
        (Project is null || run.Project == Project)
        && (Experiment is null || run.Experiment == Experiment)
        && (States is not { Count: > 0 } || States.Contains(run.State))
        && (Tag is null || run.Tags.Contains(Tag, StringComparer.Ordinal));
}

/// <summary>
/// Lists runs, newest first. A page of all runs is read from the summaries in their objects' metadata; whoever looks at many asks the index, which is
/// derived from them: what ended runs came to, in a few segments (docs/decisions/0226).
/// </summary>
/// <remarks>
/// Whoever changes a run says so before: a run that goes on is in <c>active/</c>, and one that has ended gets a <see cref="SettledMark"/> before it
/// leaves that, and before each later change. So a reader lists first what is active, then the marks, then reads the manifest, and looks at the
/// runs that the first two name: what is in neither had its last change taken into a manifest that was written before.
/// </remarks>
public sealed class RunIndex(IObjectStore store, ILogger? log = null)
{
    /// <summary>Some 1 KiB each; beyond it the cache begins anew.</summary>
    private const int MaxCached = 50_000;

    /// <summary>Who lists and finds so many marks takes them in.</summary>
    private const int ManyMarks = 256;

    /// <summary>A segment is at least so many times as long as the one after it: so they are few, and none is often written again.</summary>
    private const int SegmentGrowth = 4;
    private const int LookingDegree = 16;

    /// <summary>A change that was announced so long ago is not made any more.</summary>
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromDays(1);

    // A summary is true of one ETag for ever.
    private readonly ConcurrentDictionary<string, (string ETag, RunSummary Summary)> cache = new(StringComparer.Ordinal);
    private readonly SegmentFiles files = new(store);
    private SettledRuns? latest;

    private SemaphoreSlim Loading { get; } = new(1);

    /// <param name="limit">At least 1.</param>
    /// <param name="after">The last run of the page before.</param>
    public async Task<RunList> List(RunFilter filter, int limit, string? after = null, CancellationToken cancel = default)
    {
        if (filter.IsAny)
        {
            var page = await Walk(after, cancel).Collect(limit);
            return Page([.. page.Found.Select(entry => entry.Run!)], page.HasMore, page.Damaged);
        }

        var now = await Now(cancel);
        var found = now.Runs(after).Where(filter.Matches).Take(limit + 1).ToList();
        return Page([.. found.Take(limit)], found.Count > limit, now.Damaged(after));

        static RunList Page(IReadOnlyList<RunSummary> runs, bool hasMore, IReadOnlyList<DamagedRecord> damaged) =>
            new(runs, hasMore ? runs[^1].Id : null, DamagedRecord.Listed(damaged));
    }

    /// <summary>Null when there is no such run, or its record is damaged.</summary>
    public async Task<RunSummary?> Find(string id, CancellationToken cancel = default) => (await Look(id, cancel)).Run;

    /// <summary>All runs as they are.</summary>
    internal async Task<RunView> Now(CancellationToken cancel)
    {
        // Behind either of them are runs that the index has not: without them a list would be short, and nobody would know.
        foreach (var prefix in (string[])[WorkspacePaths.Active, WorkspacePaths.SettledMarks])
        {
            if (store.Obstacle(prefix) is { } obstacle) throw new DamagedRecordException(new(prefix.TrimEnd('/'), obstacle));
        }

        var ids = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var entry in store.List(WorkspacePaths.Active, cancel: cancel))
        {
            if (WorkspacePaths.ActiveRunIdOf(entry.Key) is { } id) ids.Add(id);
        }

        var marks = await SettledMark.All(store, cancel);
        var settled = await Settled(cancel);
        var marked = marks.Select(mark => mark.Run).ToHashSet(StringComparer.Ordinal);
        ids.UnionWith(marked);
        ids.UnionWith(settled.ToLookAt);
        var looked = await Look(ids, cancel);
        if (marks.Count >= ManyMarks) await TryTakeIn(settled, marks, [.. looked.Where(entry => marked.Contains(entry.Id))], cancel);
        return new(settled.Runs, looked);
    }

    /// <summary>Takes in what changed since the last time.</summary>
    public async Task Tend(CancellationToken cancel = default)
    {
        var marks = await SettledMark.All(store, cancel);
        if (marks.Count == 0) return;
        var settled = await Settled(cancel);
        var looked = await Look(marks.Select(mark => mark.Run).Distinct().Order(StringComparer.Ordinal), cancel);
        await TryTakeIn(settled, marks, looked, cancel);
    }

    /// <summary>
    /// Looks at every record, once in a while: one may have been put back, edited or taken away by hand, which nobody announces, and a worker of an
    /// earlier version does not know of the index.
    /// </summary>
    /// <returns>Runs that have not ended.</returns>
    public async Task<IReadOnlyList<string>> Reconcile(CancellationToken cancel = default)
    {
        var settled = await Settled(cancel);
        var changed = settled.Runs.Select(entry => entry.Id).ToHashSet(StringComparer.Ordinal);
        await foreach (var stored in store.ListVersions(WorkspacePaths.Runs, cancel))
        {
            if (WorkspacePaths.RunIdOf(stored.Key) is not { } id) continue;
            if (settled.Find(id) is { MustBeLookedAt: false, ETag: var etag } && etag == stored.ETag) changed.Remove(id);
            else changed.Add(id);
        }

        var looked = await Look(changed.Order(StringComparer.Ordinal), cancel);
        var (going, ended) = (looked.Where(IsGoing), looked.Where(entry => !IsGoing(entry) || settled.Find(entry.Id) is not null));
        await RemoveLeftovers(await TryTakeIn(settled, [], [.. ended], cancel), cancel);
        return [.. going.Select(entry => entry.Id)];

        static bool IsGoing(SettledEntry entry) => entry.Run is { State.IsTerminal: false };
    }

    /// <param name="after">Those that come after this one.</param>
    private IAsyncEnumerable<ListedRecord<SettledEntry>> Walk(string? after = null, CancellationToken cancel = default) =>
        store.Records<SettledEntry>(WorkspacePaths.Runs, key => WorkspacePaths.RunIdOf(key) is not null,
        async stored => await Entry(WorkspacePaths.RunIdOf(stored.Key)!, stored, cancel) is var entry && entry.Damage is { } damage
            ? (null, damage)
            : entry.IsGone ? default : (entry, null),
        after is null ? null : WorkspacePaths.Run(after), cancel);

    /// <param name="ids">In their order, each once.</param>
    private async Task<SettledEntry[]> Look(IEnumerable<string> ids, CancellationToken cancel)
    {
        var looked = new List<SettledEntry>();
        foreach (var some in ids.Chunk(LookingDegree)) looked.AddRange(await Task.WhenAll(some.Select(id => Look(id, cancel))));
        return [.. looked];
    }

    private async Task<SettledEntry> Look(string id, CancellationToken cancel)
    {
        var key = WorkspacePaths.Run(id);
        if ((await store.Head(key, cancel)).Value is { } stored) return await Entry(id, stored, cancel);
        return new(id, Damage: store.Obstacle(key) is { } obstacle ? new(key, obstacle) : null);
    }

    /// <summary>Gone when the run was deleted meanwhile.</summary>
    private async ValueTask<SettledEntry> Entry(string id, StoredObject stored, CancellationToken cancel)
    {
        if (cache.TryGetValue(stored.Key, out var cached) && cached.ETag == stored.ETag) return new(id, stored.ETag, cached.Summary);
        if (RunSummary.FromMetadata(stored.Metadata) is not { } summary || summary.Id != id)
        {
            var read = await new RunStore(store).Read(id, cancel);
            if (read.Found is not { Record: var run, Object.ETag: var etag }) return new(id, Damage: read.Damage);
            if (etag != stored.ETag) return new(id, etag, RunSummary.Of(run));
            summary = RunSummary.Of(run);
        }

        if (cache.Count >= MaxCached) cache.Clear();
        cache[stored.Key] = (stored.ETag, summary);
        return new(id, stored.ETag, summary);
    }

    /// <summary>The index as it is stored; made anew when there is none, or it cannot be read.</summary>
    private async Task<SettledRuns> Settled(CancellationToken cancel)
    {
        for (var tries = 0; ; tries++)
        {
            var read = await store.Read<RunIndexManifest>(WorkspacePaths.RunIndexManifest, cancel);
            if (read.Found is { Object.ETag: var etag } && latest is { } known && known.ETag == etag) return known;
            await Loading.WaitAsync(cancel);
            try
            {
                if (read.IsMissing) return await Build(PutCondition.IfAbsent, cancel);
                if (read.Found is not { } found) return await Build(read.Damage!, cancel);
                if (await Load(found, cancel) is { } loaded) return latest = loaded;

                // One that replaced it may have removed its segments: then there is another manifest.
                if (tries > 0 && (await store.Head(WorkspacePaths.RunIndexManifest, cancel)).Value?.ETag == found.Object.ETag)
                {
                    log?.IndexRebuilt("a segment of it is missing or damaged");
                    return await Build(PutCondition.IfMatch(found.Object.ETag), cancel);
                }
            }
            finally
            {
                Loading.Release();
            }
        }
    }

    private async Task<SettledRuns?> Load(StoredRecord<RunIndexManifest> manifest, CancellationToken cancel)
    {
        if (latest is { } known && known.ETag == manifest.Object.ETag) return known;
        var had = (latest?.Segments ?? []).ToDictionary(one => one.Segment, one => one.Entries);
        var segments = new List<(RunIndexSegment, SettledEntry[])>();
        foreach (var segment in manifest.Record.Segments)
        {
            try
            {
                if ((had.GetValueOrDefault(segment) ?? await files.Read(segment, cancel)) is not { } entries) return null;
                segments.Add((segment, entries));
            }
            catch (InvalidDataException)
            {
                return null;
            }
        }

        return new(manifest.Object.ETag, segments);
    }

    private async Task<SettledRuns> Build(DamagedRecord damage, CancellationToken cancel)
    {
        log?.IndexRebuilt($"{damage}");
        var there = damage.IsNewer ? null : (await store.Head(WorkspacePaths.RunIndexManifest, cancel)).Value;
        return await Build(there is null ? null : PutCondition.IfMatch(there.ETag), cancel);
    }

    /// <param name="condition">Null: it cannot be stored, and is used only once.</param>
    private async Task<SettledRuns> Build(PutCondition? condition, CancellationToken cancel)
    {
        var entries = new List<SettledEntry>();
        await foreach (var one in Walk(cancel: cancel))
        {
            if ((one.Found ?? (WorkspacePaths.RunIdOf(one.Key) is { } id ? new(id, Damage: one.Damage) : null)) is { } entry) entries.Add(entry);
        }

        var unsaved = new SettledRuns(null, [(new("", entries.Count), [.. entries])]);
        return condition is { } allowed && await TryStore(unsaved.Segments, allowed, cancel) is { } stored ? latest = stored : unsaved;
    }

    /// <summary>Takes in what was looked at; whoever does the same at the same time may be first.</summary>
    /// <param name="looked">In order of ids, read after <paramref name="settled"/> and the marks; each run that has a mark is among them.</param>
    private async Task<SettledRuns> TryTakeIn(
        SettledRuns settled, IReadOnlyList<SettledMark> marks, SettledEntry[] looked, CancellationToken cancel)
    {
        if (settled.ETag is not { } etag) return settled;
        var changed = looked.Where(entry => settled.Find(entry.Id) is { } known
            ? known.ETag != entry.ETag || known.Damage != entry.Damage
            : !entry.IsGone).ToArray();
        if (changed.Length > 0)
        {
            var segments = settled.Segments.Append((Segment: new RunIndexSegment("", changed.Length), Entries: changed)).ToList();
            while (segments is [.., var older, var newer] && older.Entries.Length < SegmentGrowth * newer.Entries.Length)
            {
                var merged = SettledRuns.Merge(older.Entries, newer.Entries);

                // Nothing older is there that it could be gone from.
                if (segments.Count == 2) merged = [.. merged.Where(entry => !entry.IsGone)];
                segments = [.. segments[..^2], (new("", merged.Length), merged)];
            }

            if (await TryStore(segments, PutCondition.IfMatch(etag), cancel) is not { } stored) return settled;
            await RemoveSegments(settled, stored, cancel);
            settled = latest = stored;
        }

        var now = looked.ToDictionary(entry => entry.Id, StringComparer.Ordinal);
        foreach (var mark in marks)
        {
            var isDone = mark.IsDoneAt(now[mark.Run].ETag) || (await store.Head(mark.Object.Key, cancel)).Now - mark.Object.Modified > ForgottenAfter;
            if (isDone) await store.Delete(mark.Object.Key, mark.Object.ETag, cancel);
        }

        return settled;
    }

    /// <param name="segments">Those without a name are not stored yet.</param>
    /// <returns>Null: somebody was first, or it cannot be stored.</returns>
    private async Task<SettledRuns?> TryStore(
        IReadOnlyList<(RunIndexSegment Segment, SettledEntry[] Entries)> segments, PutCondition condition, CancellationToken cancel)
    {
        try
        {
            var named = new List<(RunIndexSegment Segment, SettledEntry[] Entries)>();
            foreach (var (segment, entries) in segments)
            {
                named.Add(segment.Name.Length > 0 ? (segment, entries) : await files.Write(entries, cancel));
            }

            var put = await store.PutJson(
                WorkspacePaths.RunIndexManifest, new RunIndexManifest([.. named.Select(one => one.Segment)]), condition, cancel: cancel);
            return put.Stored ? new(put.Object!.ETag, named) : null;
        }
        catch (Exception e) when (e is StoreFullException or StoreUnavailableException or KeyConflictException)
        {
            // Nothing is lost that is not in the records: the next one who lists tries again.
            log?.IndexNotStored(e.Message);
            return null;
        }
    }

    private async Task RemoveSegments(SettledRuns before, SettledRuns now, CancellationToken cancel)
    {
        foreach (var name in before.Segments.Select(one => one.Segment.Name).Except(now.Segments.Select(one => one.Segment.Name)))
        {
            await files.Delete(name, cancel);
        }
    }

    /// <summary>Segments of those who died before they named them, or were not the first to.</summary>
    private async Task RemoveLeftovers(SettledRuns settled, CancellationToken cancel)
    {
        if (settled.ETag is null) return;
        await foreach (var stored in store.List(WorkspacePaths.RunIndexSegments, cancel: cancel))
        {
            var isNamed = settled.Segments.Any(one => WorkspacePaths.RunIndexSegment(one.Segment.Name) == stored.Key);
            if (isNamed || (await store.Head(stored.Key, cancel)).Now - stored.Modified < TimeSpan.FromHours(1)) continue;
            await store.Delete(stored.Key, stored.ETag, cancel);
        }
    }
}
