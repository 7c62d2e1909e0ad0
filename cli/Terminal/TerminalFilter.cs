using System.Text;

namespace Serverless.Cli.Terminal;

/// <summary>
/// Text that somebody else wrote, as a terminal may show it. Escape sequences can do more than colour: move the cursor over what was shown before,
/// rename the window, put text into the clipboard or answer as if it were typed. What is left has no control characters but line feeds and tabs, and
/// none that turn the direction of writing.
/// </summary>
/// <param name="colours">Keep the sequences that set colours.</param>
sealed class TerminalFilter(bool colours)
{
    private const char Escape = '\x1b';
    private const int LongestSequence = 64;

    private enum Within
    {
        Text,
        Escape,

        /// <summary>After ESC [.</summary>
        Sequence,

        /// <summary>A command with text in it, such as a window's title.</summary>
        String,
    }

    private readonly StringBuilder sequence = new();
    private Within within;
    private bool afterReturn;

    /// <summary>A colour was set and may still be.</summary>
    public bool IsColoured { get; private set; }

    public const string Uncoloured = "\x1b[0m";

    /// <summary>In one line, for a cell, a name or a value.</summary>
    public static string OneLine(string text) =>
        NeedsNothing(text) ? text : new TerminalFilter(colours: false).Add(text).Replace('\n', ' ').Replace('\t', ' ');

    public static string Lines(string text) => new TerminalFilter(colours: false).Add(text);

    /// <summary>Goes on where the text before ended, which may be in the middle of a sequence.</summary>
    public string Add(ReadOnlySpan<char> text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var c in text) Add(c, clean);
        return clean.ToString();
    }

    private static bool NeedsNothing(string text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c) || IsDirection(c)) return false;
        }

        return true;
    }

    private void Add(char c, StringBuilder clean)
    {
        // A line's end ends everything: what was begun and never closed must not swallow the rest.
        if (c is '\n' or '\r' || within == Within.Text)
        {
            within = Within.Text;
            Plain(c, clean);
            return;
        }

        switch (within)
        {
            case Within.Escape:
                within = c switch { '[' =>
                    Begun(), ']' or 'P' or 'X' or '^' or '_' => Within.String, Escape or (>= ' ' and <= '/') => Within.Escape, _ => Within.Text };
                break;
            case Within.Sequence when c is >= ' ' and <= '?':
                if (sequence.Length < LongestSequence) sequence.Append(c);
                break;
            case Within.Sequence:
                if (c == 'm' && colours && IsColour(sequence)) Colour(clean);
                within = c == Escape ? Within.Escape : Within.Text;
                break;
            case Within.String when c is '\a' or '\x9c' or '\x18' or '\x1a':
                within = Within.Text;
                break;
            case Within.String when c == Escape:
                within = Within.Escape;
                break;
        }
    }

    private void Plain(char c, StringBuilder clean)
    {
        var ends = afterReturn && c == '\n';
        afterReturn = c == '\r';
        if (ends) return;
        switch (c)
        {
            case '\n' or '\r':
                // A return alone would let the next text cover this one.
                clean.Append('\n');
                break;
            case '\t':
                clean.Append(c);
                break;
            case Escape:
                within = Within.Escape;
                break;
            case '\x9b':
                within = Begun();
                break;
            case '\x90' or '\x98' or '\x9d' or '\x9e' or '\x9f':
                within = Within.String;
                break;
            default:
                if (!char.IsControl(c) && !IsDirection(c)) clean.Append(c);
                break;
        }
    }

    private Within Begun()
    {
        sequence.Clear();
        return Within.Sequence;
    }

    private void Colour(StringBuilder clean)
    {
        clean.Append(Escape).Append('[').Append(sequence).Append('m');
        IsColoured = sequence.ToString() is not ("" or "0");
    }

    private static bool IsColour(StringBuilder sequence) =>
        sequence.Length < LongestSequence && sequence.ToString().All(c => char.IsAsciiDigit(c) || c is ';' or ':');

    private static bool IsDirection(char c) =>
        c is '\u061c' or '\u200e' or '\u200f' or (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
}
