using Serverless.Core.Code;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.GpuWorker.Prepare;

/// <summary>Unpacked code snapshots by tree hash.</summary>
sealed class SnapshotCache(FolderCache folders)
{
    /// <exception cref="PreparationException">The snapshot is missing, refused, or not what its hashes say.</exception>
    public Task<CacheEntry> Get(IObjectStore store, CodeRef code, Action<string> say, CancellationToken cancel) =>
        folders.GetOrMake(code.Tree, folder => Unpack(store, code, folder, cancel), say, cancel);

    private static async Task Unpack(IObjectStore store, CodeRef code, string folder, CancellationToken cancel)
    {
        var zip = await store.Get(WorkspacePaths.Code(code.Snapshot), cancel: cancel)
            ?? throw new PreparationException(Cause.Invalid, $"the code snapshot {code.Snapshot} is not in the workspace");
        try
        {
            var facts = CodePackage.Unpack(new MemoryStream(zip.Body), folder, cancel: cancel);
            if (facts.Sha256 == code.Snapshot && facts.Tree == code.Tree) return;
            throw new PreparationException(Cause.Invalid, $"the code snapshot {code.Snapshot} is damaged: its content has another hash");
        }
        catch (SnapshotRefusedException refused)
        {
            throw new PreparationException(Cause.Invalid, $"the code snapshot is refused: {refused.Message}");
        }
    }
}
