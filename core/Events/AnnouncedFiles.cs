using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Events;

/// <summary>
/// Which versions of a workspace's files were announced: a hash of path and ETag, and one of path and content, appended to objects under
/// <c>index/</c>, 32 bytes a version. It is remembered after the announcement, so what is missing here is announced again at worst; whoever deletes
/// the objects has every file announced once more. One process writes at a time.
/// </summary>
sealed class AnnouncedFiles
{
    private const int HashBytes = 16, EntryBytes = 2 * HashBytes;

    /// <summary>When there are more parts or forgotten versions than this, they are written anew.</summary>
    private const int MaxParts = 16, MaxStale = 10_000;

    private readonly IObjectStore store;
    private readonly List<UInt128> unsaved = [];

    // To the content of each; 0 where it is not known.
    private Dictionary<UInt128, UInt128> versions = [];
    private HashSet<UInt128>? seen;
    private int part;
    private long partBytes;
    private int appends;
    private int parts;

    private AnnouncedFiles(IObjectStore store) => this.store = store;

    public int Unsaved => unsaved.Count;

    public static UInt128 VersionOf(string path, string etag) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes($"{path}\0{etag}"));

    public static async Task<AnnouncedFiles> Load(IObjectStore store, CancellationToken cancel)
    {
        var all = new AnnouncedFiles(store);
        await foreach (var stored in store.List(WorkspacePaths.AnnouncedFiles, cancel: cancel))
        {
            if (WorkspacePaths.AnnouncedFilesPartOf(stored.Key) is not { } number || await store.Get(stored.Key, cancel: cancel) is not { } content)
            {
                continue;
            }

            for (var at = 0; at + EntryBytes <= content.Body.Length; at += EntryBytes)
            {
                var name = BinaryPrimitives.ReadUInt128LittleEndian(content.Body.AsSpan(at));
                all.versions[name] = BinaryPrimitives.ReadUInt128LittleEndian(content.Body.AsSpan(at + HashBytes));
            }

            (all.part, all.parts) = (number, all.parts + 1);
        }

        await all.LoadVersions(cancel);
        all.BeginPart();
        return all;
    }

    public bool Contains(UInt128 version)
    {
        if (!versions.ContainsKey(version)) return false;
        seen?.Add(version);
        return true;
    }

    /// <summary>Whether the version was announced, and with which content is not known.</summary>
    public bool LacksContent(UInt128 version) => versions.TryGetValue(version, out var content) && content == default;

    /// <summary>The contents of all versions, as they are now.</summary>
    public HashSet<UInt128> Contents() => [.. versions.Values.Where(content => content != default)];

    /// <param name="content">Default: not known.</param>
    public void Add(UInt128 version, UInt128 content = default)
    {
        if (!versions.TryGetValue(version, out var known) || known != content) unsaved.Add(version);
        versions[version] = content;
        seen?.Add(version);
    }

    /// <summary>
    /// Begins to note which versions are asked for or added: at the end of a look at all files those are the ones that still exist.
    /// </summary>
    public void BeginCount() => seen = [];

    /// <summary>Makes what was added since durable. When it throws, it is tried again with the next.</summary>
    public async Task Save(CancellationToken cancel)
    {
        if (unsaved.Count == 0) return;
        await Write(unsaved, cancel);
        unsaved.Clear();
    }

    /// <summary>Ends the count and forgets all other versions, when there are so many that it is worth it.</summary>
    public async Task EndCount(CancellationToken cancel)
    {
        var there = seen;
        seen = null;
        if (there is null || (parts <= MaxParts && versions.Count - there.Count <= MaxStale + there.Count)) return;
        var old = part;
        versions = there.ToDictionary(version => version, version => versions[version]);
        BeginPart();
        parts = 0;

        // What died before it deleted the old parts leaves them beside the new one, which says the same.
        await Write([.. versions.Keys], cancel);
        unsaved.Clear();
        await foreach (var stored in store.List(WorkspacePaths.AnnouncedFiles, cancel: cancel))
        {
            if (WorkspacePaths.AnnouncedFilesPartOf(stored.Key) is { } number && number <= old) await store.Delete(stored.Key, cancel: cancel);
        }

        await foreach (var stored in store.List(WorkspacePaths.AnnouncedVersions, cancel: cancel)) await store.Delete(stored.Key, cancel: cancel);
    }

    // Until all is written anew they are read at each start.
    private async Task LoadVersions(CancellationToken cancel)
    {
        await foreach (var stored in store.List(WorkspacePaths.AnnouncedVersions, cancel: cancel))
        {
            if (await store.Get(stored.Key, cancel: cancel) is not { } content) continue;
            for (var at = 0; at + HashBytes <= content.Body.Length; at += HashBytes) versions.TryAdd(
                BinaryPrimitives.ReadUInt128LittleEndian(content.Body.AsSpan(at)), default);
            parts = MaxParts + 1;
        }
    }

    private async Task Write(List<UInt128> added, CancellationToken cancel)
    {
        foreach (var chunk in added.Chunk(Limits.AppendBlockBytes / EntryBytes))
        {
            var bytes = new byte[chunk.Length * EntryBytes];
            for (var i = 0; i < chunk.Length; i++)
            {
                BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(i * EntryBytes), chunk[i]);
                BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(i * EntryBytes + HashBytes), versions[chunk[i]]);
            }

            if (appends == Limits.AppendsPerObject) BeginPart();

            // A part that is not as this process left it is another one's, or an append whose answer was lost: go on in a new one.
            AppendResult appended;
            while (!(appended = await store.Append(WorkspacePaths.AnnouncedFilesPart(part), partBytes, bytes, cancel)).Appended) BeginPart();
            if (appends++ == 0) parts++;
            partBytes = appended.LengthBytes;
        }
    }

    private void BeginPart() => (part, partBytes, appends) = (part + 1, 0, 0);
}
