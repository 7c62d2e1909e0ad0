using Microsoft.Extensions.Logging;
using Serverless.Core.Datasets;
using Serverless.Core.Lineage;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Deletion;

/// <summary>Deletes versions. Their objects stay, marked, so that no number is ever given to another content; contents that no version needs go days later.</summary>
public sealed class DatasetDeletion(IObjectStore store, DatasetCatalog catalog, LineageReader lineage, ILogger? log = null)
{
    /// <param name="force">Also when runs used it.</param>
    public async Task<DeletionResult> Delete(string name, int number, bool force, CancellationToken cancel = default)
    {
        while (true)
        {
            if (await catalog.Load(name, number, cancel) is not { Version: { Deleted: null } version, ETag: var etag }) return new DeletionResult.Missing();
            if (!force && await lineage.DependentsOf(version, cancel) is { Any: true } dependents) return new DeletionResult.Needed(dependents);
            var key = WorkspacePaths.DatasetVersion(name, number);
            var deleted = version with { Deleted = (await store.Head(key, cancel)).Now };
            if ((await store.PutJson(key, deleted, PutCondition.IfMatch(etag), DatasetVersionInfo.Of(deleted).ToMetadata(), cancel)).Stored)
            {
                log?.DatasetDeleted(name, number);
                return new DeletionResult.Deleted();
            }
        }
    }

    /// <summary>Removes contents that no version needs; once a day is enough.</summary>
    /// <returns>How many.</returns>
    public Task<int> Sweep(CancellationToken cancel = default) => new ContentStore(store).Sweep(() => Needed(cancel), cancel);

    /// <summary>Contents of what is there, and of what was deleted so lately that a publisher may still count on it.</summary>
    private async Task<IReadOnlySet<string>> Needed(CancellationToken cancel)
    {
        var needed = new HashSet<string>(StringComparer.Ordinal);
        var (_, now) = await store.Head(WorkspacePaths.Datasets + "now", cancel);
        await foreach (var entry in catalog.Entries(cancel: cancel))
        {
            // Nobody knows what it has.
            if (entry.Info is not { } info) throw new DamagedRecordException(entry.Damage!);
            if (info.Deleted is { } at && now - at > ContentStore.KeptUnused) continue;
            var version = await catalog.Get(info.Name, info.Number, cancel) ?? throw new InvalidDataException($"dataset {info} was listed and cannot be read; no content is removed");
            needed.UnionWith(version.Files.Select(file => file.Sha256));
        }

        return needed;
    }
}
