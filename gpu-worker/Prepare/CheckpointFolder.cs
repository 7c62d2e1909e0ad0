using System.Security.Cryptography;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Prepare;

/// <summary>A stored checkpoint as files again.</summary>
static class CheckpointFolder
{
    /// <returns>The manifest, whose chunks later checkpoints of the run may share.</returns>
    /// <exception cref="PreparationException">It is not whole.</exception>
    public static async Task<CheckpointManifest> Materialize(IObjectStore store, string manifestKey, string folder, CancellationToken cancel)
    {
        var manifest = await Read(store, manifestKey, cancel)
            ?? throw new PreparationException(Cause.Invalid, $"the checkpoint {manifestKey} is not in the workspace");
        Directory.CreateDirectory(folder);
        foreach (var file in manifest.Files)
        {
            var target = Path.Combine(folder, ObjectKey.Checked(file.Path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (await Write(store, file, target, cancel) == file.Sha256) continue;
            throw new PreparationException(Cause.Invalid, $"the checkpoint {manifestKey} is damaged: {file.Path} has another hash than when it was saved");
        }

        return manifest;
    }

    public static async Task<CheckpointManifest?> Read(IObjectStore store, string manifestKey, CancellationToken cancel) =>
        (await store.Get(manifestKey, cancel: cancel))?.Json<CheckpointManifest>();

    private static async Task<string> Write(IObjectStore store, CheckpointFile file, string target, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var output = new FileStream(target, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var buffer = new byte[1024 * 1024];
        foreach (var chunk in file.Chunks)
        {
            await using var reading = await store.Open(chunk.Key, cancel: cancel)
                ?? throw new PreparationException(Cause.Invalid, $"a piece of the checkpoint is not in the workspace: {chunk.Key}");
            int read;
            while ((read = await reading.Body.ReadAsync(buffer, cancel)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                await output.WriteAsync(buffer.AsMemory(0, read), cancel);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
