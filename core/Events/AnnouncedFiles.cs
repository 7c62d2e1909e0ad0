using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Events;

/// <summary>
/// Which versions of a workspace's files were announced: a hash of path and ETag each, appended to objects under <c>index/</c>, 16 bytes a version. It is remembered after
/// the announcement, so what is missing here is announced again at worst; whoever deletes the objects has every file announced once more. One process writes at a time.
/// </summary>
sealed class AnnouncedFiles
{
    private const int HashBytes = 16;

    /// <summary>When there are more parts or forgotten versions than this, they are written anew.</summary>
    private const int MaxParts = 16, MaxStale = 10_000;

    private readonly IObjectStore store;
    private readonly List<UInt128> unsaved = [];
    private HashSet<UInt128> versions = [];
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
            if (WorkspacePaths.AnnouncedFilesPartOf(stored.Key) is not { } number || await store.Get(stored.Key, cancel: cancel) is not { } content) continue;
            for (var at = 0; at + HashBytes <= content.Body.Length; at += HashBytes) all.versions.Add(BinaryPrimitives.ReadUInt128LittleEndian(content.Body.AsSpan(at)));
            (all.part, all.parts) = (number, all.parts + 1);
        }

        all.BeginPart();
        return all;
    }

    public bool Contains(UInt128 version)
    {
        if (!versions.Contains(version)) return false;
        seen?.Add(version);
        return true;
    }

    public void Add(UInt128 version)
    {
        if (versions.Add(version)) unsaved.Add(version);
        seen?.Add(version);
    }

    /// <summary>Begins to note which versions are asked for or added: at the end of a look at all files those are the ones that still exist.</summary>
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
        var there = seen ?? versions;
        seen = null;
        if (parts <= MaxParts && versions.Count - there.Count <= MaxStale + there.Count) return;
        var old = part;
        versions = there;
        BeginPart();
        parts = 0;

        // What died before it deleted the old parts leaves them beside the new one, which says the same.
        await Write([.. versions], cancel);
        unsaved.Clear();
        await foreach (var stored in store.List(WorkspacePaths.AnnouncedFiles, cancel: cancel))
        {
            if (WorkspacePaths.AnnouncedFilesPartOf(stored.Key) is { } number && number <= old) await store.Delete(stored.Key, cancel: cancel);
        }
    }

    private async Task Write(List<UInt128> added, CancellationToken cancel)
    {
        foreach (var chunk in added.Chunk(Limits.AppendBlockBytes / HashBytes))
        {
            var bytes = new byte[chunk.Length * HashBytes];
            for (var i = 0; i < chunk.Length; i++) BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(i * HashBytes), chunk[i]);
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
