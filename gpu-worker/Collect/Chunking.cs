using System.Buffers.Binary;
using System.Text.Json;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Cuts a checkpoint's files into pieces: safetensors between tensors, so that a layer that is not trained is the same piece in every checkpoint;
/// anything else, and tensors longer than a piece, at fixed lengths.
/// </summary>
static class Chunking
{
    public const int MaxBytes = 8 * 1024 * 1024;
    private const int MaxHeader = 100 * 1024 * 1024;

    /// <summary>Lengths of the pieces, in order; their sum is the file's length.</summary>
    public static List<int> Cut(string path, FileStream file)
    {
        var ends = TensorEnds(path, file) ?? [];
        var lengths = new List<int>();
        long at = 0, piece = 0;
        foreach (var end in ends.Append(file.Length))
        {
            // A tensor that fits is not divided; small ones share a piece.
            if (end - at + piece > MaxBytes && piece > 0)
            {
                lengths.Add((int)piece);
                piece = 0;
            }

            for (piece += end - at; piece > MaxBytes; piece -= MaxBytes) lengths.Add(MaxBytes);
            at = end;
        }

        if (piece > 0) lengths.Add((int)piece);
        return lengths;
    }

    // The format: u64 length of a JSON header, the header, then the tensors, whose offsets in it count from its end.
    private static List<long>? TensorEnds(string path, FileStream file)
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
            using var json = JsonDocument.Parse(text);
            var ends = new SortedSet<long> { 8 + header };
            foreach (var tensor in json.RootElement.EnumerateObject())
            {
                if (tensor.Name != "__metadata__") ends.Add(8 + header + tensor.Value.GetProperty("data_offsets")[1].GetInt64());
            }

            return ends.Max <= file.Length ? [.. ends] : null;
        }
        catch (Exception other) when (
            other is JsonException or InvalidOperationException or KeyNotFoundException or EndOfStreamException or FormatException)
        {
            return null;
        }
        finally
        {
            file.Position = 0;
        }
    }
}
