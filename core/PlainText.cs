using System.Text;

namespace Serverless.Core;

/// <summary>
/// Names and messages of people's code, made fit for documents of any kind: nothing in them that XML forbids, that a terminal or a browser obeys, or
/// that turns the direction of what stands around it. Whoever writes a document escapes its own markup afterwards.
/// </summary>
public static class PlainText
{
    /// <summary>Control characters but for line feeds and tabs become spaces; half characters, and marks of direction, become U+FFFD.</summary>
    public static string Of(string text)
    {
        if (text.All(c => c is >= ' ' and < '\u007f' or '\n' or '\t')) return text;
        var plain = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\n' or '\t') plain.Append((char)rune.Value);
            else if (Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029) plain.Append(' ');
            else if (TurnsDirection(rune.Value) || rune.Value is 0xFFFE or 0xFFFF) plain.Append('\uFFFD');
            else plain.Append(rune);
        }

        return plain.ToString();
    }

    private static bool TurnsDirection(int value) => value is 0x061C or 0x200E or 0x200F or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
}
