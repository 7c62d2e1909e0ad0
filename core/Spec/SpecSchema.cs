using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.Core.Spec;

/// <summary>
/// The JSON schema (draft 2020-12) of what people write, from the fields that it declares, for editors and for the API's description. What one field
/// cannot tell alone is not in it: that two parameters are the same variable, how much all of them are together, that a range's bounds are in order.
/// </summary>
public static class SpecSchema
{
    /// <summary>Schema of <see cref="Parameter"/> in a document of its own.</summary>
    private const string OwnParameter = "#/$defs/parameter";

    /// <summary>Schema of an experiment, as a document of its own.</summary>
    public static JsonObject Experiment() => Document("An experiment", typeof(ExperimentSpec));

    /// <summary>Of a record that declares its fields, as a document of its own.</summary>
    public static JsonObject Document(string title, Type type)
    {
        var schema = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = title };
        foreach (var (name, value) in Of(type, OwnParameter)) schema[name] = value?.DeepClone();
        schema["$defs"] = new JsonObject { ["parameter"] = Parameter(OwnParameter) };
        return schema;
    }

    /// <param name="parameter">Where <see cref="Parameter"/> is.</param>
    public static JsonObject Of(Type type, string parameter) => new Writer(parameter, IsTemplate: false).Record(type);

    /// <summary>A parameter's value.</summary>
    /// <param name="parameter">Where this is.</param>
    public static JsonObject Parameter(string parameter) => new()
    {
        ["anyOf"] = new JsonArray(
            new JsonObject { ["type"] = new JsonArray("number", "string", "boolean") },
            new JsonObject { ["type"] = "array", ["items"] = Reference(parameter), ["maxItems"] = SpecRules.MaxListItems },
            new JsonObject { ["type"] = "object", ["additionalProperties"] = Reference(parameter),
                ["propertyNames"] = new JsonObject { ["pattern"] = new RunForms.ParamName().Pattern } }),
    };

    private static JsonObject Reference(string to) => new() { ["$ref"] = to };

    /// <param name="IsTemplate">A reference may stand wherever a value does.</param>
    private sealed record Writer(string Parameter, bool IsTemplate)
    {
        public JsonObject Record(Type type)
        {
            var (fields, blank) = (Fields.Of(type), Fields.Blank(type));
            var properties = new JsonObject();
            foreach (var field in fields)
            {
                var schema = OfField(field);
                schema["description"] = field.About.Doc;
                if (!field.IsRequired && blank[field.Name] is { } value && !IsEmpty(value)) schema["default"] = value.DeepClone();
                if (field.About.Example is { } example) schema["examples"] = new JsonArray(JsonNode.Parse(example));
                properties[field.Name] = schema;
            }

            var record = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
            if (fields.Any(field => field.IsRequired))
            {
                record["required"] = new JsonArray([.. fields.Where(field => field.IsRequired).Select(field => (JsonNode)field.Name)]);
            }
            if (type.GetCustomAttribute<ExactlyOneAttribute>() is not null) (record["minProperties"], record["maxProperties"]) = (1, 1);
            if (type.GetCustomAttributes<NotBothAttribute>().ToList() is { Count: > 0 } pairs)
            {
                record["not"] = new JsonObject { ["anyOf"] = new JsonArray([.. pairs.Select(pair =>
                    new JsonObject { ["required"] = new JsonArray(pair.One, pair.Other) })]) };
            }

            return record;
        }

        private JsonObject OfField(Field field) => field.About.IsExperiment ? (this with { IsTemplate = true }).Record(typeof(ExperimentSpec))
            : Value(field.Type, field);

        private JsonObject Value(Type type, Field field)
        {
            var about = field.About;
            if (Fields.Items(type) is { } item) return List(item, field);
            if (Fields.Values(type) is { } of) return Map(of, field);
            if (type == typeof(string)) return Text(field.Text);
            if (type == typeof(bool)) return OrReference(new() { ["type"] = "boolean" });
            if (type == typeof(int) || type == typeof(long)) return OrReference(Whole(about));
            if (type == typeof(TimeSpan)) return OrReference(new() { ["type"] = "string", ["pattern"] = Durations.Pattern });
            if (type.IsEnum) return OrReference(new() { ["enum"] = new JsonArray([.. Fields.Words(type, about).Select(word => (JsonNode)word)]) });
            return type == typeof(JsonElement) ? Reference(Parameter) : Record(type);
        }

        // A reference in a text is filled in before the text is looked at; commands take none.
        private JsonObject Text(TextForm? form)
        {
            var text = new JsonObject { ["type"] = "string" };
            if (form is not null) text["pattern"] = form.Pattern;
            if (form?.TakesNumbers == true)
            {
                text = new() { ["anyOf"] = new JsonArray(text, new JsonObject { ["type"] = "integer", ["minimum"] = 0 }) };
            }
            return form is null ? text : OrReference(text);
        }

        private static JsonObject Whole(FieldAttribute about)
        {
            var whole = new JsonObject { ["type"] = "integer" };
            if (about.Min != long.MinValue) whole["minimum"] = about.Min;
            if (about.Max != long.MaxValue) whole["maximum"] = about.Max;
            return whole;
        }

        private JsonObject List(Type type, Field field)
        {
            var item = Value(type, field);
            var list = new JsonObject { ["type"] = "array", ["items"] = item };
            if (field.About.Least > 0) list["minItems"] = field.About.Least;
            if (field.About.Most < int.MaxValue) list["maxItems"] = field.About.Most;
            if (field.About.Unique) list["uniqueItems"] = true;
            return field.About.OneOrMany ? new() { ["anyOf"] = new JsonArray(item.DeepClone(), list) } : OrReference(list);
        }

        private JsonObject Map(Type type, Field field)
        {
            var map = new JsonObject { ["type"] = "object", ["additionalProperties"] = Value(type, field) };
            if (field.About.Most < int.MaxValue && type != typeof(JsonElement)) map["maxProperties"] = field.About.Most;
            if (field.Names is { } names) map["propertyNames"] = new JsonObject { ["pattern"] = names.Pattern };
            return map;
        }

        private JsonObject OrReference(JsonObject schema) =>
            IsTemplate ? new() { ["anyOf"] = new JsonArray(schema, new JsonObject { ["type"] = "string", ["pattern"] = @"\$\{" }) } : schema;

        private static bool IsEmpty(JsonNode value) => value is JsonObject { Count: 0 } or JsonArray { Count: 0 };
    }
}
