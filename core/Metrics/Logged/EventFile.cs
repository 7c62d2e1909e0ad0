using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Serverless.Contract;

namespace Serverless.Core.Metrics.Logged;

/// <summary>
/// TensorBoard's event files: records of a length, its checksum, an event and the event's checksum. Scalars are taken, whoever wrote them: as one
/// value (PyTorch, Lightning, TensorFlow 1), or as a tensor with one element (TensorFlow 2, Keras). Images, histograms and texts are passed over.
/// </summary>
/// <param name="prefix">Goes before each name; may be empty.</param>
internal sealed class EventFile(string prefix) : LoggedFormat
{
    /// <summary>An event with scalars has some hundred bytes: longer ones are not looked at.</summary>
    private const int MaxEvent = 256 * 1024;
    private const int LengthBytes = 8, ChecksumBytes = 4, BeforeEvent = LengthBytes + ChecksumBytes;

    private readonly ArrayBufferWriter<byte> begun = new();
    private long taken, toSkip;

    public override void Add(ReadOnlySpan<byte> bytes, DateTimeOffset now, List<MetricPoint> into)
    {
        while (bytes.Length > 0 && Problem is null)
        {
            if (toSkip > 0)
            {
                var skipped = (int)Math.Min(toSkip, bytes.Length);
                (toSkip, taken) = (toSkip - skipped, taken + skipped);
                bytes = bytes[skipped..];
                continue;
            }

            var wanted = begun.WrittenCount < BeforeEvent ? BeforeEvent : WholeRecord;
            var some = bytes[..Math.Min(bytes.Length, wanted - begun.WrittenCount)];
            begun.Write(some);
            bytes = bytes[some.Length..];
            if (begun.WrittenCount == BeforeEvent) LookAtLength();
            else if (begun.WrittenCount > BeforeEvent && begun.WrittenCount == WholeRecord) Take(now, into);
        }
    }

    private int WholeRecord => BeforeEvent + (int)BinaryPrimitives.ReadUInt64LittleEndian(begun.WrittenSpan) + ChecksumBytes;

    private void LookAtLength()
    {
        var head = begun.WrittenSpan;
        if (Checksum(head[..LengthBytes]) != BinaryPrimitives.ReadUInt32LittleEndian(head[LengthBytes..]))
        {
            Break();
            return;
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(head);
        if (length <= MaxEvent) return;
        if (length > long.MaxValue / 2)
        {
            Break();
            return;
        }

        taken += BeforeEvent;
        toSkip = (long)length + ChecksumBytes;
        begun.ResetWrittenCount();
    }

    private void Take(DateTimeOffset now, List<MetricPoint> into)
    {
        var content = begun.WrittenSpan[BeforeEvent..^ChecksumBytes];
        if (Checksum(content) != BinaryPrimitives.ReadUInt32LittleEndian(begun.WrittenSpan[^ChecksumBytes..]) || !Event(content, now, into))
        {
            Break();
            return;
        }

        taken += begun.WrittenCount;
        begun.ResetWrittenCount();
    }

    private void Break() => Problem = string.Create(CultureInfo.InvariantCulture, $"it is no event file from byte {taken} on");

    /// <returns>False: it is none.</returns>
    private bool Event(ReadOnlySpan<byte> message, DateTimeOffset now, List<MetricPoint> into)
    {
        var (at, step) = (0.0, 0L);
        ReadOnlySpan<byte> summary = default;
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            if (fields.Is(1, ProtobufFields.EightBytes)) at = BitConverter.UInt64BitsToDouble(fields.Number);
            else if (fields.Is(2, ProtobufFields.Varint)) step = (long)fields.Number;
            else if (fields.Is(5, ProtobufFields.Bytes)) summary = fields.Content;
        }

        if (fields.IsBroken) return false;
        var micros = at is > 0 and < 1e12 ? (long)(at * 1e6) : now.ToUnixTimeMilliseconds() * 1000;
        var values = new ProtobufFields(summary);
        while (values.Next())
        {
            if (!values.Is(1, ProtobufFields.Bytes)) continue;
            if (!Value(values.Content, out var tag, out var value)) return false;
            if (value is { } scalar && tag.Length > 0) into.Add(new(prefix + tag, step, scalar, micros));
        }

        return !values.IsBroken;
    }

    private static bool Value(ReadOnlySpan<byte> message, out string tag, out double? value)
    {
        (tag, value) = ("", null);
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            if (fields.Is(1, ProtobufFields.Bytes)) tag = System.Text.Encoding.UTF8.GetString(fields.Content);
            else if (fields.Is(2, ProtobufFields.FourBytes)) value = BitConverter.UInt32BitsToSingle((uint)fields.Number);
            else if (fields.Is(8, ProtobufFields.Bytes)) value = Scalar(fields.Content) ?? value;
        }

        return !fields.IsBroken;
    }

    /// <summary>The one element of a tensor of numbers; null: it is another tensor.</summary>
    private static double? Scalar(ReadOnlySpan<byte> tensor)
    {
        const int Float = 1, Double = 2, Int32 = 3, Int64 = 9;
        var type = 0;
        ReadOnlySpan<byte> content = default;
        double? listed = null;
        var fields = new ProtobufFields(tensor);
        while (fields.Next())
        {
            var length = fields.Content.Length;
            if (fields.Is(1, ProtobufFields.Varint)) type = (int)fields.Number;
            else if (fields.Is(2, ProtobufFields.Bytes) && !IsOfOne(fields.Content)) return null;
            else if (fields.Is(4, ProtobufFields.Bytes)) content = fields.Content;
            else if (fields.Is(5, ProtobufFields.FourBytes)) listed = BitConverter.UInt32BitsToSingle((uint)fields.Number);
            else if (fields.Is(5, ProtobufFields.Bytes) && length == 4) listed = BinaryPrimitives.ReadSingleLittleEndian(fields.Content);
            else if (fields.Is(6, ProtobufFields.EightBytes)) listed = BitConverter.UInt64BitsToDouble(fields.Number);
            else if (fields.Is(6, ProtobufFields.Bytes) && length == 8) listed = BinaryPrimitives.ReadDoubleLittleEndian(fields.Content);
            else if (fields.Is(7, ProtobufFields.Varint) || fields.Is(10, ProtobufFields.Varint)) listed = (long)fields.Number;
        }

        return (type, content.Length) switch
        {
            _ when fields.IsBroken => null,
            (Float, 4) => BinaryPrimitives.ReadSingleLittleEndian(content),
            (Double, 8) => BinaryPrimitives.ReadDoubleLittleEndian(content),
            (Int32, 4) => BinaryPrimitives.ReadInt32LittleEndian(content),
            (Int64, 8) => BinaryPrimitives.ReadInt64LittleEndian(content),
            (Float or Double or Int32 or Int64, 0) => listed,
            _ => null,
        };
    }

    // A shape without dimensions, or with those of size 1.
    private static bool IsOfOne(ReadOnlySpan<byte> shape)
    {
        var dimensions = new ProtobufFields(shape);
        while (dimensions.Next())
        {
            if (!dimensions.Is(2, ProtobufFields.Bytes)) continue;
            var size = new ProtobufFields(dimensions.Content);
            while (size.Next())
            {
                if (size.Is(1, ProtobufFields.Varint) && size.Number != 1) return false;
            }
        }

        return !dimensions.IsBroken;
    }

    /// <summary>CRC-32C, turned and moved as TensorFlow keeps it beside what it is of.</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var checksum = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            checksum = BitOperations.Crc32C(checksum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var one in bytes) checksum = BitOperations.Crc32C(checksum, one);
        return BitOperations.RotateRight(~checksum, 15) + 0xa282ead8;
    }
}
