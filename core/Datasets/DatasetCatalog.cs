using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>The datasets of a workspace and their versions, as they are stored.</summary>
public sealed class DatasetCatalog(IObjectStore store)
{
    private const int Remembered = 16;

    // A version never changes, but to be deleted; whoever uses one that was remembered finds its contents for days.
    private readonly ConcurrentDictionary<string, (string ETag, DatasetVersion Version)> read = new(StringComparer.Ordinal);

    /// <summary>
    /// The versions of one dataset, or of all in order of name, oldest first; deleted ones included, damaged ones by their names only.
    /// </summary>
    public async IAsyncEnumerable<DatasetEntry> Entries(string? name = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var prefix = name is null ? WorkspacePaths.Datasets : WorkspacePaths.DatasetVersionsOf(name);
        await foreach (var (key, info, damage) in store.Records(
            prefix, key => WorkspacePaths.DatasetVersionOf(key) is not null, InfoOf, cancel: cancel))
        {
            if (WorkspacePaths.DatasetVersionOf(key) is var (dataset, number)) yield return new(dataset, number, info, damage);
        }

        async ValueTask<(DatasetVersionInfo?, DamagedRecord?)> InfoOf(StoredObject stored)
        {
            if (DatasetVersionInfo.From(stored.Metadata) is { } info) return (info, null);
            var read = await store.Read<DatasetVersion>(stored.Key, cancel);
            return (read.Found is { Record: var version } ? DatasetVersionInfo.Of(version) : null, read.Damage);
        }
    }

    /// <summary>The entries that can be read.</summary>
    public async IAsyncEnumerable<DatasetVersionInfo> Versions(string? name = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var entry in Entries(name, cancel))
        {
            if (entry.Info is { } info) yield return info;
        }
    }

    /// <param name="name">Null: all.</param>
    public async Task<DatasetList> List(string? name = null, CancellationToken cancel = default)
    {
        var entries = new List<DatasetEntry>();
        await foreach (var entry in Entries(name, cancel)) entries.Add(entry);
        return new(
            [.. entries.Select(entry => entry.Info).OfType<DatasetVersionInfo>().GroupBy(version => version.Name)
                .Select(dataset => new DatasetInfo(dataset.Key, [.. dataset.Reverse()]))],
            DamagedRecord.Listed([.. entries.Select(entry => entry.Damage).OfType<DamagedRecord>()]));
    }

    /// <exception cref="DamagedRecordException">Its record is damaged.</exception>
    public async Task<DatasetVersion?> Get(string name, int number, CancellationToken cancel = default) =>
        (await Load(name, number, cancel))?.Version;

    /// <summary>One of many: null also when its record is damaged.</summary>
    public async Task<DatasetVersion?> Sound(string name, int number, CancellationToken cancel = default)
    {
        try
        {
            return await Get(name, number, cancel);
        }
        catch (DamagedRecordException)
        {
            return null;
        }
    }

    /// <summary>The version that a reference stands for now, or why there is none.</summary>
    public async Task<(DatasetVersionInfo? Version, string? Problem)> Find(DatasetReference reference, CancellationToken cancel = default)
    {
        var entries = new List<DatasetEntry>();
        await foreach (var entry in Entries(reference.Name, cancel)) entries.Add(entry);
        var all = entries.Select(entry => entry.Info).OfType<DatasetVersionInfo>().ToList();

        // Another version in the place of the one that was meant would be a silent change of an input.
        var meant = reference.Number is { } wanted
            ? entries.Find(entry => entry.Number == wanted)
            : reference.Hash is null ? entries.LastOrDefault() : null;
        if (meant?.Damage is { } damage) return (null, $"{damage}; see: exp doctor");
        if (reference is { Number: null, Hash: null } && await HighestGiven(reference.Name, cancel) is var highest && highest > (meant?.Number ?? 0))
        {
            return (null,
                string.Create(CultureInfo.InvariantCulture,
                    $"the record of {reference.Name}:{highest}, the latest version, is lost; name another version, or see: exp doctor"));
        }

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

    /// <summary>The highest number that a content ever had, even if the record of that version is lost: runs may name it.</summary>
    internal async Task<int> HighestGiven(string name, CancellationToken cancel)
    {
        var highest = 0;
        await foreach (var given in store.List(
            WorkspacePaths.GivenNumbersOf(name), cancel: cancel)) highest = Math.Max(highest, WorkspacePaths.GivenNumberOf(given.Key)?.Number ?? 0);
        return highest;
    }

    internal async Task<bool> WasGiven(string name, int number, CancellationToken cancel) =>
        (await store.Head(WorkspacePaths.GivenNumber(name, number), cancel)).Value is not null;

    /// <summary>All numbers that contents ever had.</summary>
    internal async Task<HashSet<(string Name, int Number)>> Given(CancellationToken cancel)
    {
        var all = new HashSet<(string, int)>();
        await foreach (var given in store.List(WorkspacePaths.GivenNumbers, cancel: cancel))
        {
            if (WorkspacePaths.GivenNumberOf(given.Key) is { } version) all.Add(version);
        }

        return all;
    }

    internal async Task<(string ETag, DatasetVersion Version)?> Load(string name, int number, CancellationToken cancel)
    {
        var key = WorkspacePaths.DatasetVersion(name, number);
        if (read.TryGetValue(key, out var known) && (await store.Head(key, cancel)).Value?.ETag == known.ETag) return known;
        if ((await store.Read<DatasetVersion>(key, cancel)).OrThrow() is not { } found) return null;
        if (read.Count >= Remembered) read.Clear();
        return read[key] = (found.Object.ETag, found.Record);
    }
}

/// <summary>A version in a listing.</summary>
/// <param name="Info">Null: its record is damaged.</param>
public sealed record DatasetEntry(string Name, int Number, DatasetVersionInfo? Info, DamagedRecord? Damage);
