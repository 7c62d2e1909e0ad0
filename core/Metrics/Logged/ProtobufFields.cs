using System.Buffers.Binary;

namespace Serverless.Core.Metrics.Logged;

/// <summary>The fields of a Protocol Buffers message, one after the other, without its schema.</summary>
internal ref struct ProtobufFields(ReadOnlySpan<byte> message)
{
    public const int Varint = 0, EightBytes = 1, Bytes = 2, FourBytes = 5;

    private ReadOnlySpan<byte> rest = message;
    private ulong field;

    /// <summary>It is no message, at least not to its end.</summary>
    public bool IsBroken { get; private set; }

    public ulong Number { get; private set; }
    public ReadOnlySpan<byte> Content { get; private set; }

    public readonly bool Is(int number, int kind) => field == ((ulong)number << 3 | (uint)kind);

    /// <summary>Goes on to the next field; false at the end, or when the message is broken.</summary>
    public bool Next()
    {
        if (rest.IsEmpty || IsBroken) return false;
        Content = default;
        if (!TryNumber(out field)) return Break();
        switch (field & 7)
        {
            case Varint:
                if (!TryNumber(out var number)) return Break();
                Number = number;
                return true;
            case EightBytes when rest.Length >= 8:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(rest);
                rest = rest[8..];
                return true;
            case FourBytes when rest.Length >= 4:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(rest);
                rest = rest[4..];
                return true;
            case Bytes:
                if (!TryNumber(out var length) || length > (ulong)rest.Length) return Break();
                Content = rest[..(int)length];
                rest = rest[(int)length..];
                return true;
            default:
                return Break();
        }
    }

    private bool TryNumber(out ulong number)
    {
        number = 0;
        for (var shift = 0; shift < 64 && rest.Length > 0; shift += 7)
        {
            var one = rest[0];
            rest = rest[1..];
            number |= (ulong)(one & 0x7f) << shift;
            if (one < 0x80) return true;
        }

        return false;
    }

    private bool Break()
    {
        IsBroken = true;
        return false;
    }
}
