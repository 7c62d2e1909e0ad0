using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Outputs;

/// <summary>Artifacts and checkpoints of a run.</summary>
public sealed class RunOutputs(IObjectStore store)
{
    private const int LookingDegree = 16;

    /// <summary>
    /// What the run's output manifest names; while an attempt lives, what that attempt has uploaded so far (the only listing that readers do, and it
    /// shows nothing that any decision rests on).
    /// </summary>
    public async Task<ArtifactList> Artifacts(RunRecord run, CancellationToken cancel = default)
    {
        if (run.Outputs is { } outputs) return new(run.Id, (await Manifest<OutputManifest>(outputs, cancel)).Artifacts);
        if (!run.State.IsOwned) return new(run.Id, []);
        var prefix = WorkspacePaths.Artifact(run.Id, run.Epoch, "");
        var live = new List<OutputFile>();
        await foreach (var stored in store.List(prefix, cancel: cancel)) live.Add(
            new(stored.Key[prefix.Length..], stored.Key, stored.LengthBytes, Sha256: ""));
        return new(run.Id, live, Live: true);
    }

    /// <summary>Null when the run has no such artifact.</summary>
    public async Task<OutputFile?> Artifact(RunRecord run, string path, CancellationToken cancel = default) =>
        (await Artifacts(run, cancel)).Artifacts.FirstOrDefault(file => file.Path == path);

    public static CheckpointList Checkpoints(RunRecord run) => new(run.Id, run.Checkpoints, run.Head?.Manifest);

    /// <param name="name">A step, or <c>last</c>. Of two checkpoints of one step the later one counts.</param>
    /// <returns>Null when the run keeps no such checkpoint.</returns>
    public async Task<CheckpointManifest?> Checkpoint(RunRecord run, string name, CancellationToken cancel = default)
    {
        var found = name == "last"
            ? run.Head
            : long.TryParse(name, System.Globalization.CultureInfo.InvariantCulture, out var step)
                ? run.Checkpoints.LastOrDefault(checkpoint => checkpoint.Step == step)
                : null;
        return found is null ? null : await Manifest<CheckpointManifest>(found.Manifest, cancel);
    }

    /// <summary>A checkpoint's file, chunk after chunk. It is verified as it is read.</summary>
    /// <exception cref="InvalidDataException">A chunk is missing, or has another length.</exception>
    public async Task<Stream> Open(CheckpointFile file, CancellationToken cancel = default)
    {
        var several = new ParallelOptions { MaxDegreeOfParallelism = LookingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(file.Chunks, several, async (chunk, stop) =>
        {
            if ((await store.Head(chunk.Key, stop)).Value is not { } there) throw Missing(chunk);
            if (there.LengthBytes != chunk.LengthBytes)
            {
                throw new InvalidDataException(
                    $"{chunk.Key}, a part of the checkpoint, has {there.LengthBytes} bytes instead of {chunk.LengthBytes}");
            }
        });
        return new KnownContent(file.LengthBytes, file.Sha256).Verified(
            new JoinedStream(
                [.. file.Chunks.Select(
                    chunk => (Func<CancellationToken, Task<Stream>>)(async stop =>
                        (await store.Open(chunk.Key, cancel: stop) ?? throw Missing(chunk)).Body))]), $"{file.Path} of the checkpoint");
    }

    private static InvalidDataException Missing(Chunk chunk) => new($"{chunk.Key}, a part of the checkpoint, is missing");

    private async Task<T> Manifest<T>(string key, CancellationToken cancel) =>
        (await store.Get(key, cancel: cancel) ?? throw new InvalidDataException($"{key}, which the run's record names, is missing")).Json<T>();
}
