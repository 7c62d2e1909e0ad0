using System.Buffers.Binary;
using System.Text;

namespace Serverless.Contract;

/// <summary>One value of one metric.</summary>
/// <param name="UnixMicros">When it was logged, microseconds since 1970 UTC.</param>
internal readonly record struct MetricPoint(string Name, long Step, double Value, long UnixMicros)
{
    /// <summary>
    /// <see cref="UnixMicros"/> as a date, whatever the writer took for microseconds: beyond the calendar's first or last moment it is that moment.
    /// </summary>
    public DateTimeOffset At =>
        DateTimeOffset.UnixEpoch.AddTicks(Math.Clamp(UnixMicros, EarliestMicros, LatestMicros) * TimeSpan.TicksPerMicrosecond);

    private static long EarliestMicros => (DateTimeOffset.MinValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static long LatestMicros => (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}

/// <summary>
/// The binary form of a metric stream (<c>*.expm</c>), little-endian. Header, 8 bytes: "EXPM", version 1, three zero bytes. Then frames:
/// <c>01 u32 id, u16 length, UTF-8 name</c> names a metric before its first point; <c>02 u32 id, i64 step, i64 unix microseconds, f64 value</c>
/// is a point. Each file names its own metrics, so each opens by itself. A reader ignores an incomplete last frame.
/// </summary>
internal static class MetricStream
{
    public const byte NameFrame = 1, PointFrame = 2;
    public const int PointBytes = 1 + 4 + 8 + 8 + 8;
    public const int MaxNameFrameBytes = 7 + MetricName.MaxBytes;

    public static ReadOnlySpan<byte> Header => "EXPM\x01\0\0\0"u8;

    /// <param name="name">As <see cref="MetricName.Fit"/> gives it.</param>
    public static int WriteName(Span<byte> to, uint id, string name)
    {
        to[0] = NameFrame;
        BinaryPrimitives.WriteUInt32LittleEndian(to[1..], id);
        var length = Encoding.UTF8.GetBytes(name, to.Slice(7, MetricName.MaxBytes));
        BinaryPrimitives.WriteUInt16LittleEndian(to[5..], (ushort)length);
        return 7 + length;
    }

    public static int WritePoint(Span<byte> to, uint id, long step, long unixMicros, double value)
    {
        to[0] = PointFrame;
        BinaryPrimitives.WriteUInt32LittleEndian(to[1..], id);
        BinaryPrimitives.WriteInt64LittleEndian(to[5..], step);
        BinaryPrimitives.WriteInt64LittleEndian(to[13..], unixMicros);
        BinaryPrimitives.WriteDoubleLittleEndian(to[21..], value);
        return PointBytes;
    }
}

/// <summary>Reads a metric stream that arrives in pieces: feed bytes as they come, get the points that are complete.</summary>
internal sealed class MetricStreamReader
{
    private readonly Dictionary<uint, string> names = [];
    private byte[] rest = [];
    private bool headerSeen;

    /// <summary>Bytes of the stream consumed as whole frames, header included.</summary>
    public long Consumed { get; private set; }

    /// <param name="ends">When given, takes for each point the number of bytes of the stream up to its end.</param>
    /// <exception cref="InvalidDataException">The bytes are not a metric stream; the message says where.</exception>
    public void Read(ReadOnlySpan<byte> more, ICollection<MetricPoint> into, ICollection<long>? ends = null)
    {
        var bytes = rest.Length == 0 ? more : Join(rest, more);
        var at = 0;
        if (!headerSeen)
        {
            if (bytes.Length < MetricStream.Header.Length) { rest = bytes.ToArray(); return; }
            if (!bytes[..8].SequenceEqual(MetricStream.Header))
            {
                throw new InvalidDataException("not a metric stream: it does not begin with EXPM, version 1");
            }

            headerSeen = true;
            at = 8;
        }

        while (at < bytes.Length)
        {
            var frame = bytes[at..];
            int length;
            if (frame[0] == MetricStream.PointFrame)
            {
                if (frame.Length < (length = MetricStream.PointBytes)) break;
                var id = BinaryPrimitives.ReadUInt32LittleEndian(frame[1..]);
                if (!names.TryGetValue(id, out var name))
                {
                    throw new InvalidDataException($"metric stream: point of unnamed metric {id} at byte {Consumed + at}");
                }

                into.Add(
                    new(name, BinaryPrimitives.ReadInt64LittleEndian(frame[5..]), BinaryPrimitives.ReadDoubleLittleEndian(frame[21..]),
                        BinaryPrimitives.ReadInt64LittleEndian(frame[13..])));
                ends?.Add(Consumed + at + length);
            }
            else if (frame[0] == MetricStream.NameFrame)
            {
                if (frame.Length < 7 || frame.Length < (length = 7 + BinaryPrimitives.ReadUInt16LittleEndian(frame[5..]))) break;
                names[BinaryPrimitives.ReadUInt32LittleEndian(frame[1..])] = MetricName.Fit(Encoding.UTF8.GetString(frame[7..length]));
            }
            else
            {
                throw new InvalidDataException($"metric stream: unknown frame {frame[0]} at byte {Consumed + at}");
            }

            at += length;
        }

        Consumed += at;
        rest = bytes[at..].ToArray();
    }

    private static byte[] Join(byte[] a, ReadOnlySpan<byte> b)
    {
        var joined = new byte[a.Length + b.Length];
        a.CopyTo(joined, 0);
        b.CopyTo(joined.AsSpan(a.Length));
        return joined;
    }
}
