using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Serverless.Core.Spec;

/// <summary>
/// One text for equal JSON values, for hashing: names in ordinal order, no white space, everything beyond ASCII escaped, and numbers by value:
/// a whole number that fits into 64 bits as its digits (<c>1.0</c>, <c>1e0</c> and <c>1</c> are all <c>1</c>, <c>-0.0</c> is <c>0</c>), any other as
/// the
/// shortest text that reads back as the same double (<c>0.10</c> → <c>0.1</c>, <c>1e-7</c> → <c>1e-07</c>).
/// </summary>
public static class CanonicalJson
{
    /// <summary>Null: no 64-bit number (infinite, or a whole number of more than 64 bits, whose digits a double would lose).</summary>
    /// <param name="text">As JSON or YAML write numbers.</param>
    public static string? Number(string text)
    {
        var invariant = CultureInfo.InvariantCulture;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, invariant, out var whole)) return whole.ToString(invariant);
        if (ulong.TryParse(text, NumberStyles.AllowLeadingSign, invariant, out var large)) return large.ToString(invariant);
        if (!text.AsSpan().ContainsAny(".eE")) return null;
        if (!double.TryParse(text, NumberStyles.Float, invariant, out var value) || !double.IsFinite(value)) return null;
        if (value == Math.Truncate(value) && Math.Abs(value) < 9.2233720368547758e18) return ((long)value).ToString(invariant);
        return value.ToString("R", invariant).Replace('E', 'e');
    }

    /// <summary>The same value in canonical form; null when it holds a number that has none.</summary>
    public static JsonElement? Of(JsonElement value)
    {
        try
        {
            return JsonElement.Parse(Bytes(value));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <exception cref="FormatException">A number is infinite or a whole number of more than 64 bits.</exception>
    public static byte[] Bytes(JsonElement value)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes)) Write(writer, value);
        return bytes.ToArray();
    }

    /// <summary>
    /// SHA-256 in hexadecimal over <paramref name="scheme"/>, a line feed, and the canonical text of the value as <see cref="CoreJson"/> writes it.
    /// </summary>
    public static string Hash<T>(string scheme, T value) =>
        Convert.ToHexStringLower(
            SHA256.HashData([.. Encoding.UTF8.GetBytes(scheme), (byte)'\n', .. Bytes(JsonSerializer.SerializeToElement(value, CoreJson.Options))]));

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var field in value.EnumerateObject().OrderBy(field => field.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(field.Name);
                    Write(writer, field.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray()) Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.Number:
                writer.WriteRawValue(Number(value.GetRawText()) ?? throw new FormatException($"{value.GetRawText()} is not a number of 64 bits"));
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }
}
