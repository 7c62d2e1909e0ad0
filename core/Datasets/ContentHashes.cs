using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>
/// What files below <c>data/</c> contain. Each version of a file is hashed once: its hash is remembered under <c>index/hashes/</c> by path and ETag.
/// </summary>
internal sealed class ContentHashes(IObjectStore store)
{
    private const int Remembered = 10_000;
    private readonly ConcurrentDictionary<string, InputRef> hashed = new(StringComparer.Ordinal);

    /// <summary>The file as it is now, which may be a later version than the one given; null when it is gone.</summary>
    public async Task<InputRef?> Of(StoredObject file, CancellationToken cancel)
    {
        if (await Known(file, cancel) is { } known) return known;
        await using var reading = await store.Open(file.Key, cancel: cancel);
        if (reading is null) return null;
        var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(reading.Body, cancel));
        var now = new InputRef(file.Key, reading.Object.ETag, hash, reading.Object.LengthBytes, WorkspaceFiles.PublishedBy(reading.Object));
        await store.PutJson(IndexOf(file.Key), now, cancel: cancel);
        return Remember(now);
    }

    /// <summary>The same without reading it: null when this version was not hashed before.</summary>
    private async Task<InputRef?> Known(StoredObject file, CancellationToken cancel)
    {
        if (hashed.TryGetValue(file.Key, out var known) && known.ETag == file.ETag) return known;
        return (await store.Read<InputRef>(IndexOf(file.Key), cancel)).Found is { Record: var remembered } && remembered.ETag == file.ETag
            && remembered.Path == file.Key
            ? Remember(remembered with { Run = WorkspaceFiles.PublishedBy(file) })
            : null;
    }

    /// <summary>Whether the file is this content. One of the same length is read, once: a copy that keeps no times has other versions.</summary>
    public async Task<bool> Is(StoredObject file, string sha256, long lengthBytes, CancellationToken cancel) =>
        file.LengthBytes == lengthBytes && (await Of(file, cancel))?.Sha256 == sha256;

    private static string IndexOf(string path) => WorkspacePaths.ContentHash(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path))));

    private InputRef Remember(InputRef file)
    {
        if (hashed.Count >= Remembered) hashed.Clear();
        return hashed[file.Path] = file;
    }
}
