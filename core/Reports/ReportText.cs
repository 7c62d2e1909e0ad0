using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Serverless.Core.Reports;

/// <summary>How numbers, times and names read in a report.</summary>
static class ReportText
{
    public const string Nothing = "–";
    private const int MaxCell = 24, MaxListed = 20;

    public static string Number(double? value) => value switch
    {
        null => Nothing,
        { } v when !double.IsFinite(v) => v.ToString(CultureInfo.InvariantCulture),
        0 => "0",
        { } v when Math.Abs(v) is >= 1e7 or < 1e-3 => v.ToString("0.###e0", CultureInfo.InvariantCulture),
        { } v when Math.Abs(v) >= 1000 => v.ToString("#,0.##", CultureInfo.InvariantCulture),
        { } v => v.ToString("0.####", CultureInfo.InvariantCulture),
    };

    public static string Count(long? value) => value?.ToString("#,0", CultureInfo.InvariantCulture) ?? Nothing;

    public static string Percent(double? fraction) => fraction is { } f ? (f * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %" : Nothing;

    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";

    public static string Duration(TimeSpan? span) => span switch
    {
        null => Nothing,
        { TotalSeconds: < 60 } s => s.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s",
        { TotalHours: < 1 } s => string.Create(CultureInfo.InvariantCulture, $"{s.Minutes} min {s.Seconds:00} s"),
        { } s => string.Create(CultureInfo.InvariantCulture, $"{(int)s.TotalHours} h {s.Minutes:00} min"),
    };

    public static string Value(JsonElement? value) => value switch
    {
        null => Nothing,
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Number } number when number.TryGetDouble(out var d) && Math.Abs(d) < 1e15 =>
            d.ToString(CultureInfo.InvariantCulture),
        { } other => other.GetRawText(),
    };

    /// <summary>For the cell of a table or a legend, where there is little room.</summary>
    public static string ShortValue(JsonElement? value) =>
        Value(value) is { Length: > MaxCell } text ? string.Concat(text.AsSpan(0, MaxCell - 1), "…") : Value(value);

    /// <summary>The first of many, and how many more there are.</summary>
    /// <param name="unnamed">More of them, whose names nobody has kept.</param>
    public static string Listed(IReadOnlyList<string> all, int unnamed = 0)
    {
        var more = Math.Max(0, all.Count - MaxListed) + unnamed;
        return string.Join(", ", all.Take(MaxListed)) + (more == 0 ? "" : all.Count == 0 ? $"{Count(more)} more" : $" and {Count(more)} more");
    }

    /// <summary>A file name that is not yet among <paramref name="taken"/>, which it joins: <c>val/accuracy</c> → <c>val-accuracy</c>.</summary>
    public static string FileName(string name, ISet<string> taken)
    {
        var slug = new StringBuilder();
        foreach (var c in name.Take(60))
        {
            if (char.IsAsciiLetterOrDigit(c)) slug.Append(char.ToLowerInvariant(c));
            else if (slug.Length > 0 && slug[^1] != '-') slug.Append('-');
        }

        var stem = slug.ToString().Trim('-') is { Length: > 0 } some ? some : "chart";
        var unique = stem;
        for (var n = 2; !taken.Add(unique); n++) unique = $"{stem}-{n.ToString(CultureInfo.InvariantCulture)}";
        return unique;
    }
}
