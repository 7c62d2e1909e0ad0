using System.Globalization;
using Spectre.Console;

namespace Serverless.Cli.Terminal;

/// <summary>
/// Text that fits: what is left out is an ellipsis. Widths are columns of the terminal; no character is cut in two, whatever it is made of.
/// </summary>
static class Shortened
{
    private const string Ellipsis = "…";

    /// <summary>Keeps the beginning and the end, which are what tells one long name from another.</summary>
    public static string Middle(string text, int width)
    {
        if (width <= 0) return "";
        if (text.GetCellWidth() <= width) return text;
        var room = width - 1;
        var head = Begin(text, (room + 1) / 2);
        var tail = End(text[head.Length..], room - head.GetCellWidth());
        return head + Ellipsis + tail;
    }

    /// <summary>Keeps the beginning, for what is read from left to right.</summary>
    public static string Tail(string text, int width) =>
        width <= 0 ? "" : text.GetCellWidth() <= width ? text : Begin(text, width - 1) + Ellipsis;

    private static string Begin(string text, int width)
    {
        var length = 0;
        for (var used = 0; length < text.Length;)
        {
            var next = StringInfo.GetNextTextElementLength(text, length);
            used += text.Substring(length, next).GetCellWidth();
            if (used > width) break;
            length += next;
        }

        return text[..length];
    }

    private static string End(string text, int width)
    {
        var starts = StringInfo.ParseCombiningCharacters(text);
        var begin = text.Length;
        var used = 0;
        for (var i = starts.Length - 1; i >= 0; i--)
        {
            used += text[starts[i]..begin].GetCellWidth();
            if (used > width) break;
            begin = starts[i];
        }

        return text[begin..];
    }
}
