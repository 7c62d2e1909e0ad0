using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Serverless.Core.Metrics.Printed;

/// <summary>Metrics in a line that is a JSON object: <c>{"step":12,"name":"loss","value":0.31}</c>, or numbers by name beside a step.</summary>
internal static class JsonMetrics
{
    public const string OutOfRange = "no double can hold the number";

    /// <summary>In what the step is looked for, one after the other.</summary>
    private static readonly string[] StepNames = ["step", "global_step", "_step", "iteration", "iter", "epoch"];

    /// <summary>Names that say when, not what.</summary>
    private static readonly string[] NotMetrics =
        ["step", "global_step", "iteration", "iter", "name", "time", "timestamp", "t", "_step", "_timestamp", "_runtime"];

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    public static ReadOnlySpan<byte> WithoutByteOrderMark(ReadOnlySpan<byte> line) => line.StartsWith(ByteOrderMark) ? line[3..] : line;

    /// <param name="isJson">False: it is something else, and nothing was read.</param>
    /// <param name="numbersInQuotes">Texts that are numbers are numbers.</param>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Read(ReadOnlySpan<byte> line, IMetricSink sink, out bool isJson, bool numbersInQuotes = false)
    {
        isJson = false;
        JsonDocument document;
        try
        {
            document = LenientJson.Parse(WithoutByteOrderMark(line));
        }
        catch (JsonException broken)
        {
            return $"not JSON: {broken.Message.Split(". LineNumber")[0]}";
        }

        isJson = true;
        using (document) return Read(document.RootElement, sink, numbersInQuotes);
    }

    private static string? Read(JsonElement line, IMetricSink sink, bool numbersInQuotes)
    {
        if (line.ValueKind != JsonValueKind.Object) return "not a JSON object";
        if (StepNames.FirstOrDefault(one => line.TryGetProperty(one, out _)) is not { } stepName) return "it has no step";
        var isEpoch = stepName == "epoch";
        var at = Plain(line.GetProperty(stepName), numbersInQuotes);
        if (WholeNumber(at, isEpoch) is not { } step) return "its step is not a whole number";
        if (line.TryGetProperty("name", out var name) && line.TryGetProperty("value", out var one))
        {
            if (name.ValueKind != JsonValueKind.String || name.GetString() is not { } metric) return "its name is not a text";
            if (metric.Length == 0) return "its name is empty";
            if (one.ValueKind is JsonValueKind.True or JsonValueKind.False) sink.Found(metric, step, one.GetBoolean() ? 1 : 0);
            else if (!IsNumber(one)) return "its value is not a number";
            else Give(metric, step, one, sink);
            return null;
        }

        var hasMetric = false;
        foreach (var property in line.EnumerateObject())
        {
            var value = Plain(property.Value, numbersInQuotes);
            if (property.Name.Length == 0 || NotMetrics.Contains(property.Name) || !IsNumber(value)) continue;
            if (isEpoch && property.Name == stepName && !HasFraction(value)) continue;
            hasMetric = true;
            Give(property.Name, step, value, sink);
        }

        return hasMetric ? null : "it names no number";
    }

    private static void Give(string name, long step, JsonElement value, IMetricSink sink)
    {
        var number = value.ValueKind == JsonValueKind.String ? NotFinite(value.GetString())!.Value : value.GetDouble();
        if (value.ValueKind == JsonValueKind.Number && IsOutOfRange(number, value)) sink.LeftOut(name, OutOfRange);
        else sink.Found(name, step, number);
    }

    // 12 and 12.0 both; of an epoch 12.0 is one of those with a fraction.
    private static long? WholeNumber(JsonElement value, bool isEpoch)
    {
        if (value.ValueKind != JsonValueKind.Number) return null;
        if (value.TryGetInt64(out var whole)) return whole;
        var real = value.GetDouble();
        if (isEpoch) return IsOutOfRange(real, value) ? null : PrintedStep.InThousandths(real);
        return double.IsInteger(real) && Math.Abs(real) < 1L << 53 && !IsOutOfRange(real, value) ? (long)real : null;
    }

    private static bool HasFraction(JsonElement value) => !value.TryGetInt64(out _);

    private static JsonElement Plain(JsonElement value, bool numbersInQuotes)
    {
        if (!numbersInQuotes || value.ValueKind != JsonValueKind.String || value.GetString() is not { Length: > 0 and < 40 } text) return value;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            && LenientJson.TryNumber(text) is { } plain ? plain : value;
    }

    private static bool IsNumber(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number || (value.ValueKind == JsonValueKind.String && NotFinite(value.GetString()) is not null);

    private static double? NotFinite(string? text) => text switch
    {
        "NaN" or "nan" => double.NaN,
        "Infinity" or "inf" => double.PositiveInfinity,
        "-Infinity" or "-inf" => double.NegativeInfinity,
        _ => null,
    };

    // 1e999, and 1e-999, which is not 0.
    private static bool IsOutOfRange(double number, JsonElement value)
    {
        if (number != 0) return !double.IsFinite(number);
        var text = JsonMarshal.GetRawUtf8Value(value);
        var exponent = text.IndexOfAny((byte)'e', (byte)'E');
        return text[..(exponent < 0 ? text.Length : exponent)].IndexOfAnyInRange((byte)'1', (byte)'9') >= 0;
    }
}
