using System.Globalization;
using System.Text.RegularExpressions;

namespace Serverless.Core.Spec;

/// <summary>How people write a length of time: <c>02:00:00</c>, <c>1.12:00:00</c>, <c>2h</c>, <c>1h30m</c>, <c>45s</c>, <c>0.5d</c>.</summary>
public static partial class Durations
{
    /// <summary>What to write, for messages.</summary>
    public const string Wanted = "a length of time such as 02:00:00, 2h, 90m or 45s";

    /// <summary>Null: not a length of time, or longer than ten years.</summary>
    public static TimeSpan? Parse(string text)
    {
        var seconds = 0.0;
        if (Clock().Match(text) is { Success: true } clock)
        {
            if (Value(clock, "m") >= 60 || Value(clock, "s") >= 60) return null;
            seconds = ((((Value(clock, "d") * 24) + Value(clock, "h")) * 60) + Value(clock, "m")) * 60 + Value(clock, "s");
        }
        else if (Units().Match(text) is { Success: true } units)
        {
            for (var i = 0; i < units.Groups["n"].Captures.Count; i++)
            {
                var unit = units.Groups["u"].Captures[i].Value switch { "d" => 86_400.0, "h" => 3600, "m" => 60, "s" => 1, _ => 0.001 };
                seconds += double.Parse(units.Groups["n"].Captures[i].Value, CultureInfo.InvariantCulture) * unit;
            }
        }
        else
        {
            return null;
        }

        return seconds <= 10 * 365 * 86_400.0 ? TimeSpan.FromSeconds(seconds) : null;
    }

    /// <summary><c>90s</c>, <c>2m</c>, <c>1h</c></summary>
    public static string Text(long seconds)
    {
        var (count, unit) = seconds == 0 || seconds % 60 != 0 ? (seconds, "s") : seconds % 3600 == 0 ? (seconds / 3600, "h") : (seconds / 60, "m");
        return count.ToString(CultureInfo.InvariantCulture) + unit;
    }

    /// <summary>For a JSON schema.</summary>
    internal const string Pattern = @"^(([0-9]{1,5}\.)?[0-9]{1,5}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,7})?|([0-9]{1,9}(\.[0-9]{1,9})?(ms|[dhms]))+)$";

    private static double Value(Match match, string group) =>
        match.Groups[group] is { Success: true, Value: var text } ? double.Parse(text, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^((?<d>[0-9]{1,5})\.)?(?<h>[0-9]{1,5}):(?<m>[0-9]{2}):(?<s>[0-9]{2}(\.[0-9]{1,7})?)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Clock();

    [GeneratedRegex(@"^((?<n>[0-9]{1,9}(\.[0-9]{1,9})?)(?<u>ms|[dhms]))+$", RegexOptions.ExplicitCapture)]
    private static partial Regex Units();
}
