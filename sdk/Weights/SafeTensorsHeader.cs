using System.Buffers.Binary;
using System.Text.Json;

namespace Serverless.Weights;

/// <summary>Where one tensor is in a file. Offsets count from the end of the header.</summary>
internal sealed record TensorEntry(string Name, string DType, long[] Shape, long Begin, long End)
{
    public long LengthBytes => End - Begin;
}

/// <summary>
/// The header of a safetensors file (format: github.com/huggingface/safetensors): u64 little-endian length of the header, the header as a JSON object
/// <c>{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {text: text}}</c>, padded with spaces to a multiple of
/// 8, then the tensors' bytes, row-major little-endian, without gaps. As the reference implementation does, wider types come first and then names in
/// order, which aligns every tensor to its element's size.
/// </summary>
internal sealed record SafeTensorsHeader(IReadOnlyList<TensorEntry> Entries, IReadOnlyDictionary<string, string> Metadata, long DataStart)
{
    /// <summary>The reference implementation's limit.</summary>
    private const int MaxBytes = 100_000_000;
    private const string MetadataKey = "__metadata__";

    public long FileBytes => DataStart + (Entries.Count == 0 ? 0 : Entries.Max(e => e.End));

    public static int ElementBytes(string dtype) => dtype switch
    {
        "BOOL" or "U8" or "I8" => 1,
        "I16" or "U16" or "F16" or "BF16" => 2,
        "I32" or "U32" or "F32" => 4,
        "I64" or "U64" or "F64" or "C64" => 8,
        _ => throw new InvalidDataException($"tensors of type {dtype} are not supported"),
    };

    /// <returns>The header, and its bytes with the length before them.</returns>
    /// <exception cref="ArgumentException">What nobody could read again: a tensor of a reserved name, a metadata value that is null.</exception>
    public static (SafeTensorsHeader Header, byte[] Bytes) Layout(
        IEnumerable<(string Name, string DType, long[] Shape)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var entries = new List<TensorEntry>();
        long at = 0;
        if (metadata?.FirstOrDefault(pair => pair.Value is null).Key is { } nothing)
        {
            throw new ArgumentException($"metadata '{nothing}' is null; safetensors keeps texts only", nameof(metadata));
        }

        foreach (var (name, dtype, shape) in tensors.OrderByDescending(t => ElementBytes(t.DType)).ThenBy(t => t.Name, StringComparer.Ordinal))
        {
            if (name == MetadataKey)
            {
                throw new ArgumentException($"'{MetadataKey}' is a name that safetensors keeps for itself; rename the tensor", nameof(tensors));
            }

            var length = shape.Aggregate((long)ElementBytes(dtype), (product, n) => checked(product * n));
            entries.Add(new(name, dtype, shape, at, at + length));
            at += length;
        }

        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                writer.WriteStartObject(MetadataKey);
                foreach (var (key, value) in metadata) writer.WriteString(key, value);
                writer.WriteEndObject();
            }

            foreach (var entry in entries)
            {
                writer.WriteStartObject(entry.Name);
                writer.WriteString("dtype", entry.DType);
                writer.WriteStartArray("shape");
                foreach (var n in entry.Shape) writer.WriteNumberValue(n);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(entry.Begin);
                writer.WriteNumberValue(entry.End);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        var padded = (int)(json.Length + 7) / 8 * 8;
        var bytes = new byte[8 + padded];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, padded);
        json.GetBuffer().AsSpan(0, (int)json.Length).CopyTo(bytes.AsSpan(8));
        bytes.AsSpan(8 + (int)json.Length).Fill((byte)' ');
        return (new(entries, metadata ?? new Dictionary<string, string>(), bytes.Length), bytes);
    }

    /// <exception cref="InvalidDataException">Not a whole safetensors file.</exception>
    public static SafeTensorsHeader Read(Stream file)
    {
        try
        {
            Span<byte> prefix = stackalloc byte[8];
            file.ReadExactly(prefix);
            var length = BinaryPrimitives.ReadInt64LittleEndian(prefix);
            if (length is < 2 or > MaxBytes || length > file.Length - 8)
            {
                throw new InvalidDataException($"a header of {length} bytes in a file of {file.Length}");
            }

            var bytes = new byte[length];
            file.ReadExactly(bytes);
            using var json = JsonDocument.Parse(bytes);
            var header = Parse(json.RootElement, 8 + length);
            header.Check(file.Length);
            return header;
        }
        catch (Exception e) when (e is JsonException or EndOfStreamException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    private static SafeTensorsHeader Parse(JsonElement root, long dataStart)
    {
        var entries = new List<TensorEntry>();
        var metadata = new Dictionary<string, string>();
        foreach (var property in root.EnumerateObject())
        {
            if (property.Name == MetadataKey)
            {
                foreach (var pair in property.Value.EnumerateObject()) metadata[pair.Name] = pair.Value.GetString()!;
                continue;
            }

            var offsets = property.Value.GetProperty("data_offsets");
            entries.Add(new(
                property.Name,
                property.Value.GetProperty("dtype").GetString()!,
                [.. property.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())],
                offsets[0].GetInt64(),
                offsets[1].GetInt64()));
        }

        return new([.. entries.OrderBy(e => e.Begin).ThenBy(e => e.End)], metadata, dataStart);
    }

    private void Check(long fileLength)
    {
        long at = 0;
        foreach (var entry in Entries)
        {
            var length = entry.Shape.Aggregate((long)ElementBytes(entry.DType),
                (product, n) => checked(product * (n < 0 ? throw new InvalidDataException($"{entry.Name} has a negative size") : n)));
            if (entry.Begin != at || entry.LengthBytes != length)
                throw new InvalidDataException(
                    $"{entry.Name}: bytes {entry.Begin} to {entry.End} do not fit a {entry.DType} of shape [{string.Join(", ", entry.Shape)}] that " +
                    $"begins at {at}");
            at = entry.End;
        }

        if (DataStart + at != fileLength) throw new InvalidDataException($"the file has {fileLength} bytes instead of {DataStart + at}");
    }
}
