namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Text as a terminal would show it: without colours, titles and links (ECMA-48 control sequences and control strings). Where a sequence moves the
/// cursor elsewhere, the line ends.
/// </summary>
internal static class TerminalEscapes
{
    private const byte Escape = 0x1B, Bell = 0x07;

    /// <returns>The same bytes when there is nothing to take out.</returns>
    public static ReadOnlySpan<byte> Remove(ReadOnlySpan<byte> text)
    {
        var next = text.IndexOf(Escape);
        if (next < 0) return text;
        var kept = new byte[text.Length];
        var length = 0;
        while (next >= 0)
        {
            text[..next].CopyTo(kept.AsSpan(length));
            length += next;
            text = text[next..];
            var taken = Sequence(text, out var replacement);
            if (replacement != 0) kept[length++] = replacement;
            text = text[taken..];
            next = text.IndexOf(Escape);
        }

        text.CopyTo(kept.AsSpan(length));
        return kept.AsSpan(0, length + text.Length);
    }

    /// <returns>Length of the sequence that the text begins with, however broken it is.</returns>
    private static int Sequence(ReadOnlySpan<byte> text, out byte replacement)
    {
        replacement = 0;
        if (text.Length < 2) return text.Length;
        return text[1] switch
        {
            (byte)'[' => Control(text, out replacement),
            (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_' => String(text),
            _ => Simple(text),
        };
    }

    private static int Control(ReadOnlySpan<byte> text, out byte replacement)
    {
        replacement = 0;
        var at = 2;
        while (at < text.Length && text[at] is >= 0x20 and <= 0x3F) at++;
        if (at == text.Length || text[at] is < 0x40 or > 0x7E) return at;
        replacement = text[at] switch
        {
            (byte)'C' => (byte)' ',
            >= (byte)'A' and <= (byte)'H' or (byte)'d' or (byte)'f' or (byte)'u' => (byte)'\n',
            _ => 0,
        };
        return at + 1;
    }

    // Ends at a bell or at the escape that begins its terminator.
    private static int String(ReadOnlySpan<byte> text)
    {
        var end = text[2..].IndexOfAny(Bell, Escape);
        if (end < 0) return text.Length;
        return text[2 + end] == Bell ? end + 3 : end + 2;
    }

    private static int Simple(ReadOnlySpan<byte> text)
    {
        var at = 1;
        while (at < text.Length && text[at] is >= 0x20 and <= 0x2F) at++;
        return at < text.Length && text[at] is >= 0x30 and <= 0x7E ? at + 1 : at;
    }
}
