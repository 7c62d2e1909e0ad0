using System.Security.Cryptography;

namespace Serverless.Core;

/// <summary>Makes names that nobody else makes.</summary>
public interface IIds
{
    /// <summary>26 characters (Crockford base 32), unique; ids made later sort earlier, so a listing begins with the newest.</summary>
    string NewestFirst();

    /// <summary>16 hexadecimal characters, unique in practice; for nonces and temporary names.</summary>
    string Nonce();
}

/// <summary>48 bits of milliseconds until the year 10889 and 80 bits of randomness.</summary>
public sealed class SystemIds(TimeProvider time) : IIds
{
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    private const long End = (1L << 48) - 1;

    public string NewestFirst()
    {
        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        Span<char> id = stackalloc char[26];
        var left = End - time.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 9; i >= 0; i--, left >>= 5) id[i] = Alphabet[(int)(left & 31)];
        for (var i = 0; i < 16; i++) id[10 + i] = Alphabet[random[i] & 31];
        return new(id);
    }

    public string Nonce() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
}
