using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Core.Spec;

namespace Serverless.Core.Triggers;

/// <param name="Definition">Null when there are problems.</param>
public sealed record TriggerReading(TriggerDefinition? Definition, IReadOnlyList<Problem> Problems);

/// <summary>
/// Reads a trigger as people write it and says everything at once that is wrong with it. What the text alone can tell is checked here; whether what
/// it refers to can exist, <see cref="TriggerChecks"/> finds out.
/// </summary>
public static class TriggerReader
{
    /// <summary>The JSON schema of what is read. In it a text that holds a reference may stand for any value of the experiment.</summary>
    public static JsonObject Schema() => SpecSchema.Document("A trigger", typeof(TriggerDefinition));

    /// <param name="name">What it is to be called when the text does not say.</param>
    public static TriggerReading Read(string text, SpecFormat format, string? name = null)
    {
        var problems = new ProblemList();
        if (Encoding.UTF8.GetByteCount(text) > SpecLimits.TextBytes)
        {
            return new(null, [new("", $"a trigger is at most {SpecLimits.TextBytes / 1024} KiB")]);
        }
        var root = format == SpecFormat.Json ? JsonSpec.Parse(text, problems) : YamlSpec.Parse(text, problems);
        var definition = root is null ? null : Definition(Named(root, name), name, problems);
        return problems.Count == 0 ? new(definition, []) : new(null, problems);
    }

    private static TriggerDefinition? Definition(SpecNode root, string? name, ProblemList problems)
    {
        var read = new FieldReader(problems, TriggerTexts.Rules).Read<TriggerDefinition>("", root);
        if (read is { Name.Length: > 0 } && name is not null && read.Name != name)
        {
            problems.Add(new("name", $"'{read.Name}' is stored under another name, '{name}'; make them the same"));
        }
        if (read is { When.File: null, Limits.Debounce: not null } && IsFine("when"))
        {
            problems.Add(new("limits.debounce", "is for file triggers only; remove it"));
        }
        if (root.Fields.FirstOrDefault(field => field.Key == "then").Value is not { Kind: SpecKind.Map } then) return null;
        if (read is null || !IsFine("when") || !IsFine("name"))
        {
            TriggerRules.CheckUnfilled(then, problems);
            return null;
        }

        // Whether it is an experiment can be told once its references have values: any that they may have will do for everything but them.
        TriggerRules.Filled(then, TriggerRules.Example(read.Name, read.When) with { AnyParam = true, AnyOutput = true }, problems);
        return problems.Count > 0 ? null : read with { Then = TemplateJson.Of(then) };

        bool IsFine(string field) => !problems.Any(problem => problem.Path == field
            || problem.Path.StartsWith(field + ".", StringComparison.Ordinal));
    }

    private static SpecNode Named(SpecNode root, string? name) => name is null || root.Kind != SpecKind.Map
        || root.Fields.Any(field => field.Key == "name")
        ? root
        : new() { Kind = SpecKind.Map, Fields = [KeyValuePair.Create("name", new SpecNode { Kind = SpecKind.Text, Text = name }), .. root.Fields],
            Size = root.Size + 1 };
}

/// <summary>A template as JSON, numbers in their canonical form.</summary>
internal static class TemplateJson
{
    public static JsonElement Of(SpecNode node)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes)) Write(writer, node);
        return JsonElement.Parse(bytes.ToArray());
    }

    public static SpecNode Parse(JsonElement template) =>
        JsonSpec.Parse(template.GetRawText(), []) ?? throw new InvalidDataException("a stored experiment is not JSON");

    private static void Write(Utf8JsonWriter writer, SpecNode node)
    {
        switch (node.Kind)
        {
            case SpecKind.Map:
                writer.WriteStartObject();
                foreach (var (name, value) in node.Fields)
                {
                    writer.WritePropertyName(name);
                    Write(writer, value);
                }

                writer.WriteEndObject();
                break;
            case SpecKind.List:
                writer.WriteStartArray();
                foreach (var item in node.Items) Write(writer, item);
                writer.WriteEndArray();
                break;
            case SpecKind.Text:
                writer.WriteStringValue(node.Text);
                break;
            case SpecKind.Number:
                writer.WriteRawValue(CanonicalJson.Number(node.Text) ?? throw new InvalidDataException($"{node.Text} is not a number of 64 bits"));
                break;
            case SpecKind.Boolean:
                writer.WriteBooleanValue(node.Text == "true");
                break;
            case SpecKind.Nothing:
                writer.WriteNullValue();
                break;
        }
    }
}
