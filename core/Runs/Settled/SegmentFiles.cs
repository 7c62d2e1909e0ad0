using System.Security.Cryptography;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs.Settled;

/// <summary>Which segments the index is made of, the oldest first; of two entries of one run the later segment's holds.</summary>
internal sealed record RunIndexManifest(IReadOnlyList<RunIndexSegment> Segments);

/// <param name="Name">Of its content.</param>
/// <param name="Count">Of its entries.</param>
internal sealed record RunIndexSegment(string Name, int Count);

/// <summary>Segments as objects, each under the hash of its content. They are never changed.</summary>
internal sealed class SegmentFiles(IObjectStore store)
{
    /// <returns>Null: it is missing.</returns>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public async Task<SettledEntry[]?> Read(RunIndexSegment segment, CancellationToken cancel)
    {
        if (!IsName(segment.Name)) throw new InvalidDataException("it has no name that is a segment's");
        if (await store.Get(WorkspacePaths.RunIndexSegment(segment.Name), cancel: cancel) is not { } content) return null;
        if (NameOf(content.Body) != segment.Name) throw new InvalidDataException("it is not what was written");
        return SegmentFormat.Read(content.Body);
    }

    /// <returns>Its name, and the entries as they are read from it: those share what is the same in them.</returns>
    public async Task<(RunIndexSegment Segment, SettledEntry[] Entries)> Write(IReadOnlyList<SettledEntry> entries, CancellationToken cancel)
    {
        var body = SegmentFormat.Write(entries);
        var name = NameOf(body);
        await store.Put(WorkspacePaths.RunIndexSegment(name), body, cancel: cancel);
        return (new(name, entries.Count), SegmentFormat.Read(body));
    }

    public Task Delete(string name, CancellationToken cancel) =>
        IsName(name) ? store.Delete(WorkspacePaths.RunIndexSegment(name), cancel: cancel) : Task.CompletedTask;

    private static string NameOf(ReadOnlySpan<byte> body) => Convert.ToHexStringLower(SHA256.HashData(body).AsSpan(0, 16));

    // A manifest that somebody damaged may have any text there.
    private static bool IsName(string name) => name.Length == 32 && name.All(char.IsAsciiHexDigitLower);
}
