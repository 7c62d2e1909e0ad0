using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Serverless.Core.Reports;

/// <summary>An artifact in which an experiment says what came out: values of its own, and rows of values.</summary>
/// <param name="Values">By name.</param>
/// <param name="Lists">Of a JSON object, its lists of objects by name; else the one list, without a name.</param>
public sealed record ResultsFile(IReadOnlyDictionary<string, JsonElement> Values, IReadOnlyDictionary<string,
    IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>> Lists)
{
    /// <summary>A larger file is no result to show.</summary>
    public const long MaxBytes = 1 << 20;
    private const int MaxRows = 1000, MaxText = 100;

    public IReadOnlyList<IReadOnlyDictionary<string, JsonElement>> Rows(string? name) => Lists.TryGetValue(name ?? "", out var rows) ? rows : [];

    /// <summary>A value of the file itself, or else of the last row.</summary>
    public JsonElement? Value(string name, string? rows) =>
        Values.TryGetValue(name, out var value) || (Rows(rows) is [.., var last] && last.TryGetValue(name, out value)) ? value : null;

    public static double? Number(JsonElement? value) =>
        value is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out var d) && Math.Abs(d) <= ReportComposer.MostDrawn ? d : null;

    /// <summary>Null when it is neither JSON nor CSV.</summary>
    /// <param name="name">CSV by its ending, else JSON.</param>
    public static ResultsFile? Read(string name, byte[] content)
    {
        try
        {
            return name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? OfCsv(Encoding.UTF8.GetString(content))
                : OfJson(JsonElement.Parse(content));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static ResultsFile OfJson(JsonElement root)
    {
        if (root.ValueKind == JsonValueKind.Array)
        {
            return new(Nothing, new Dictionary<string, IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>> { [""] = RowsOf(root) });
        }
        if (root.ValueKind != JsonValueKind.Object)
        {
            return new(Nothing, new Dictionary<string, IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>>());
        }
        var lists = new Dictionary<string, IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>>(StringComparer.Ordinal);
        foreach (var field in root.EnumerateObject().Where(field => field.Value.ValueKind == JsonValueKind.Array))
        {
            lists[field.Name] = RowsOf(field.Value);
        }
        return new(Scalars(root), lists);
    }

    private static List<IReadOnlyDictionary<string, JsonElement>> RowsOf(JsonElement list) =>
        [.. list.EnumerateArray().Where(row => row.ValueKind == JsonValueKind.Object).Take(MaxRows).Select(Scalars)];

    private static Dictionary<string, JsonElement> Scalars(JsonElement map)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var field in map.EnumerateObject().Where(field =>
            field.Value.ValueKind is JsonValueKind.Number or JsonValueKind.String or JsonValueKind.True or JsonValueKind.False))
        {
            values[field.Name] = field.Value.ValueKind == JsonValueKind.String ? Text(field.Value.GetString()!) : field.Value;
        }

        return values;
    }

    // A line of names, then lines of values; quotes are for names with commas, which values to draw have none of.
    private static ResultsFile OfCsv(string text)
    {
        var lines = text.TrimStart('\uFEFF').Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var names = lines is [var first, ..] ? Cells(first) : [];
        var rows = lines.Skip(1).Take(MaxRows).Select(line => (IReadOnlyDictionary<string, JsonElement>)names.Zip(Cells(line))
            .DistinctBy(cell => cell.First)
            .ToDictionary(cell => cell.First, cell => double.TryParse(cell.Second, CultureInfo.InvariantCulture, out var number)
                && double.IsFinite(number) ? JsonSerializer.SerializeToElement(number) : Text(cell.Second))).ToList();
        return new(Nothing, new Dictionary<string, IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>> { [""] = rows });

        static string[] Cells(string line) => [.. line.Split(',').Select(cell => cell.Trim().Trim('"'))];
    }

    private static JsonElement Text(string text) => JsonSerializer.SerializeToElement(text.Length > MaxText ? text[..(MaxText - 1)] + "…" : text);

    private static Dictionary<string, JsonElement> Nothing => [];
}
