using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Serverless.Core.Metrics.Printed;

/// <summary>JSON as programs write it: Python writes NaN and Infinity bare, halves of surrogate pairs, and file names in any encoding.</summary>
internal static class LenientJson
{
    private const byte Quote = (byte)'"', Backslash = (byte)'\\';

    /// <returns>A document whose every text can be read.</returns>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static JsonDocument Parse(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text)) text = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text));
        if (text.IndexOf("\\u"u8) >= 0 || text.IndexOf("NaN"u8) >= 0 || text.IndexOf("Infinity"u8) >= 0) text = Repaired(text);
        return JsonDocument.Parse(text.ToArray());
    }

    /// <summary>A number as JSON writes it; null: it is written in another way.</summary>
    public static JsonElement? TryNumber(string text)
    {
        try
        {
            return JsonElement.Parse(text) is { ValueKind: JsonValueKind.Number } number ? number : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>With quotation marks around numbers that JSON does not know, and U+FFFD for half of a surrogate pair.</summary>
    private static ReadOnlySpan<byte> Repaired(ReadOnlySpan<byte> text)
    {
        var repaired = new ArrayBufferWriter<byte>(text.Length + 64);
        var inText = false;
        for (var at = 0; at < text.Length;)
        {
            var rest = text[at..];
            if (inText && rest[0] == Backslash)
            {
                at += Escape(rest, repaired);
                continue;
            }

            if (rest[0] == Quote) inText = !inText;
            var word = inText ? [] : NotFinite(rest);
            if (word.Length > 0) repaired.Write([Quote, .. word, Quote]);
            else repaired.Write(rest[..1]);
            at += Math.Max(1, word.Length);
        }

        return repaired.WrittenSpan;
    }

    private static ReadOnlySpan<byte> NotFinite(ReadOnlySpan<byte> text) =>
        text.StartsWith("NaN"u8) ? "NaN"u8 : text.StartsWith("Infinity"u8) ? "Infinity"u8 : text.StartsWith("-Infinity"u8) ? "-Infinity"u8 : [];

    /// <returns>How much of the text it was.</returns>
    private static int Escape(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> to)
    {
        var taken = Math.Min(text.Length, 2);
        if (CodeUnit(text) is { } unit && char.IsSurrogate(unit))
        {
            var isPair = char.IsHighSurrogate(unit) && CodeUnit(text[6..]) is { } second && char.IsLowSurrogate(second);
            if (!isPair)
            {
                to.Write("\\uFFFD"u8);
                return 6;
            }

            taken = 12;
        }

        to.Write(text[..taken]);
        return taken;
    }

    private static char? CodeUnit(ReadOnlySpan<byte> text) =>
        text.Length >= 6 && text[0] == Backslash && text[1] == (byte)'u'
        && ushort.TryParse(text.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : null;
}
