using System.Text.Json;

namespace Serverless.Core.Submit;

/// <summary>JSON text → tree.</summary>
internal static class JsonSpec
{
    public static SpecNode? Parse(string text, List<Problem> problems)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new() { MaxDepth = SpecLimits.Depth });
            return Node(document.RootElement, "", problems);
        }
        catch (JsonException e)
        {
            var what = e.Message.Split(" Path: ", 2)[0].Split(" LineNumber: ", 2)[0];
            problems.Add(new("", $"not JSON: line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}: {what}"));
            return null;
        }
    }

    private static SpecNode Node(JsonElement element, string path, List<Problem> problems)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new List<KeyValuePair<string, SpecNode>>();
                var names = new HashSet<string>(StringComparer.Ordinal);
                foreach (var field in element.EnumerateObject())
                {
                    var at = SpecPath.Field(path, field.Name);
                    if (!names.Add(field.Name)) problems.Add(new(at, "is there twice; keep one"));
                    else fields.Add(new(field.Name, Node(field.Value, at, problems)));
                }

                return new() { Kind = SpecKind.Map, Fields = fields, Size = 1 + fields.Sum(field => field.Value.Size) };
            case JsonValueKind.Array:
                var items = element.EnumerateArray().Select((item, i) => Node(item, SpecPath.Item(path, i), problems)).ToList();
                return new() { Kind = SpecKind.List, Items = items, Size = 1 + items.Sum(item => item.Size) };
            case JsonValueKind.String:
                return new() { Kind = SpecKind.Text, Text = element.GetString()! };
            case JsonValueKind.Number:
                return new() { Kind = SpecKind.Number, Text = element.GetRawText() };
            case JsonValueKind.True or JsonValueKind.False:
                return new() { Kind = SpecKind.Boolean, Text = element.GetRawText() };
            default:
                return new() { Kind = SpecKind.Nothing };
        }
    }
}
