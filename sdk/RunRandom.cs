using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Serverless;

/// <summary>
/// xoshiro256** 1.0 (Blackman and Vigna, prng.di.unimi.it, public domain), seeded through SplitMix64. System.Random's own generator cannot be saved;
/// this one is four numbers. Every method that draws is overridden, because the base class would draw from a state of its own.
/// </summary>
internal sealed class RunRandom : Random
{
    public const int StateBytes = 32;
    private ulong s0, s1, s2, s3;

    public RunRandom(long seed)
        : base(0)
    {
        var mix = (ulong)seed;
        (s0, s1, s2, s3) = (SplitMix(ref mix), SplitMix(ref mix), SplitMix(ref mix), SplitMix(ref mix));
    }

    /// <summary>A seed that depends on all of the numbers.</summary>
    public static long Mix(params ReadOnlySpan<long> numbers)
    {
        ulong mix = 0;
        foreach (var number in numbers)
        {
            mix ^= (ulong)number;
            mix = SplitMix(ref mix);
        }

        return (long)mix;
    }

    public void SaveTo(Span<byte> state)
    {
        ReadOnlySpan<ulong> all = [s0, s1, s2, s3];
        for (var i = 0; i < all.Length; i++) BinaryPrimitives.WriteUInt64LittleEndian(state[(8 * i)..], all[i]);
    }

    public void LoadFrom(ReadOnlySpan<byte> state)
    {
        s0 = BinaryPrimitives.ReadUInt64LittleEndian(state);
        s1 = BinaryPrimitives.ReadUInt64LittleEndian(state[8..]);
        s2 = BinaryPrimitives.ReadUInt64LittleEndian(state[16..]);
        s3 = BinaryPrimitives.ReadUInt64LittleEndian(state[24..]);
    }

    public override int Next() => Next(int.MaxValue);

    public override int Next(int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return maxValue == 0 ? 0 : (int)Below((ulong)maxValue);
    }

    public override int Next(int minValue, int maxValue) => (int)NextInt64(minValue, maxValue);

    public override long NextInt64() => NextInt64(long.MaxValue);

    public override long NextInt64(long maxValue) => NextInt64(0, maxValue);

    public override long NextInt64(long minValue, long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxValue, minValue);
        return minValue == maxValue ? minValue : minValue + (long)Below((ulong)(maxValue - minValue));
    }

    // The upper bits are the good ones: 53 of them make a double, 24 a float.
    public override double NextDouble() => (Draw() >> 11) * (1.0 / (1L << 53));

    public override float NextSingle() => (Draw() >> 40) * (1.0f / (1 << 24));

    protected override double Sample() => NextDouble();

    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    public override void NextBytes(Span<byte> buffer)
    {
        for (; buffer.Length >= 8; buffer = buffer[8..]) BinaryPrimitives.WriteUInt64LittleEndian(buffer, Draw());
        if (buffer.IsEmpty) return;
        var last = Draw();
        MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in last))[..buffer.Length].CopyTo(buffer);
    }

    /// <summary>Uniform below the limit, without bias: Lemire, "Fast random integer generation in an interval", 2019.</summary>
    private ulong Below(ulong limit)
    {
        var high = Math.BigMul(Draw(), limit, out var low);
        if (low < limit)
        {
            var threshold = (0 - limit) % limit;
            while (low < threshold) high = Math.BigMul(Draw(), limit, out low);
        }

        return high;
    }

    private ulong Draw()
    {
        var drawn = ulong.RotateLeft(s1 * 5, 7) * 9;
        var t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = ulong.RotateLeft(s3, 45);
        return drawn;
    }

    private static ulong SplitMix(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
