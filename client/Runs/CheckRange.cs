using System.Globalization;

namespace Serverless.Client;

/// <summary>What a metric is expected to be: <c>0.95..</c> (at least), <c>..0.1</c> (at most), <c>0.4..0.6</c>; bounds included.</summary>
public sealed record CheckRange(double? AtLeast, double? AtMost)
{
    /// <summary>Null: not a range.</summary>
    public static CheckRange? Parse(string text)
    {
        var dots = text.IndexOf("..", StringComparison.Ordinal);
        if (dots < 0) return null;
        if (!Bound(text[..dots], out var from) || !Bound(text[(dots + 2)..], out var to)) return null;
        return (from is null && to is null) || from > to ? null : new(from, to);
    }

    /// <summary>NaN is in no range.</summary>
    public bool Contains(double value) => !double.IsNaN(value) && !(value < AtLeast) && !(value > AtMost);

    private static bool Bound(string text, out double? bound)
    {
        bound = null;
        if (string.IsNullOrWhiteSpace(text)) return true;
        if (!double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value)) return false;
        bound = value;
        return true;
    }
}
