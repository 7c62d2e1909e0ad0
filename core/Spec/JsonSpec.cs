using System.Text.Json;

namespace Serverless.Core.Spec;

/// <summary>JSON text → tree.</summary>
internal sealed class JsonSpec
{
    private readonly ProblemList problems;
    private int nodes;

    private JsonSpec(ProblemList problems) => this.problems = problems;

    public static SpecNode? Parse(string text, ProblemList problems)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new() { MaxDepth = SpecLimits.Depth });
            var json = new JsonSpec(problems);
            var root = json.Node(document.RootElement, "");
            if (json.nodes <= SpecLimits.Nodes) return root;
            problems.Add(new("", $"more than {SpecLimits.Nodes} values"));
            return null;
        }
        catch (ArgumentException)
        {
            problems.Add(new("", "not JSON: it has half a character (a surrogate without its other half)"));
            return null;
        }
        catch (JsonException e)
        {
            var what = e.Message.Split(" Path: ", 2)[0].Split(" LineNumber: ", 2)[0];
            problems.Add(new("", $"not JSON: line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}: {what}"));
            return null;
        }
    }

    private SpecNode Node(JsonElement element, string path)
    {
        if (++nodes > SpecLimits.Nodes) return new() { Kind = SpecKind.Nothing };
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new List<KeyValuePair<string, SpecNode>>();
                var names = new HashSet<string>(StringComparer.Ordinal);
                foreach (var field in element.EnumerateObject())
                {
                    if (nodes > SpecLimits.Nodes) break;
                    var name = Text(() => field.Name, path);
                    var at = SpecPath.Field(path, name);
                    if (!names.Add(name)) problems.Add(new(at, "is there twice; keep one"));
                    else fields.Add(new(name, Node(field.Value, at)));
                }

                return new() { Kind = SpecKind.Map, Fields = fields, Size = 1 + fields.Sum(field => field.Value.Size) };
            case JsonValueKind.Array:
                var items = element.EnumerateArray().TakeWhile(_ => nodes <= SpecLimits.Nodes).Select((item, i) => Node(item, SpecPath.Item(path, i)))
                    .ToList();
                return new() { Kind = SpecKind.List, Items = items, Size = 1 + items.Sum(item => item.Size) };
            case JsonValueKind.String:
                return new() { Kind = SpecKind.Text, Text = Text(() => element.GetString()!, path) };
            case JsonValueKind.Number:
                return new() { Kind = SpecKind.Number, Text = element.GetRawText() };
            case JsonValueKind.True or JsonValueKind.False:
                return new() { Kind = SpecKind.Boolean, Text = element.GetRawText() };
            default:
                return new() { Kind = SpecKind.Nothing };
        }
    }

    /// <summary>JSON can escape half of a character, which is no text.</summary>
    private string Text(Func<string> read, string path)
    {
        // Each costs an exception, and who sent hundreds of them knows by now.
        if (problems.Count > ProblemList.Most) return "";
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            problems.Add(new(path, "has half a character (an escape such as \\ud800 without its other half)"));
            return "";
        }
    }
}
