using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.Contract;

/// <summary>
/// Parameters may be in maps: <c>optimizer: {lr: 0.1}</c> has the parameter <c>optimizer.lr</c>, and that is its name wherever it is asked for,
/// listed or compared. A name that is written with a dot in it is the same parameter.
/// </summary>
internal static class ParamPath
{
    public const int MaxParams = 256;

    /// <summary>Characters of a path.</summary>
    public const int MaxLength = 128;

    /// <summary>Every parameter by its path. What is not in a map, and a map that has nothing in it, is a value: lists are.</summary>
    /// <param name="quoted">Names that are written with a dot are in quotes, which tells them from maps.</param>
    public static IEnumerable<KeyValuePair<string, JsonElement>> Flat(IEnumerable<KeyValuePair<string, JsonElement>> all, bool quoted = false)
    {
        foreach (var (name, value) in all)
        {
            var own = quoted && name.Contains('.', StringComparison.Ordinal) ? $"'{name}'" : name;
            if (!IsMap(value))
            {
                yield return new(own, value);
                continue;
            }

            foreach (var (inner, leaf) in Flat(value.EnumerateObject().Select(field => KeyValuePair.Create(field.Name, field.Value)), quoted))
            {
                yield return new($"{own}.{inner}", leaf);
            }
        }
    }

    /// <summary>The value at a path, which may be a map; null: there is none.</summary>
    public static JsonElement? Find(IReadOnlyDictionary<string, JsonElement> all, string path)
    {
        if (all.TryGetValue(path, out var whole)) return whole;
        for (var dot = path.IndexOf('.', StringComparison.Ordinal); dot > 0; dot = path.IndexOf('.', dot + 1))
        {
            if (all.TryGetValue(path[..dot], out var map) && map.ValueKind == JsonValueKind.Object
                && Find(Fields(map), path[(dot + 1)..]) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>The parameters with another value at a path: in the map that it names, which is made when there is none.</summary>
    public static IReadOnlyDictionary<string, JsonElement> With(IReadOnlyDictionary<string, JsonElement> all, string path, JsonElement value)
    {
        var changed = new Dictionary<string, JsonElement>(all, StringComparer.Ordinal);
        var dot = all.ContainsKey(path) ? -1 : path.IndexOf('.', StringComparison.Ordinal);
        if (dot <= 0) changed[path] = value;
        else changed[path[..dot]] = Map(With(all.TryGetValue(path[..dot], out var map) && map.ValueKind == JsonValueKind.Object ? Fields(map) : [],
            path[(dot + 1)..], value));
        return changed;
    }

    /// <summary>The environment variable that a parameter is also in: upper case, '_' for every character that a variable cannot have.</summary>
    public static string Variable(string path) =>
        ContractNames.ParamPrefix + string.Create(path.Length, path, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++) to[i] = char.IsAsciiLetterOrDigit(from[i]) ? char.ToUpperInvariant(from[i]) : '_';
        });

    private static bool IsMap(JsonElement value) => value.ValueKind == JsonValueKind.Object && value.EnumerateObject().Any();

    private static Dictionary<string, JsonElement> Fields(JsonElement map) => map.EnumerateObject()
        .ToDictionary(field => field.Name, field => field.Value, StringComparer.Ordinal);

    private static JsonElement Map(IReadOnlyDictionary<string, JsonElement> fields) =>
        JsonElement.Parse(new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)JsonNode.Parse(field.Value.GetRawText()))))
            .ToJsonString());
}
