using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using Serverless.Core;
using Serverless.Core.Spec;
using Serverless.Core.Triggers;

namespace Serverless.Functions.OpenApi;

/// <summary>JSON schemas of the types that the API speaks, as <see cref="CoreJson"/> writes them; records are named once and referred to.</summary>
sealed class ApiSchemas
{
    private readonly SortedDictionary<string, JsonNode> named = new(StringComparer.Ordinal);

    public JsonNode Of(Type type)
    {
        if (type.IsArray) return new JsonObject { ["type"] = "array", ["items"] = Of(type.GetElementType()!) };
        if (type == typeof(string)) return new JsonObject { ["type"] = "string" };
        if (Declared.Contains(type))
        {
            named.TryAdd("Parameter", SpecSchema.Parameter(Parameter));
            named.TryAdd(type.Name, SpecSchema.Of(type, Parameter));
        }

        if (!named.ContainsKey(type.Name))
        {
            named[type.Name] = Local(CoreJson.Options.GetJsonSchemaAsNode(type, Exporting), $"#/components/schemas/{type.Name}");
        }

        return new JsonObject { ["$ref"] = $"#/components/schemas/{type.Name}" };
    }

    public JsonObject ToJson() =>
        new(named.Select(schema => KeyValuePair.Create(schema.Key, (JsonNode?)WithExample(schema.Key, schema.Value.DeepClone()))));

    private static JsonNode WithExample(string name, JsonNode schema)
    {
        if (schema is JsonObject item && ApiExamples.Of(name) is { } example) item["examples"] = new JsonArray(example);
        return schema;
    }

    private const string Parameter = "#/components/schemas/Parameter";

    /// <summary>What people write, whose schemas are those that editors get.</summary>
    private static readonly Type[] Declared = [typeof(ExperimentSpec), typeof(TriggerDefinition)];

    private static readonly JsonSchemaExporterOptions Exporting = new()
    {
        TreatNullObliviousAsNonNullable = true,

        // Of a converter of our own the exporter knows nothing.
        TransformSchemaNode = (context, schema) =>
            (Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type) is { IsEnum: true } type
                ? Names(type, schema)
                : WithNulls(context.PropertyInfo, context.TypeInfo.Type, WithFormat(context.TypeInfo.Type, Absent(context.TypeInfo, schema))),
    };

    private static JsonNode WithFormat(Type type, JsonNode schema)
    {
        // "Anything", which the exporter writes as true: libraries that read OpenAPI know schemas that are objects only.
        if (schema is not JsonObject item) return schema.GetValueKind() == JsonValueKind.True ? new JsonObject() : schema;
        var of = Nullable.GetUnderlyingType(type) ?? type;
        if (of == typeof(int)) item["format"] = "int32";
        else if (of == typeof(long)) item["format"] = "int64";
        else if (of == typeof(double)) (item["anyOf"] is JsonArray and [JsonObject number, ..] ? number : item)["format"] = "double";
        else if (of == typeof(TimeSpan) && item.Remove("$comment")) item["description"] = "[days.]hours:minutes:seconds[.fraction]";
        return schema;
    }

    /// <summary>What is null is not written: only what cannot be null is always there.</summary>
    private static JsonNode Absent(JsonTypeInfo type, JsonNode schema)
    {
        if (schema is not JsonObject item || item["required"] is not JsonArray required) return schema;
        var always = required.Select(name => name!.GetValue<string>())
            .Where(name => type.Properties.FirstOrDefault(property => property.Name == name) is not { IsGetNullable: true }).ToList();
        item.Remove("required");
        if (always.Count > 0) item["required"] = new JsonArray([.. always.Select(name => JsonValue.Create(name))]);
        return schema;
    }

    /// <summary>The exporter does not see whether the items of a list may be null, and forgets it of numbers that may be NaN.</summary>
    private static JsonNode WithNulls(JsonPropertyInfo? property, Type of, JsonNode schema)
    {
        if (Nullable.GetUnderlyingType(of) is not null && schema is JsonObject number && number["anyOf"] is JsonArray either)
        {
            either.Add(new JsonObject { ["type"] = "null" });
        }

        if (schema is JsonObject list && list["items"] is JsonObject items && items["type"] is JsonValue type
            && property?.AttributeProvider is PropertyInfo declared
            && new NullabilityInfoContext().Create(declared).GenericTypeArguments is [{ ReadState: NullabilityState.Nullable }])
        {
            items["type"] = new JsonArray(type.DeepClone(), "null");
        }

        return schema;
    }

    private static JsonObject Names(Type type, JsonNode schema)
    {
        var names = Enum.GetValues(type).Cast<object>().Select(value => JsonSerializer.SerializeToNode(value, type, CoreJson.Options));
        var named = schema as JsonObject ?? [];
        named["enum"] = new JsonArray([.. names]);
        return named;
    }

    /// <summary>The exporter refers to repeated types by their place in the document that it makes, which is now below a name.</summary>
    private static JsonNode Local(JsonNode node, string root)
    {
        switch (node)
        {
            case JsonObject item:
                foreach (var (name, value) in item.ToList())
                {
                    if (name == "$ref" && value is JsonValue reference
                        && reference.GetValue<string>() is ['#', .. var rest]) item[name] = root + rest;
                    else if (value is not null) Local(value, root);
                }

                break;
            case JsonArray items:
                foreach (var value in items)
                {
                    if (value is not null) Local(value, root);
                }

                break;
        }

        return node;
    }
}
