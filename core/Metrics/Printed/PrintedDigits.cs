using System.Globalization;

namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Digits with the points, commas and underscores between them. What these mean differs between countries, and mostly follows from where they stand.
/// </summary>
internal readonly ref struct PrintedDigits
{
    /// <summary>What is longer has no separators that a person wrote.</summary>
    private const int MaxSeparated = 64;

    public ReadOnlySpan<char> Text { get; private init; }
    public int Dots { get; private init; }
    public int Commas { get; private init; }
    public int Underscores { get; private init; }

    public static PrintedDigits Read(ReadOnlySpan<char> text, ref int at)
    {
        int from = at, dots = 0, commas = 0, underscores = 0;
        for (; at < text.Length; at++)
        {
            var c = text[at];
            if (char.IsAsciiDigit(c)) continue;
            var separates = at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]) && (c == '.' || (c is ',' or '_' && at > from));
            if (!separates) break;
            if (c == '.') dots++;
            else if (c == ',') commas++;
            else underscores++;
        }

        return new() { Text = text[from..at], Dots = dots, Commas = commas, Underscores = underscores };
    }

    /// <summary>The number with an exponent behind it, which may be empty; null when it can be read in more than one way, or in none.</summary>
    public double? Number(ReadOnlySpan<char> exponent)
    {
        if (Commas + Underscores == 0) return Dots <= 1 ? Parsed(Text, exponent) : null;
        var point = DecimalPoint(exponent.Length > 0);
        return point is { } place ? Parsed(Plain(place), exponent) : null;
    }

    public long? WholeNumber()
    {
        // 1,234 has no decimal comma where only whole numbers are.
        var number = Commas == 1 && Dots == 0 && IsGrouped(Text, ',') ? Parsed(Plain(Text.Length), []) : Number([]);
        return number is { } value && double.IsInteger(value) && value < 1L << 60 ? Exactly(value) : null;
    }

    private long Exactly(double value) => long.TryParse(Text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) ? whole : (long)value;

    /// <returns>Where the decimal point or comma stands, the end when there is none; null: it cannot be told.</returns>
    private int? DecimalPoint(bool hasExponent)
    {
        if (Text.Length > MaxSeparated) return null;
        if (Underscores > 0) return Commas == 0 && Dots <= 1 && IsGrouped(UpTo('.'), '_') ? UpTo('.').Length : null;
        if (Dots == 0 && Commas == 1)
        {
            var comma = Text.IndexOf(',');
            var mayBeThousands = !hasExponent && IsGrouped(Text, ',');
            return mayBeThousands ? null : comma;
        }

        if (Dots == 0) return IsGrouped(Text, ',') ? Text.Length : null;
        if (Dots == 1 && IsGrouped(UpTo('.'), ',') && IsFraction('.')) return UpTo('.').Length;

        // "12.345,678" may as well be two numbers.
        return Commas == 1 && IsGrouped(UpTo(','), '.') && IsFraction(',') && (Dots > 1 || Text.Length - UpTo(',').Length - 1 != 3)
            ? UpTo(',').Length
            : null;
    }

    /// <summary>Whether nothing but digits follows it: of several numbers with a comma between them it does not.</summary>
    private bool IsFraction(char point) => !Text[(UpTo(point).Length + 1)..].ContainsAnyExceptInRange('0', '9');

    private ReadOnlySpan<char> UpTo(char separator) => Text.IndexOf(separator) is >= 0 and var at ? Text[..at] : Text;

    /// <summary>Whether it is a group of one to three digits, not beginning with 0, and then groups of three, with this separator alone.</summary>
    private static bool IsGrouped(ReadOnlySpan<char> text, char separator)
    {
        if (text is ['0', ..]) return false;
        var first = true;
        foreach (var range in text.Split(separator))
        {
            var group = text[range];
            if (group.ContainsAnyExceptInRange('0', '9') || (first ? group.Length is < 1 or > 3 : group.Length != 3)) return false;
            first = false;
        }

        return text.Length > 3;
    }

    private string Plain(int point)
    {
        Span<char> plain = stackalloc char[MaxSeparated];
        var length = 0;
        for (var i = 0; i < Text.Length; i++)
        {
            if (char.IsAsciiDigit(Text[i])) plain[length++] = Text[i];
            else if (i == point) plain[length++] = '.';
        }

        return plain[..length].ToString();
    }

    private static double? Parsed(ReadOnlySpan<char> digits, ReadOnlySpan<char> exponent)
    {
        var text = exponent.Length == 0 ? digits : string.Concat(digits, exponent);
        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(text, style, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
