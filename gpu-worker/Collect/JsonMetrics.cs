using System.Runtime.InteropServices;
using System.Text.Json;

namespace Serverless.GpuWorker.Collect;

/// <summary>Metrics in a line that is a JSON object: <c>{"step":12,"name":"loss","value":0.31}</c>, or numbers by name beside a step.</summary>
static class JsonMetrics
{
    public const string OutOfRange = "no double can hold the number";

    /// <summary>Names that say when, not what.</summary>
    private static readonly string[] NotMetrics = ["step", "global_step", "name", "time", "timestamp", "t", "_step", "_timestamp", "_runtime"];

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    public static ReadOnlySpan<byte> WithoutByteOrderMark(ReadOnlySpan<byte> line) => line.StartsWith(ByteOrderMark) ? line[3..] : line;

    /// <param name="isJson">False: it is something else, and nothing was read.</param>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Read(ReadOnlySpan<byte> line, IMetricSink sink, out bool isJson)
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
        using (document) return Read(document.RootElement, sink);
    }

    private static string? Read(JsonElement line, IMetricSink sink)
    {
        if (line.ValueKind != JsonValueKind.Object) return "not a JSON object";
        if (!line.TryGetProperty("step", out var at)
            && !line.TryGetProperty("global_step", out at) && !line.TryGetProperty("_step", out at)) return "it has no step";
        if (WholeNumber(at) is not { } step) return "its step is not a whole number";
        if (line.TryGetProperty("name", out var name) && line.TryGetProperty("value", out var value))
        {
            if (name.ValueKind != JsonValueKind.String || name.GetString() is not { Length: > 0 } metric) return "its name is not a text";
            if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) sink.Found(metric, step, value.GetBoolean() ? 1 : 0);
            else if (!IsNumber(value)) return "its value is not a number";
            else Give(metric, step, value, sink);
            return null;
        }

        var hasMetric = false;
        foreach (var property in line.EnumerateObject())
        {
            if (property.Name.Length == 0 || NotMetrics.Contains(property.Name) || !IsNumber(property.Value)) continue;
            hasMetric = true;
            Give(property.Name, step, property.Value, sink);
        }

        return hasMetric ? null : "it names no number";
    }

    private static void Give(string name, long step, JsonElement value, IMetricSink sink)
    {
        var number = value.ValueKind == JsonValueKind.String ? NotFinite(value.GetString())!.Value : value.GetDouble();
        if (value.ValueKind == JsonValueKind.Number && IsOutOfRange(number, value)) sink.LeftOut(name, OutOfRange);
        else sink.Found(name, step, number);
    }

    // 12 and 12.0 both.
    private static long? WholeNumber(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number) return null;
        if (value.TryGetInt64(out var whole)) return whole;
        var real = value.GetDouble();
        return double.IsInteger(real) && Math.Abs(real) < 1L << 53 && !IsOutOfRange(real, value) ? (long)real : null;
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
