namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// A number as a person reads it in a line of text: <c>0.31</c>, <c>0,31</c>, <c>1,234,567.8</c>, <c>-4e-1</c>, <c>50%</c>, <c>nan</c>.
/// </summary>
/// <param name="IsThere">False: what stands there is no number, as times, dates, versions and fractions are none.</param>
/// <param name="Unclear">Why it cannot be read for certain; null: it can.</param>
internal readonly record struct PrintedNumber(bool IsThere, double Value = 0, string? Unclear = null)
{
    private const string WithUnit = "a value is a plain number, without a unit";
    private const string NoPlainNumber = "the commas and points in it can be read in more than one way";

    private const int LongestUnit = 9;

    /// <summary>Characters that stand between the digits of one number: the space that does not break, its narrow sisters, and apostrophes.</summary>
    private const string Separators = "\u00a0\u2007\u2009\u202f'\u2019";

    /// <summary>Words that behind a number, and a space, are its unit. Others are the next words of the line.</summary>
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Units = new HashSet<string>(StringComparer.Ordinal)
    {
        "B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "k", "K", "M", "G", "T",
        "ns", "us", "µs", "ms", "s", "sec", "secs", "seconds", "min", "mins", "minutes", "h", "hours", "Hz", "kHz", "MHz", "GHz", "W", "°C",
        "it/s", "s/it", "img/s", "images/s", "samples/s", "steps/s", "tokens/s", "tok/s", "B/s", "kB/s", "MB/s", "GB/s",
    }.GetAlternateLookup<ReadOnlySpan<char>>();

    private static PrintedNumber None => default;

    /// <param name="at">Where it begins; afterwards where reading goes on.</param>
    public static PrintedNumber Read(ReadOnlySpan<char> text, ref int at)
    {
        var begin = at;
        var negative = at < text.Length && text[at] is '-' or '\u2212';
        if (at < text.Length && (negative || text[at] == '+')) at++;
        if (at < text.Length && char.IsAsciiLetter(text[at])) return Word(text, begin, negative, ref at);
        var digits = PrintedDigits.Read(text, ref at);
        if (digits.Text.Length == 0)
        {
            at = begin;
            return None;
        }

        if (Share(text, ref at) is { } share) return new(true, share);
        var exponent = Exponent(text, ref at);
        if (at < text.Length && text[at] == '%') at++;
        if (!Ends(text[at..])) return Unit(text, ref at) ? new(true, Unclear: WithUnit) : None;
        if (digits.Dots > 1 && digits.Commas == 0 || IsFraction(text[at..])) return None;
        if (HasUnitBehind(text[at..])) return new(true, Unclear: WithUnit);
        var goesOn = IsList(text[at..]) || GoesOn(text[at..]) || IsPower(text[at..])
            || digits is { Text.Length: <= 3, Dots: 0 } && IsGroup(text[at..]);
        if (goesOn || digits.Number(exponent) is not { } value) return new(true, Unclear: NoPlainNumber);
        if (!double.IsFinite(value) || (value == 0 && digits.Text.ContainsAnyInRange('1', '9'))) return new(true, Unclear: JsonMetrics.OutOfRange);
        return new(true, negative ? -value : value);
    }

    private static PrintedNumber Word(ReadOnlySpan<char> text, int begin, bool negative, ref int at)
    {
        var from = at;
        while (at < text.Length && at - from < 9 && char.IsAsciiLetter(text[at])) at++;
        var word = text[from..at];
        if (Ends(text[at..]))
        {
            if (word.Equals("nan", StringComparison.OrdinalIgnoreCase)) return new(true, double.NaN);
            if (word.Equals("inf", StringComparison.OrdinalIgnoreCase) || word.Equals("infinity", StringComparison.OrdinalIgnoreCase))
            {
                return new(true, negative ? double.NegativeInfinity : double.PositiveInfinity);
            }
        }

        at = begin;
        return None;
    }

    // "9840/10000 (98%)" is 98.
    private static double? Share(ReadOnlySpan<char> text, ref int at)
    {
        if (at == text.Length || text[at] != '/') return null;
        var end = at + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        if (end == at + 1 || text[end..] is not [' ', '(', ..]) return null;
        end += 2;
        while (end < text.Length && text[end] == ' ') end++;
        var digits = PrintedDigits.Read(text, ref end);
        if (text[end..] is not ['%', ')', ..] || digits.Text.Length == 0 || digits.Number([]) is not { } percent) return null;
        at = end + 2;
        return percent;
    }

    private static ReadOnlySpan<char> Exponent(ReadOnlySpan<char> text, ref int at)
    {
        var from = at < text.Length && text[at] == '.' ? at + 1 : at;
        if (from >= text.Length || text[from] is not ('e' or 'E')) return [];
        var digits = from + 1 < text.Length && text[from + 1] is '+' or '-' ? from + 2 : from + 1;
        var end = digits;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        if (end == digits) return [];
        at = end;
        return text[from..end];
    }

    private static bool Unit(ReadOnlySpan<char> text, ref int at)
    {
        var isUnit = at < text.Length && char.IsLetter(text[at]);
        while (isUnit && at < text.Length && char.IsLetterOrDigit(text[at])) at++;
        return isUnit;
    }

    private static bool Ends(ReadOnlySpan<char> rest)
    {
        if (rest is ['.', ..]) rest = rest[1..];
        else if (rest is [',' or ';' or '|' or ')' or ']' or '}' or '>' or '"' or '\'', ..]) return true;
        return rest.Length == 0 || char.IsWhiteSpace(rest[0]) || char.IsControl(rest[0]);
    }

    // "12 it/s", and not the "s" of "0.5 s=3".
    private static bool HasUnitBehind(ReadOnlySpan<char> rest)
    {
        var word = rest.TrimStart(' ');
        if (word.Length == rest.Length || word.Length == 0) return false;
        var end = word[..Math.Min(word.Length, LongestUnit + 1)].IndexOfAny(" \t,;|)]}".AsSpan());
        return Units.Contains(end >= 0 ? word[..end] : word.Length <= LongestUnit ? word : []);
    }

    // "9 / 10".
    private static bool IsFraction(ReadOnlySpan<char> rest) =>
        rest.TrimStart(' ') is ['/', .. var behind] && behind.TrimStart(' ') is [var digit, ..] && char.IsAsciiDigit(digit);

    // "5 × 10^3", "1.5 e-3".
    private static bool IsPower(ReadOnlySpan<char> rest)
    {
        rest = rest.TrimStart(' ');
        return rest is ['×' or '·', ..] or ['e' or 'E', '+' or '-', >= '0' and <= '9', ..] or ['x' or '*', ' ', '1', '0', '^' or '*', ..];
    }

    // "1 000 000" may be a million, and three numbers.
    internal static bool IsGroup(ReadOnlySpan<char> rest) =>
        rest is [' ', _, _, _, ..] && !rest[1..4].ContainsAnyExceptInRange('0', '9')
        && (rest.Length == 4 || !char.IsLetterOrDigit(rest[4]) && rest[4] is not '=');

    private static bool GoesOn(ReadOnlySpan<char> rest) =>
        rest is [var separator, var next, ..] && Separators.Contains(separator) && char.IsAsciiDigit(next);

    private static bool IsList(ReadOnlySpan<char> rest) =>
        rest is [',', '+' or '-' or '.', var signed, ..] && char.IsAsciiDigit(signed) || rest is [',', var next, ..] && char.IsAsciiDigit(next);
}
