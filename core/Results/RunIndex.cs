using System.Collections.Concurrent;
using System.Text.Json;
using Serverless.Core.Api;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Results;

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
        var found = new List<RunSummary>();
        await foreach (var stored in store.List(WorkspacePaths.Runs, after is null ? null : WorkspacePaths.Run(after), cancel))
        {
            if (WorkspacePaths.RunIdOf(stored.Key) is not { } id || await Summary(id, stored, cancel) is not { } run || !filter.Matches(run)) continue;
            if (found.Count == limit) return new(found, found[^1].Id);
            found.Add(run);
        }

        return new(found, null);
    }

    /// <summary>Null when there is no such run.</summary>
    public async Task<RunSummary?> Find(string id, CancellationToken cancel = default) =>
        (await store.Head(WorkspacePaths.Run(id), cancel)).Value is { } stored ? await Summary(id, stored, cancel) : null;

    private async ValueTask<RunSummary?> Summary(string id, StoredObject stored, CancellationToken cancel)
    {
        if (cache.TryGetValue(stored.Key, out var cached) && cached.ETag == stored.ETag) return cached.Summary;
        if ((FromMetadata(stored) ?? await FromRecord(id, cancel)) is not { } summary) return null;
        if (cache.Count >= MaxCached) cache.Clear();
        cache[stored.Key] = (stored.ETag, summary);
        return summary;
    }

    private static RunSummary? FromMetadata(StoredObject stored)
    {
        try
        {
            return RunSummary.FromMetadata(stored.Metadata);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Null when the run was deleted meanwhile.</summary>
    private async Task<RunSummary?> FromRecord(string id, CancellationToken cancel) =>
        await new RunStore(store).Load(id, cancel) is { Run: var run } ? RunSummary.Of(run) : null;
}
