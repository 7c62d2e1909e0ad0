using System.Buffers.Binary;
using System.Text.Json;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Cuts a checkpoint's files into pieces: safetensors between tensors, so that a layer that is not trained is the same pieces in every checkpoint. A tensor of
/// some length has pieces of its own, shorter ones that follow each other share one; long tensors, and files of any other kind, are cut at fixed lengths.
/// </summary>
static class Chunking
{
    public const int MaxBytes = 8 * 1024 * 1024;

    /// <summary>Shorter tensors share pieces up to this length: one changed value costs no more than this, and a thousand biases are not a thousand objects.</summary>
    private const int SharedBytes = 1024 * 1024;
    private const int MaxHeader = 100 * 1024 * 1024;

    /// <summary>Lengths of the pieces, in order; their sum is the file's length.</summary>
    public static List<int> Cut(string path, FileStream file)
    {
        var ends = TensorEnds(path, file) ?? [];
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
