using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Datasets;

/// <summary>
/// What files below <c>data/</c> contain. Each version of a file is hashed once: its hash is remembered under <c>index/hashes/</c> by path, ETag and
/// <see cref="StoredObject.Change"/>: archives set times back, and what is packed has the lengths that it has.
/// </summary>
internal sealed class ContentHashes(IObjectStore store)
{
    private const int Remembered = 10_000;
    private readonly ConcurrentDictionary<string, HashedFile> hashed = new(StringComparer.Ordinal);

    /// <summary>The file as it is now, which may be a later version than the one given; null when it is gone.</summary>
    public async Task<InputRef?> Of(StoredObject file, CancellationToken cancel)
    {
        if (await Known(file, cancel) is { } known) return known;
        await using var reading = await store.Open(file.Key, cancel: cancel);
        if (reading is null) return null;
        var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(reading.Body, cancel));
        var (etag, length) = (reading.Object.ETag, reading.Object.LengthBytes);
        var now = new HashedFile(file.Key, etag, hash, length, WorkspaceFiles.PublishedBy(reading.Object), reading.Object.Change);
        await store.PutJson(IndexOf(file.Key), now, cancel: cancel);
        return Remember(now);
    }

    /// <summary>The same without reading it: null when this version was not hashed before.</summary>
    private async Task<InputRef?> Known(StoredObject file, CancellationToken cancel)
    {
        if (hashed.TryGetValue(file.Key, out var known) && known.IsOf(file)) return known.Ref;
        return (await store.Read<HashedFile>(IndexOf(file.Key), cancel)).Found is { Record: var remembered } && remembered.IsOf(file)
            ? Remember(remembered with { Run = WorkspaceFiles.PublishedBy(file) })
            : null;
    }

    /// <summary>Whether the file is this content. One of the same length is read, once: a copy that keeps no times has other versions.</summary>
    public async Task<bool> Is(StoredObject file, string sha256, long lengthBytes, CancellationToken cancel) =>
        file.LengthBytes == lengthBytes && (await Of(file, cancel))?.Sha256 == sha256;

    private static string IndexOf(string path) => WorkspacePaths.ContentHash(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path))));

    private InputRef Remember(HashedFile file)
    {
        if (hashed.Count >= Remembered) hashed.Clear();
        return (hashed[file.Path] = file).Ref;
    }
}

/// <summary><c>index/hashes/{hash of the path}.json</c></summary>
internal sealed record HashedFile(string Path, string ETag, string Sha256, long LengthBytes, string? Run = null, string? Change = null)
{
    [JsonIgnore]
    public InputRef Ref => new(Path, ETag, Sha256, LengthBytes, Run);

    public bool IsOf(StoredObject file) => Path == file.Key && ETag == file.ETag && Change == file.Change;
}
