using System.Security.Cryptography;
using Serverless.Core.Runs;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Prepare;

/// <summary>A stored checkpoint as files again.</summary>
static class CheckpointFolder
{
    /// <returns>The manifest, whose chunks later checkpoints of the run may share; or why the checkpoint is not whole.</returns>
    public static async Task<(CheckpointManifest? Manifest, string? Problem)> Materialize(
        IObjectStore store, string manifestKey, string folder, CancellationToken cancel)
    {
        var read = await store.Read<CheckpointManifest>(manifestKey, cancel);
        if (read.Found is not { Record: var manifest })
        {
            return (null, read.Damage is { } damage ? $"{damage}" : $"{manifestKey} is not in the workspace");
        }

        Posix.MakeFolder(folder);
        foreach (var file in manifest.Files)
        {
            if (ObjectKey.Problem(file.Path) is { } unnamed) return (null, $"{manifestKey} names a file '{file.Path}': {unnamed}");
            var target = Path.Combine(folder, file.Path);
            NestedFolder.Make(folder, Path.GetDirectoryName(target)!);
            if (await Write(store, file, target, cancel) is { } problem) return (null, $"{file.Path} of {manifestKey}: {problem}");
        }

        return (manifest, null);
    }

    private static async Task<string?> Write(IObjectStore store, CheckpointFile file, string target, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var output = new FileStream(target, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var buffer = new byte[1024 * 1024];
        foreach (var chunk in file.Chunks)
        {
            await using var reading = await store.Open(chunk.Key, cancel: cancel);
            if (reading is null) return $"its piece {chunk.Key} is not in the workspace";
            int read;
            while ((read = await reading.Body.ReadAsync(buffer, cancel)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                await output.WriteAsync(buffer.AsMemory(0, read), cancel);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset()) == file.Sha256 ? null : "it has another hash than when it was saved";
    }
}
