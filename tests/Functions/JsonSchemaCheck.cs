using System.Text.Json;

namespace Serverless.Tests.Functions;

/// <summary>
/// Values against the schemas of a document: the words that ours use, and an error about any other. Stricter than JSON Schema in one thing: a field
/// that the schema of an object does not name is a problem, for nobody could have known of it.
/// </summary>
sealed class JsonSchemaCheck(JsonElement document)
{
    private static readonly string[] Descriptive =
    [
        "description", "title", "default", "examples", "deprecated", "readOnly", "$schema", "$id", "$comment",
    ];

    public IEnumerable<string> Problems(JsonElement value, JsonElement schema, string at = "")
    {
        if (schema.ValueKind == JsonValueKind.True) return [];
        if (schema.ValueKind == JsonValueKind.False) return [$"{at}: nothing is allowed here"];
        return schema.EnumerateObject().Where(word => !Descriptive.Contains(word.Name, StringComparer.Ordinal))
            .SelectMany(word => Problems(value, schema, word, at));
    }

    private IEnumerable<string> Problems(JsonElement value, JsonElement schema, JsonProperty word, string at)
    {
        switch (word.Name)
        {
            case "$ref":
                return Problems(value, At(word.Value.GetString()!), at);
            case "type":
                var types = word.Value.ValueKind == JsonValueKind.Array
                    ? [.. word.Value.EnumerateArray().Select(type => type.GetString()!)]
                    : new[] { word.Value.GetString()! };
                return types.Any(type => Is(value, type)) ? [] : [$"{at}: {Shown(value)} is no {string.Join(" or ", types)}"];
            case "enum":
                return word.Value.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value))
                    ? []
                    : [$"{at}: {Shown(value)} is none of {word.Value}"];
            case "const":
                return JsonElement.DeepEquals(word.Value, value) ? [] : [$"{at}: {Shown(value)} is not {word.Value}"];
            case "anyOf":
                return word.Value.EnumerateArray().Select(one => Problems(value, one, at).ToList()).ToList() is var tried
                    && tried.Any(problems => problems.Count == 0) ? [] : tried.MinBy(problems => problems.Count)!;
            case "allOf":
                return word.Value.EnumerateArray().SelectMany(one => Problems(value, one, at));
            case "not":
                return Problems(value, word.Value, at).Any() ? [] : [$"{at}: {Shown(value)} is what it must not be: {word.Value}"];
            case "pattern":
                return value.ValueKind != JsonValueKind.String || System.Text.RegularExpressions.Regex.IsMatch(
                    value.GetString()!, word.Value.GetString()!) ? [] : [$"{at}: {Shown(value)} does not match {word.Value}"];
            case "minimum":
                return value.ValueKind != JsonValueKind.Number || value.GetDouble() >= word.Value.GetDouble()
                    ? []
                    : [$"{at}: {Shown(value)} is less than {word.Value}"];
            case "maximum":
                return value.ValueKind != JsonValueKind.Number || value.GetDouble() <= word.Value.GetDouble()
                    ? []
                    : [$"{at}: {Shown(value)} is more than {word.Value}"];
            case "minItems" or "maxItems":
                var many = value.ValueKind == JsonValueKind.Array ? value.GetArrayLength() : (int?)null;
                return many is null || (word.Name == "minItems" ? many >= word.Value.GetInt32() : many <= word.Value.GetInt32())
                    ? []
                    : [$"{at}: {many} items, with {word.Name} {word.Value}"];
            case "minLength" or "maxLength":
                var length = value.ValueKind == JsonValueKind.String ? value.GetString()!.Length : (int?)null;
                return length is null || (word.Name == "minLength" ? length >= word.Value.GetInt32() : length <= word.Value.GetInt32())
                    ? []
                    : [$"{at}: {length} characters, with {word.Name} {word.Value}"];
            case "minProperties" or "maxProperties":
                var fields = value.ValueKind == JsonValueKind.Object ? value.GetPropertyCount() : (int?)null;
                return fields is null || (word.Name == "minProperties" ? fields >= word.Value.GetInt32() : fields <= word.Value.GetInt32())
                    ? []
                    : [$"{at}: {fields} fields, with {word.Name} {word.Value}"];
            case "uniqueItems":
                var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(item => item.GetRawText()).ToList() : [];
                return items.Distinct().Count() == items.Count ? [] : [$"{at}: something is there twice"];
            case "propertyNames":
                return value.ValueKind == JsonValueKind.Object
                    ? value.EnumerateObject().SelectMany(
                        property => Problems(JsonSerializer.SerializeToElement(property.Name), word.Value, $"{at}.{property.Name}"))
                    : [];
            case "format":
                return HasFormat(value, word.Value.GetString()!) ? [] : [$"{at}: {Shown(value)} is no {word.Value}"];
            case "items":
                return value.ValueKind == JsonValueKind.Array
                    ? value.EnumerateArray().Index().SelectMany(item => Problems(item.Item, word.Value, $"{at}[{item.Index}]"))
                    : [];
            case "required":
                return value.ValueKind == JsonValueKind.Object ? word.Value.EnumerateArray().Select(name => name.GetString()!)
                    .Where(name => !value.TryGetProperty(name, out _)).Select(name => $"{at}: {name} is missing") : [];
            case "properties":
                return value.ValueKind == JsonValueKind.Object
                    ? value.EnumerateObject().SelectMany(property => Property(property, word.Value, schema, at))
                    : [];
            case "additionalProperties":
                return value.ValueKind == JsonValueKind.Object && !schema.TryGetProperty("properties", out _)
                    ? value.EnumerateObject().SelectMany(property => Problems(property.Value, word.Value, $"{at}.{property.Name}"))
                    : [];
            default:
                throw new NotSupportedException($"{at}: this check knows nothing of the word {word.Name}: {word.Value}");
        }
    }

    private IEnumerable<string> Property(JsonProperty property, JsonElement properties, JsonElement schema, string at) =>
        properties.TryGetProperty(property.Name, out var known) || schema.TryGetProperty("additionalProperties", out known)
            ? Problems(property.Value, known, $"{at}.{property.Name}")
            : [$"{at}: {property.Name} is not announced"];

    private JsonElement At(string reference)
    {
        var at = document;
        foreach (var part in reference.Split('/').Skip(1).Select(Uri.UnescapeDataString))
        {
            at = at.ValueKind == JsonValueKind.Array ? at[int.Parse(part, null)] : at.GetProperty(part);
        }

        return at;
    }

    private static bool Is(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && double.IsInteger(value.GetDouble()),
        _ => throw new NotSupportedException($"there is no type {type}"),
    };

    /// <summary>Formats say nothing of values of another type.</summary>
    private static bool HasFormat(JsonElement value, string format) => format switch
    {
        "date-time" => value.ValueKind != JsonValueKind.String || value.TryGetDateTimeOffset(out _),
        "uuid" => value.ValueKind != JsonValueKind.String || value.TryGetGuid(out _),
        "uri" => value.ValueKind != JsonValueKind.String || Uri.TryCreate(value.GetString(), UriKind.Absolute, out _),
        "int32" => value.ValueKind != JsonValueKind.Number || value.TryGetInt32(out _),
        "int64" => value.ValueKind != JsonValueKind.Number || value.TryGetInt64(out _),
        "double" => true,
        _ => throw new NotSupportedException($"this check knows nothing of the format {format}"),
    };

    private static string Shown(JsonElement value) => value.GetRawText() is { Length: > 80 } text ? $"{text[..80]}…" : value.GetRawText();
}
