using System.Buffers.Binary;
using System.Text.Json;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Cuts a checkpoint's files into pieces: safetensors between tensors, so that a layer that is not trained is the same pieces in every checkpoint. A
/// tensor of some length has pieces of its own, shorter ones that follow each other share one; long
/// tensors, and files of any other kind, are cut at fixed lengths.
/// </summary>
static class Chunking
{
    public const int MaxBytes = 8 * 1024 * 1024;

    /// <summary>
    /// Shorter tensors share pieces up to this length: one changed value costs no more than this, and a thousand biases are not a thousand objects.
    /// </summary>
    private const int SharedBytes = 1024 * 1024;

    /// <summary>Ten times that of the largest models there are. Longer ones, and those that make no sense, are cut at fixed lengths.</summary>
    private const int MaxHeader = 16 * 1024 * 1024;

    /// <summary>Lengths of the pieces, in order; their sum is the file's length.</summary>
    public static List<int> Cut(string path, Stream file)
    {
        IEnumerable<long> ends = TensorEnds(path, file) ?? [];
        var lengths = new List<int>();
        long at = 0, shared = 0;
        foreach (var end in ends.Append(file.Length))
        {
            var tensor = end - at;
            if (shared + tensor > SharedBytes) End();
            if (tensor <= SharedBytes) shared += tensor;
            else for (; tensor > 0; tensor -= MaxBytes) lengths.Add((int)Math.Min(tensor, MaxBytes));
            at = end;
        }

        End();
        return lengths;

        void End()
        {
            if (shared > 0) lengths.Add((int)shared);
            shared = 0;
        }
    }

    // The format: u64 length of a JSON header, the header, then the tensors, whose offsets in it count from its end.
    private static SortedSet<long>? TensorEnds(string path, Stream file)
    {
        if (!path.EndsWith(".safetensors", StringComparison.Ordinal) || file.Length < 8) return null;
        try
        {
            file.Position = 0;
            Span<byte> length = stackalloc byte[8];
            file.ReadExactly(length);
            var header = BinaryPrimitives.ReadInt64LittleEndian(length);
            if (header is <= 0 or > MaxHeader || header > file.Length - 8) return null;
            var text = new byte[header];
            file.ReadExactly(text);
            return TensorEnds(text, 8 + header, file.Length);
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException or EndOfStreamException or FormatException)
        {
            return null;
        }
        finally
        {
            file.Position = 0;
        }
    }

    // Token by token: a document would take many times the header's length. Null when an end lies outside of the file.
    private static SortedSet<long>? TensorEnds(ReadOnlySpan<byte> header, long start, long fileLength)
    {
        var ends = new SortedSet<long> { start };
        var json = new Utf8JsonReader(header);
        while (json.Read())
        {
            if (json.TokenType != JsonTokenType.PropertyName || json.CurrentDepth != 1) continue;
            var isTensor = !json.ValueTextEquals("__metadata__"u8);
            json.Read();
            if (!isTensor || json.TokenType != JsonTokenType.StartObject)
            {
                json.Skip();
                continue;
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var isOffsets = json.ValueTextEquals("data_offsets"u8);
                json.Read();
                if (!isOffsets)
                {
                    json.Skip();
                    continue;
                }

                if (json.TokenType != JsonTokenType.StartArray || !json.Read() || !json.TryGetInt64(out _) || !json.Read()
                    || !json.TryGetInt64(out var end))
                {
                    return null;
                }

                if (end < 0 || end > fileLength - start) return null;
                ends.Add(start + end);
                if (!json.Read() || json.TokenType != JsonTokenType.EndArray) return null;
            }
        }

        return ends;
    }
}
