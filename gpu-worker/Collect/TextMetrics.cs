using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Serverless.GpuWorker.Collect;

/// <summary>Metrics in text: lines of <c>metrics.jsonl</c>, and what training code of all kinds prints: <c>step 12 loss=0.31 acc: 0.9</c>.</summary>
static partial class TextMetrics
{
    /// <summary>Names in JSON that say when, not what.</summary>
    private static readonly string[] NotMetrics = ["step", "global_step", "name", "time", "timestamp", "t", "_step", "_timestamp", "_runtime"];

    /// <summary>Adds what a printed line says; nothing when it names no step.</summary>
    public static void ReadPrinted(ReadOnlySpan<byte> line, Action<string, long, double> found)
    {
        var text = line.TrimStart((byte)' ');
        if (text.Length < 8 || (!Contains(text, "step"u8, "STEP"u8, "Step"u8))) return;
        if (text[0] == (byte)'{')
        {
            ReadJson(text, found);
            return;
        }

        var printed = Encoding.UTF8.GetString(text);
        var step = Step().Match(printed);
        if (!step.Success || !long.TryParse(step.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var at)) return;
        foreach (var pair in Pairs().EnumerateMatches(printed))
        {
            var match = printed.AsSpan(pair.Index, pair.Length);
            var split = match.IndexOfAny('=', ':');
            var name = match[..split].TrimEnd();
            if (name.Equals("step", StringComparison.OrdinalIgnoreCase) || name.Equals("global_step", StringComparison.OrdinalIgnoreCase)) continue;
            if (Number(match[(split + 1)..].Trim()) is { } value) found(name.ToString(), at, value);
        }
    }

    /// <summary>Adds what one JSON object says: <c>{"step":12,"name":"loss","value":0.31}</c>, or numbers by name beside a step.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? ReadJson(ReadOnlySpan<byte> line, Action<string, long, double> found)
    {
        JsonDocument document;
        try
        {
            document = Parse(line);
        }
        catch (JsonException broken)
        {
            return $"not JSON: {broken.Message.Split(". LineNumber")[0]}";
        }

        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return "not a JSON object";
            if (!root.TryGetProperty("step", out var at)
                && !root.TryGetProperty("global_step", out at) && !root.TryGetProperty("_step", out at)) return "it has no step";
            if (WholeNumber(at) is not { } step) return "its step is not a whole number";
            if (root.TryGetProperty("name", out var name) && root.TryGetProperty("value", out var value))
            {
                if (name.ValueKind != JsonValueKind.String || name.GetString() is not { Length: > 0 } metric) return "its name is not a text";
                if (Number(value) is not { } number) return "its value is not a number";
                found(metric, step, number);
                return null;
            }

            foreach (var property in root.EnumerateObject())
            {
                if (!NotMetrics.Contains(property.Name)
                    && property.Value.ValueKind == JsonValueKind.Number) found(property.Name, step, property.Value.GetDouble());
                else if (!NotMetrics.Contains(property.Name) && property.Value.ValueKind == JsonValueKind.String
                    && IsNotFinite(property.Value.GetString())) found(property.Name, step, Number(property.Value.GetString())!.Value);
            }

            return null;
        }
    }

    // Python writes NaN and Infinity bare, which JSON does not know.
    private static JsonDocument Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonDocument.Parse(line.ToArray());
        }
        catch (JsonException) when (line.IndexOf("NaN"u8) >= 0 || line.IndexOf("Infinity"u8) >= 0)
        {
            return JsonDocument.Parse(BareNotFinite().Replace(Encoding.UTF8.GetString(line), "$1\"$2\""));
        }
    }

    // 12 and 12.0 both.
    private static long? WholeNumber(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number) return null;
        if (value.TryGetInt64(out var whole)) return whole;
        return value.TryGetDouble(out var real) && double.IsInteger(real) && Math.Abs(real) < 1L << 53 ? (long)real : null;
    }

    private static double? Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String when IsNotFinite(value.GetString()) => Number(value.GetString()),
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => null,
    };

    private static double? Number(ReadOnlySpan<char> text)
    {
        if (text.EndsWith("%")) text = text[..^1];
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)) return value;
        if (text.Equals("nan", StringComparison.OrdinalIgnoreCase) || text.Equals("-nan", StringComparison.OrdinalIgnoreCase)) return double.NaN;
        if (!text.TrimStart("+-").StartsWith("inf", StringComparison.OrdinalIgnoreCase)) return null;
        return text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
    }

    private static bool IsNotFinite(string? text) => text is "NaN" or "Infinity" or "-Infinity" or "nan" or "inf" or "-inf";

    private static bool Contains(ReadOnlySpan<byte> text, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c) =>
        text.IndexOf(a) >= 0 || text.IndexOf(c) >= 0 || text.IndexOf(b) >= 0;

    [GeneratedRegex(@"\bstep[\s:=#\[]{1,4}(\d{1,18})\b", RegexOptions.IgnoreCase)]
    private static partial Regex Step();

    private const string Value = @"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)%?";

    [GeneratedRegex(@"(?<![\w./-])[A-Za-z_][\w./@-]*\s?[=:]\s{0,3}" + Value + @"(?=$|[\s,;|)\]}])", RegexOptions.IgnoreCase)]
    private static partial Regex Pairs();

    [GeneratedRegex(@"([:\s,\[])(NaN|-?Infinity)(?=[\s,}\]])")]
    private static partial Regex BareNotFinite();
}
