using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>
/// Checkpoints that another run starts from: they stay although their own run goes on and forgets them. Whoever wants one puts a note first and then
/// sees whether the record still names it; whoever deletes asks for notes after the record has
/// forgotten. So either the note is seen or the checkpoint was known to be gone.
/// </summary>
public static class HeldCheckpoints
{
    /// <summary>Before the last look at the record.</summary>
    public static async Task Hold(IObjectStore store, string runId, CheckpointRef checkpoint, CancellationToken cancel = default) =>
        await store.Put(
            WorkspacePaths.HeldCheckpoint(runId, checkpoint.Epoch, checkpoint.Step, WorkspacePaths.CheckpointSaveOf(checkpoint.Manifest) ?? 1), [],
            PutCondition.IfAbsent, cancel: cancel);

    /// <summary>Manifests of a run's checkpoints that are held.</summary>
    internal static async Task<IReadOnlyList<string>> Of(IObjectStore store, string runId, CancellationToken cancel)
    {
        var held = new List<string>();
        await foreach (var note in store.List(WorkspacePaths.HeldCheckpoints(runId), cancel: cancel))
        {
            // A note that came too late holds nothing.
            if (WorkspacePaths.HeldCheckpointOf(note.Key) is var (epoch, step, save)
                && WorkspacePaths.CheckpointManifest(runId, epoch, step, save) is var manifest
                && (await store.Head(manifest, cancel)).Value is not null)
            {
                held.Add(manifest);
            }
        }

        return held;
    }
}
