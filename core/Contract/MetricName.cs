using System.Security.Cryptography;
using System.Text;

namespace Serverless.Contract;

/// <summary>The names of metrics: UTF-8 of at most <see cref="MaxBytes"/>.</summary>
internal static class MetricName
{
    public const int MaxBytes = 256;
    private const int HashCharacters = 16;

    /// <summary>
    /// The name as it is stored. A longer one keeps its beginning, then '~' and a hash of the whole, so that names which differ only behind the limit
    /// stay two metrics. What UTF-8 cannot express (half of a surrogate pair) is U+FFFD.
    /// </summary>
    public static string Fit(string name)
    {
        if (name.Length <= MaxBytes / 3 && !name.AsSpan().ContainsAnyInRange('\ud800', '\udfff')) return name;
        var bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length <= MaxBytes) return Encoding.UTF8.GetString(bytes);
        var kept = MaxBytes - 1 - HashCharacters;
        while ((bytes[kept] & 0b1100_0000) == 0b1000_0000) kept--;
        return $"{Encoding.UTF8.GetString(bytes, 0, kept)}~{Convert.ToHexStringLower(SHA256.HashData(bytes))[..HashCharacters]}";
    }
}
