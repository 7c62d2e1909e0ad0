using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>
/// Deletes pieces and manifests of a run's checkpoints that its record no longer leads to. For the owner of <paramref name="epoch"/>, between two
/// commits: nobody else writes checkpoints of attempts up to its own that could still be committed, and what attempts after it write is not looked
/// at, so that an owner that was replaced without knowing deletes nothing that its successor needs: the
/// successor shares only pieces that the record led to when it claimed the run.
/// </summary>
public sealed class CheckpointSweep(IObjectStore store, string runId, int epoch)
{
    private readonly Dictionary<string, HashSet<string>> pieces = new(StringComparer.Ordinal);

    /// <summary>Attempts with pieces that were needed at the last sweep; null: not known yet.</summary>
    private HashSet<int>? inUse;

    /// <summary>
    /// Everything that the manifests lead to, and those that are held (see <see cref="HeldCheckpoints"/>), themselves included; null when one of them
    /// cannot be found or read, and then nothing may be deleted.
    /// </summary>
    public async Task<IReadOnlySet<string>?> Needed(IEnumerable<string> manifests, CancellationToken cancel = default)
    {
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var manifest in manifests.Concat(await HeldCheckpoints.Of(store, runId, cancel)).Distinct())
        {
            if (!pieces.TryGetValue(manifest, out var its))
            {
                if (await Read(manifest, cancel) is not { } read) return null;
                its = pieces[manifest] = [.. read.Pieces.Select(chunk => chunk.Key)];
            }

            needed.Add(manifest);
            needed.UnionWith(its);
        }

        foreach (var gone in pieces.Keys.Where(manifest => !needed.Contains(manifest)).ToList()) pieces.Remove(gone);
        return needed;
    }

    /// <summary>Deletes what is not needed. Safe to repeat.</summary>
    /// <param name="everywhere">Also where nothing was needed at the last sweep: what attempts left that died before they could commit it.</param>
    public async Task Delete(IReadOnlySet<string> needed, bool everywhere, CancellationToken cancel = default)
    {
        var epochs = everywhere || inUse is null ? Enumerable.Range(1, epoch) : inUse.Append(epoch).Distinct();
        foreach (var attempt in epochs.ToList())
        {
            await foreach (var found in store.List(WorkspacePaths.CheckpointsOf(runId, attempt), cancel: cancel))
            {
                if (!needed.Contains(found.Key)) await store.Delete(found.Key, found.ETag, cancel);
            }
        }

        inUse = [.. Enumerable.Range(1, epoch).Where(
            attempt => needed.Any(key => key.StartsWith(WorkspacePaths.CheckpointsOf(runId, attempt), StringComparison.Ordinal)))];
    }

    private async Task<CheckpointManifest?> Read(string manifest, CancellationToken cancel) =>
        (await store.Read<CheckpointManifest>(manifest, cancel)).Found?.Record;
}
