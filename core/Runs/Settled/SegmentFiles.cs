using System.Security.Cryptography;
using System.Text.Json;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs.Settled;

/// <summary>Which segments the index is made of, the oldest first; of two entries of one run the later segment's holds.</summary>
internal sealed record RunIndexManifest(IReadOnlyList<RunIndexSegment> Segments);

/// <param name="Name">Of its content.</param>
/// <param name="Count">Of its entries.</param>
internal sealed record RunIndexSegment(string Name, int Count);

/// <summary>Segments as objects: a line of JSON an entry, in order of ids. They are never changed.</summary>
internal sealed class SegmentFiles(IObjectStore store)
{
    private readonly SharedTexts texts = new();

    /// <returns>Null: it is missing.</returns>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public async Task<SettledEntry[]?> Read(RunIndexSegment segment, CancellationToken cancel)
    {
        if (await store.Get(WorkspacePaths.RunIndexSegment(segment.Name), cancel: cancel) is not { } content) return null;
        var lines = Lines(content.Body);
        if (lines.Count != segment.Count || NameOf(content.Body) != segment.Name) throw new InvalidDataException("it is not what was written");
        var entries = new SettledEntry[lines.Count];
        try
        {
            Parallel.For(0, entries.Length, i =>
            {
                var entry = JsonSerializer.Deserialize<SettledEntry>(content.Body.AsSpan(lines[i]), CoreJson.Options)!;
                entries[i] = entry with { Run = entry.Run is { } run ? texts.In(run) : null };
            });
        }
        catch (AggregateException broken) when (broken.InnerException is JsonException or NotSupportedException)
        {
            throw new InvalidDataException(broken.InnerException.Message, broken);
        }

        return entries;
    }

    public async Task<RunIndexSegment> Write(IReadOnlyList<SettledEntry> entries, CancellationToken cancel)
    {
        using var body = new MemoryStream();
        foreach (var entry in entries)
        {
            JsonSerializer.Serialize(body, entry, CoreJson.Options);
            body.WriteByte((byte)'\n');
        }

        var name = NameOf(body.GetBuffer().AsSpan(0, (int)body.Length));
        body.Position = 0;
        await store.Put(WorkspacePaths.RunIndexSegment(name), body, cancel: cancel);
        return new(name, entries.Count);
    }

    public Task Delete(string name, CancellationToken cancel) => store.Delete(WorkspacePaths.RunIndexSegment(name), cancel: cancel);

    private static string NameOf(ReadOnlySpan<byte> body) => Convert.ToHexStringLower(SHA256.HashData(body).AsSpan(0, 16));

    private static List<Range> Lines(byte[] body)
    {
        var lines = new List<Range>();
        for (int from = 0, end; from < body.Length; from = end + 1)
        {
            end = Array.IndexOf(body, (byte)'\n', from);
            if (end < 0) throw new InvalidDataException("its last line has no end");
            lines.Add(from..end);
        }

        return lines;
    }
}
