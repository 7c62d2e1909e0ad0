using System.Collections.Concurrent;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>Which runs to list. Null: any.</summary>
/// <param name="States">Empty: any.</param>
public sealed record RunFilter(string? Project = null, string? Experiment = null, IReadOnlyList<RunState>? States = null, string? Tag = null)
{
    public bool Matches(RunSummary run) =>
        (Project is null || run.Project == Project)
        && (Experiment is null || run.Experiment == Experiment)
        && (States is not { Count: > 0 } || States.Contains(run.State))
        && (Tag is null || run.Tags.Contains(Tag, StringComparer.Ordinal));
}

/// <summary>Lists runs from the summaries in their objects' metadata, newest first; no record is read that has one.</summary>
public sealed class RunIndex(IObjectStore store)
{
    /// <summary>Some 1 KiB each; beyond it the cache begins anew.</summary>
    private const int MaxCached = 50_000;

    // A summary is true of one ETag for ever.
    private readonly ConcurrentDictionary<string, (string ETag, RunSummary Summary)> cache = new(StringComparer.Ordinal);

    /// <param name="limit">At least 1.</param>
    /// <param name="after">The last run of the page before.</param>
    public async Task<RunList> List(RunFilter filter, int limit, string? after = null, CancellationToken cancel = default)
    {
        var runs = await Read(after, cancel).Collect(limit, filter.Matches);
        return new(runs.Found, runs.HasMore ? runs.Found[^1].Id : null, DamagedRecord.Listed(runs.Damaged));
    }

    /// <summary>All runs, newest first.</summary>
    /// <param name="after">Those that come after this one.</param>
    public IAsyncEnumerable<ListedRecord<RunSummary>> Read(string? after = null, CancellationToken cancel = default) => store.Records<RunSummary>(
        WorkspacePaths.Runs, key => WorkspacePaths.RunIdOf(key) is not null, stored => Summary(WorkspacePaths.RunIdOf(stored.Key)!, stored, cancel),
        after is null ? null : WorkspacePaths.Run(after), cancel);

    /// <summary>Null when there is no such run, or its record is damaged.</summary>
    public async Task<RunSummary?> Find(string id, CancellationToken cancel = default) =>
        (await store.Head(WorkspacePaths.Run(id), cancel)).Value is { } stored ? (await Summary(id, stored, cancel)).Summary : null;

    /// <summary>Neither when the run was deleted meanwhile.</summary>
    private async ValueTask<(RunSummary? Summary, DamagedRecord? Damage)> Summary(string id, StoredObject stored, CancellationToken cancel)
    {
        if (cache.TryGetValue(stored.Key, out var cached) && cached.ETag == stored.ETag) return (cached.Summary, null);
        if (RunSummary.FromMetadata(stored.Metadata) is not { } summary || summary.Id != id)
        {
            var read = await new RunStore(store).Read(id, cancel);
            if (read.Found is not { Record: var run }) return (null, read.Damage);
            summary = RunSummary.Of(run);
        }

        if (cache.Count >= MaxCached) cache.Clear();
        cache[stored.Key] = (stored.ETag, summary);
        return (summary, null);
    }
}
