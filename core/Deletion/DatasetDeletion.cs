using Microsoft.Extensions.Logging;
using Serverless.Core.Datasets;
using Serverless.Core.Lineage;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Deletion;

/// <summary>
/// Deletes versions. Their objects stay, marked, so that no number is ever given to another content; contents that no version needs go days later.
/// </summary>
public sealed class DatasetDeletion(IObjectStore store, DatasetCatalog catalog, LineageReader lineage, ILogger? log = null)
{
    /// <param name="force">Also when runs used it.</param>
    /// <exception cref="DamagedRecordException">Its record is damaged.</exception>
    public async Task<DeletionResult> Delete(string name, int number, bool force, CancellationToken cancel = default)
    {
        while (true)
        {
            var (key, found) = (WorkspacePaths.DatasetVersion(name, number), await catalog.Load(name, number, cancel));
            if (found?.Version.Deleted is not null || (found is null && !await catalog.WasGiven(name, number, cancel)))
            {
                return new DeletionResult.Missing();
            }

            // One whose record is lost is given up: from then on it is known to need nothing.
            var now = (await store.Head(key, cancel)).Now;
            var version = found?.Version ?? new(name, number, "", now, null, null, []);
            if (!force && await lineage.DependentsOf(version, cancel) is { Any: true } dependents) return new DeletionResult.Needed(dependents);
            var deleted = version with { Deleted = now };
            var condition = found is { ETag: var etag } ? PutCondition.IfMatch(etag) : PutCondition.IfAbsent;
            if ((await store.PutJson(key, deleted, condition, DatasetVersionInfo.Of(deleted).ToMetadata(), cancel)).Stored)
            {
                log?.DatasetDeleted(name, number);
                return new DeletionResult.Deleted();
            }
        }
    }

    /// <summary>Removes contents that no version needs; once a day is enough.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="DamagedRecordException">A version's record is damaged, or lost and may come
    /// back: what it has is not known, so nothing was removed.</exception>
    public Task<int> Sweep(CancellationToken cancel = default) => new ContentStore(store).Sweep(() => Needed(cancel), cancel);

    /// <summary>Contents of what is there, and of what was deleted so lately that a publisher may still count on it.</summary>
    private async Task<IReadOnlySet<string>> Needed(CancellationToken cancel)
    {
        var needed = new HashSet<string>(StringComparer.Ordinal);
        var (_, now) = await store.Head(WorkspacePaths.Datasets + "now", cancel);
        var lost = await catalog.Given(cancel);
        await foreach (var entry in catalog.Entries(cancel: cancel))
        {
            lost.Remove((entry.Name, entry.Number));

            // Nobody knows what it has.
            if (entry.Info is not { } info) throw new DamagedRecordException(entry.Damage!);
            if (info.Deleted is { } at && now - at > ContentStore.KeptUnused) continue;
            var version = await catalog.Get(info.Name, info.Number, cancel)
                ?? throw new InvalidDataException($"dataset {info} was listed and cannot be read; no content is removed");
            needed.UnionWith(version.Files.Select(file => file.Sha256));
        }

        if (lost.Count > 0)
        {
            var (name, number) = lost.Min();
            throw new DamagedRecordException(new(
                WorkspacePaths.DatasetVersion(name, number), "it is missing, and no content of a dataset is removed while nobody knows what it has"));
        }

        return needed;
    }
}
