using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Serverless.Core.Metrics.Overviews;

/// <summary>One series as an overview lists it.</summary>
/// <param name="Levels">Coarse first.</param>
internal sealed record OverviewEntry(string Name, Downsampler.SeriesEnds Ends, IReadOnlyList<OverviewLevel> Levels)
{
    /// <summary>The coarsest from which thinning to so many points makes what it makes of the series itself; null: none is fine enough.</summary>
    public OverviewLevel? For(int most) =>
        Levels.FirstOrDefault(level => level.Width == 1 || Downsampler.IsThinnedFurther(Ends.Total, level.Width / 2, most));
}

/// <summary>A series thinned so far, as a part of the file.</summary>
/// <param name="Width">Points of a stretch; 1: every point is there.</param>
/// <param name="Hash">Of its bytes.</param>
internal sealed record OverviewLevel(long Width, int Stretches, long Offset, ulong Hash)
{
    public int LengthBytes => Stretches * (Width == 1 ? OverviewFormat.ValueBytes : OverviewFormat.StretchBytes);
}

/// <summary>
/// The bytes of an overview (<c>*.expo</c>), little-endian. Header, 24 bytes: "EXPO", version 1, three zero bytes, u32 length of the directory, u32
/// number of series, u64 XXH3 of the directory. The directory: what it is an overview of as u16 length and UTF-8, then of each series u16 length and
/// name, i64 points, i64 of them not a number, the first and the last value, a byte with the number of levels, and of each level i64 width, u32
/// stretches, i64 offset in the file, u64 XXH3 of its bytes. A value is i64 step, i64 unix microseconds, f64 value; a stretch i64 place and value of
/// its least, i64 place and value of its greatest point. A level of width 1 has the values alone, whose places are 1, 2, 3 and so on. All series'
/// coarse levels lie together, then their finer ones.
/// </summary>
internal static class OverviewFormat
{
    public const int HeaderBytes = 24, ValueBytes = 24, StretchBytes = 2 * (8 + ValueBytes), MostLevels = 8;

    /// <summary>A directory that says of itself that it is longer is none.</summary>
    public const int MostDirectoryBytes = 64 << 20;

    private const long MicrosTicks = TimeSpan.TicksPerMicrosecond;

    private static ReadOnlySpan<byte> Magic => "EXPO\x01\0\0\0"u8;

    /// <param name="of">What it is an overview of: it holds for nothing else.</param>
    /// <param name="series">By name; the levels of each, coarse first.</param>
    public static byte[] Write(string of, IReadOnlyList<(string Name, IReadOnlyList<Downsampler> Levels)> series)
    {
        var directory = 2 + Encoding.UTF8.GetByteCount(of)
            + series.Sum(one => 2 + Encoding.UTF8.GetByteCount(one.Name) + 16 + (2 * ValueBytes) + 1 + (one.Levels.Count * 28));
        var body = new byte[HeaderBytes + directory
            + series.Sum(one => one.Levels.Sum(level => level.Stretches.Count * (level.Width == 1 ? ValueBytes : StretchBytes)))];
        var directoryBytes = body.AsSpan(HeaderBytes, directory);
        var at = new Cursor(body.AsSpan(HeaderBytes + directory));
        var places = series.Select(_ => new List<OverviewLevel>()).ToList();
        for (var level = 0; level < MostLevels; level++)
        {
            for (var i = 0; i < series.Count; i++)
            {
                if (series[i].Levels.ElementAtOrDefault(level) is not { } thinned) continue;
                var offset = body.Length - at.Left;
                foreach (var stretch in thinned.Stretches) Put(ref at, stretch, thinned.Width);
                var hash = XxHash3.HashToUInt64(body.AsSpan()[offset..^at.Left]);
                places[i].Add(new(thinned.Width, thinned.Stretches.Count, offset, hash));
            }
        }

        at = new(directoryBytes);
        at.Put(of);
        foreach (var ((name, levels), listed) in series.Zip(places))
        {
            var ends = levels[^1].Ends;
            at.Put(name);
            at.Put(ends.Total);
            at.Put(ends.NaNs);
            at.Put(ends.First);
            at.Put(ends.Last);
            at.Put((byte)levels.Count);
            foreach (var level in listed)
            {
                at.Put(level.Width);
                at.Put((uint)level.Stretches);
                at.Put(level.Offset);
                at.Put(level.Hash);
            }
        }

        at = new(body);
        at.Put(Magic);
        at.Put((uint)directory);
        at.Put((uint)series.Count);
        at.Put(XxHash3.HashToUInt64(directoryBytes));
        return body;
    }

    /// <returns>How long the directory is that follows the header; null: this is no overview, or one of another version.</returns>
    public static int? DirectoryBytes(ReadOnlySpan<byte> header) =>
        header.Length >= HeaderBytes && header[..8].SequenceEqual(Magic)
            && BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) is <= MostDirectoryBytes and var length
            ? (int)length
            : null;

    /// <param name="bytes">Header and directory.</param>
    /// <param name="of">What it has to be an overview of.</param>
    /// <returns>Null: it is one of something else, or damaged.</returns>
    public static IReadOnlyList<OverviewEntry>? Directory(ReadOnlySpan<byte> bytes, string of)
    {
        try
        {
            var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
            if (XxHash3.HashToUInt64(bytes[HeaderBytes..]) != BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..])) return null;
            var at = new Reading(bytes[HeaderBytes..]);
            if (at.Text() != of) return null;
            var entries = new List<OverviewEntry>();
            for (uint i = 0; i < count; i++)
            {
                var name = at.Text();
                var ends = new Downsampler.SeriesEnds(at.Int64(), at.Int64(), at.Value(), at.Value());
                var levels = new List<OverviewLevel>();
                for (int left = at.Byte(); left > 0; left--) levels.Add(new(at.Int64(), checked((int)at.UInt32()), at.Int64(), (ulong)at.Int64()));
                if (levels.Count is 0 or > MostLevels || levels.Exists(level => !Holds(ends.Total, level))) return null;
                entries.Add(new(name, ends, levels));
            }

            return entries;
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            return null;
        }
    }

    /// <param name="bytes">Those of the level.</param>
    /// <returns>Null: they are damaged.</returns>
    public static Downsampler.Stretch[]? Stretches(ReadOnlySpan<byte> bytes, OverviewLevel level)
    {
        if (XxHash3.HashToUInt64(bytes) != level.Hash) return null;
        var at = new Reading(bytes);
        var stretches = new Downsampler.Stretch[level.Stretches];
        for (var i = 0; i < stretches.Length; i++)
        {
            if (level.Width == 1 && at.Value() is var point) stretches[i] = new(i + 1, point, i + 1, point);
            else stretches[i] = new(at.Int64(), at.Value(), at.Int64(), at.Value());
        }

        return stretches;
    }

    // The stretches have all the points between the first and the last, and no more.
    private static bool Holds(long total, OverviewLevel level) =>
        total > 0 && level is { Width: > 0, Offset: >= 0 }
        && (UInt128)Math.Max(0, total - 2) is var inner
        && inner <= (UInt128)level.Width * (UInt128)level.Stretches
        && (level.Stretches == 0 || inner > (UInt128)level.Width * (UInt128)(level.Stretches - 1));

    private static void Put(ref Cursor at, in Downsampler.Stretch stretch, long width)
    {
        if (width > 1) at.Put(stretch.MinAt);
        at.Put(stretch.Min);
        if (width == 1) return;
        at.Put(stretch.MaxAt);
        at.Put(stretch.Max);
    }

    private ref struct Cursor(Span<byte> to)
    {
        private Span<byte> to = to;

        public readonly int Left => to.Length;

        public void Put(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(to);
            to = to[bytes.Length..];
        }

        public void Put(byte value)
        {
            to[0] = value;
            to = to[1..];
        }

        public void Put(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(to, value);
            to = to[4..];
        }

        public void Put(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(to, value);
            to = to[8..];
        }

        public void Put(long value)
        {
            BinaryPrimitives.WriteInt64LittleEndian(to, value);
            to = to[8..];
        }

        public void Put(string text)
        {
            var length = Encoding.UTF8.GetBytes(text, to[2..]);
            BinaryPrimitives.WriteUInt16LittleEndian(to, checked((ushort)length));
            to = to[(2 + length)..];
        }

        public void Put(in MetricValue value)
        {
            Put(value.Step);
            Put((value.At - DateTimeOffset.UnixEpoch).Ticks / MicrosTicks);
            Put(BitConverter.DoubleToInt64Bits(value.Value));
        }
    }

    private ref struct Reading(ReadOnlySpan<byte> from)
    {
        private ReadOnlySpan<byte> from = from;

        public byte Byte() => Take(1)[0];

        public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

        public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

        public string Text() => Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadUInt16LittleEndian(Take(2))));

        public MetricValue Value()
        {
            var (step, micros) = (Int64(), Int64());
            return new(step, BitConverter.Int64BitsToDouble(Int64()), new Serverless.Contract.MetricPoint("", step, 0, micros).At);
        }

        private ReadOnlySpan<byte> Take(int length)
        {
            var taken = from[..length];
            from = from[length..];
            return taken;
        }
    }
}
