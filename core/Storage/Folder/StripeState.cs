using System.Buffers.Binary;
using System.Text;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// An append that has begun: until it is taken back, the object is its first <paramref name="From"/> bytes, of time <paramref name="FromTicks"/>.
/// </summary>
internal sealed record AppendIntent(string Key, long From, long FromTicks, long To)
{
    /// <summary>The version before the append; null when the file is another one by now (a person replaced it).</summary>
    public FileVersion? Before(long lengthNow) => lengthNow >= From && lengthNow <= To ? new(FromTicks, From) : null;
}

/// <summary>
/// What the writers of one stripe of keys leave each other, in <see cref="Bytes"/> bytes: the append that is under way, and a time later than any
/// deleted object's, so that an object made again has another ETag.
/// </summary>
internal readonly record struct StripeState(long Deleted, AppendIntent? Append)
{
    public const int Bytes = 1024;
    private const int Head = 48;

    public void Write(Span<byte> slot)
    {
        slot.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(slot[8..], Deleted);
        if (Append is { } append)
        {
            BinaryPrimitives.WriteInt64LittleEndian(slot[16..], append.From);
            BinaryPrimitives.WriteInt64LittleEndian(slot[24..], append.FromTicks);
            BinaryPrimitives.WriteInt64LittleEndian(slot[32..], append.To);
            BinaryPrimitives.WriteInt32LittleEndian(slot[40..], Encoding.UTF8.GetBytes(append.Key, slot[Head..]));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(slot, Sum(slot[8..]));
    }

    /// <summary>False when the bytes are a mixture of two writes.</summary>
    public static bool TryRead(ReadOnlySpan<byte> slot, out StripeState state)
    {
        state = default;
        if (!slot.ContainsAnyExcept((byte)0)) return true;
        if (BinaryPrimitives.ReadUInt64LittleEndian(slot) != Sum(slot[8..])) return false;
        var keyBytes = BinaryPrimitives.ReadInt32LittleEndian(slot[40..]);
        if (keyBytes < 0 || keyBytes > Bytes - Head) return false;
        var append = keyBytes == 0 ? null : new AppendIntent(
            Encoding.UTF8.GetString(slot.Slice(Head, keyBytes)),
            BinaryPrimitives.ReadInt64LittleEndian(slot[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(slot[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(slot[32..]));
        state = new(BinaryPrimitives.ReadInt64LittleEndian(slot[8..]), append);
        return true;
    }

    /// <summary>FNV-1a over 8-byte words, never 0.</summary>
    public static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = 14695981039346656037UL;
        for (; bytes.Length >= 8; bytes = bytes[8..]) sum = (sum ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes)) * 1099511628211UL;
        foreach (var b in bytes) sum = (sum ^ b) * 1099511628211UL;
        return sum | 1;
    }
}
