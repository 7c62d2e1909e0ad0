using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Serverless.Core.Api;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>The datasets of a workspace and their versions, as they are stored.</summary>
public sealed class DatasetCatalog(IObjectStore store)
{
    private const int Remembered = 16;

    // A version never changes, but to be deleted; whoever uses one that was remembered finds its contents for days.
    private readonly ConcurrentDictionary<string, (string ETag, DatasetVersion Version)> read = new(StringComparer.Ordinal);

    /// <summary>The versions of one dataset, or of all in order of name, oldest first; deleted ones included.</summary>
    public async IAsyncEnumerable<DatasetVersionInfo> Versions(string? name = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var stored in store.List(name is null ? WorkspacePaths.Datasets : WorkspacePaths.DatasetVersionsOf(name), cancel: cancel))
        {
            if (WorkspacePaths.DatasetVersionOf(stored.Key) is not { } which) continue;
            if (DatasetVersionInfo.From(stored.Metadata) is { } info) yield return info;
            else if (await Get(which.Name, which.Number, cancel) is { } version) yield return DatasetVersionInfo.Of(version);
        }
    }

    /// <param name="name">Null: all.</param>
    public async Task<DatasetList> List(string? name = null, CancellationToken cancel = default)
    {
        var versions = new List<DatasetVersionInfo>();
        await foreach (var version in Versions(name, cancel)) versions.Add(version);
        return new([.. versions.GroupBy(version => version.Name).Select(dataset => new DatasetInfo(dataset.Key, [.. dataset.Reverse()]))]);
    }

    public async Task<DatasetVersion?> Get(string name, int number, CancellationToken cancel = default) => (await Load(name, number, cancel))?.Version;

    /// <summary>The version that a reference stands for now, or why there is none.</summary>
    public async Task<(DatasetVersionInfo? Version, string? Problem)> Find(DatasetReference reference, CancellationToken cancel = default)
    {
        var all = new List<DatasetVersionInfo>();
        await foreach (var version in Versions(reference.Name, cancel)) all.Add(version);
        if (all.Count == 0) return (null, $"there is no dataset '{reference.Name}'{Suggestion.Clause(reference.Name, await Names(cancel))}");
        var living = all.Where(version => !version.IsDeleted).ToList();
        if (reference.Number is { } number)
        {
            return all.Find(version => version.Number == number) switch
            {
                { Deleted: null } found => (found, null),
                { Deleted: { } at } => (null, string.Create(CultureInfo.InvariantCulture, $"{reference} was deleted on {at:yyyy-MM-dd}{Latest()}")),
                null => (null, $"dataset '{reference.Name}' has no version {number}{Latest()}"),
            };
        }

        if (reference.Hash is { } hash)
        {
            return living.Where(version => version.Sha256.StartsWith(hash, StringComparison.Ordinal)).ToList() switch
            {
                [var one] => (one, null),
                [] => (null, $"no version of dataset '{reference.Name}' has a hash that begins with {hash}{Latest()}"),
                _ => (null, $"the hashes of several versions of dataset '{reference.Name}' begin with {hash}; write more of it"),
            };
        }

        return living.Count > 0 ? (living[^1], null) : (null, $"every version of dataset '{reference.Name}' was deleted");

        string Latest() => living.Count > 0 ? $"; its latest is {living[^1]}" : "; all of its versions were deleted";
    }

    public async Task<List<string>> Names(CancellationToken cancel = default)
    {
        var names = new List<string>();
        await foreach (var stored in store.List(WorkspacePaths.Datasets, cancel: cancel))
        {
            if (WorkspacePaths.DatasetVersionOf(stored.Key) is { Name: var name } && (names.Count == 0 || names[^1] != name)) names.Add(name);
        }

        return names;
    }

    internal async Task<(string ETag, DatasetVersion Version)?> Load(string name, int number, CancellationToken cancel)
    {
        var key = WorkspacePaths.DatasetVersion(name, number);
        if (read.TryGetValue(key, out var known) && (await store.Head(key, cancel)).Value?.ETag == known.ETag) return known;
        if (await store.Get(key, cancel: cancel) is not { } found) return null;
        if (read.Count >= Remembered) read.Clear();
        return read[key] = (found.Object.ETag, found.Json<DatasetVersion>());
    }
}
