using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Runs;

namespace Serverless.Cli.Terminal;

/// <summary>Values as people read them, always with '.' as the decimal point.</summary>
static class Format
{
    /// <summary>Characters of a run id that lists show: its end, because the beginning is the time and the same for neighbours.</summary>
    public const int ShortIdLength = 6;

    /// <summary>Folders are named by it, and the id is what a platform somewhere calls one: letters and digits alone.</summary>
    public static string ShortId(string id)
    {
        var end = id.Length > ShortIdLength ? id[^ShortIdLength..] : id;
        return end.All(char.IsAsciiLetterOrDigit) ? end : "unknown";
    }

    /// <summary>42 ms, 3.2 s, 1m 05s, 2h 10m, 3d 4h.</summary>
    public static string Duration(TimeSpan span) => span switch
    {
        { Ticks: < 0 } => "0 s",
        { TotalSeconds: < 1 } => Invariant($"{span.TotalMilliseconds:0} ms"),
        { TotalSeconds: < 9.95 } => Invariant($"{span.TotalSeconds:0.0} s"),
        { TotalSeconds: < 60 } => Invariant($"{Math.Floor(span.TotalSeconds):0} s"),
        { TotalHours: < 1 } => Invariant($"{span.Minutes}m {span.Seconds:00}s"),
        { TotalDays: < 1 } => Invariant($"{span.Hours}h {span.Minutes:00}m"),
        _ => Invariant($"{span.Days}d {span.Hours}h"),
    };

    /// <summary>now, 42 s ago, 3 min ago, 5 h ago, 2 days ago, then the date.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) =>
        Age(at, now) is var age && (age is "now" || age.Contains('-', StringComparison.Ordinal)) ? age : age + " ago";

    /// <summary>The same without "ago", for columns.</summary>
    public static string Age(DateTimeOffset at, DateTimeOffset now) => (now - at) switch
    {
        { TotalSeconds: < 2 } => "now",
        { TotalSeconds: < 60 } span => Invariant($"{Math.Floor(span.TotalSeconds):0} s"),
        { TotalMinutes: < 60 } span => Invariant($"{Math.Floor(span.TotalMinutes):0} min"),
        { TotalHours: < 24 } span => Invariant($"{Math.Floor(span.TotalHours):0} h"),
        { TotalDays: < 2 } => "1 day",
        { TotalDays: < 15 } span => Invariant($"{Math.Floor(span.TotalDays):0} days"),
        _ => at.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
    };

    public static string Time(DateTimeOffset at) => at.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Decimal units, as disks are sold: 512 B, 1.2 kB, 34 MB.</summary>
    public static string Bytes(long count)
    {
        if (count < 1000) return Invariant($"{count} B");
        var (value, unit) = ((double)count, 0);
        while (value >= 999.5) (value, unit) = (value / 1000, unit + 1);
        return value < 9.95 ? Invariant($"{value:0.0} {" kMGTPE"[unit]}B") : Invariant($"{value:0} {" kMGTPE"[unit]}B");
    }

    /// <summary>Five digits that count; whole numbers in full.</summary>
    public static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "∞"
        : double.IsNegativeInfinity(value) ? "-∞"
        : double.IsNaN(value) ? "NaN"
        : double.IsInteger(value) && Math.Abs(value) < 1e9 ? value.ToString("0", CultureInfo.InvariantCulture)
        : Math.Abs(value) is >= 1e-3 and < 1e9 ? value.ToString(Math.Abs(value) >= 1e4 ? "0.#" : "G5", CultureInfo.InvariantCulture)
        : value.ToString("0.###e0", CultureInfo.InvariantCulture);

    public static string Value(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    public static string Params(IEnumerable<KeyValuePair<string, JsonElement>> all) =>
        string.Join(' ', ParamPath.Flat(all).Select(one => $"{one.Key}={Value(one.Value)}"));

    public static string State(RunState state) => CoreJson.Name(state);

    public static string Cause(Cause cause) => CoreJson.Name(cause);

    /// <summary>Spectre's name of the colour that a state has everywhere.</summary>
    public static string Colour(RunState state) => state switch
    {
        RunState.Queued => "grey",
        RunState.Preparing => "yellow",
        RunState.Running => "blue",
        RunState.Succeeded => "green",
        RunState.Failed => "red",
        RunState.Cancelled => "magenta",
    };

    /// <summary>A sign that says the same without colours.</summary>
    public static string Sign(RunState state) => state switch
    {
        RunState.Queued => "·",
        RunState.Preparing => "◌",
        RunState.Running => "●",
        RunState.Succeeded => "✓",
        RunState.Failed => "✗",
        RunState.Cancelled => "◼",
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
