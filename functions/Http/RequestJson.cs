using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Serverless.Core;

namespace Serverless.Functions.Http;

/// <summary>
/// What bodies of requests are read by. A field that is not known, or is there twice, is refused: to ignore it would be to do something else than was
/// asked for.
/// </summary>
static class RequestJson
{
    private static JsonSerializerOptions Options { get; } = new(CoreJson.Options)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
    };

    /// <exception cref="RequestException">It is not what is expected; the message says where, and what is.</exception>
    public static T Read<T>(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Options)
                ?? throw new RequestException(StatusCodes.Status400BadRequest, $"the body is JSON null: expected {Wanted(typeof(T))}");
        }
        catch (JsonException e)
        {
            throw new RequestException(
                StatusCodes.Status400BadRequest, $"the body is not the JSON that is expected here: {Explain(text, typeof(T), e)}");
        }
    }

    private static string Explain(string text, Type type, JsonException e)
    {
        if (string.IsNullOrWhiteSpace(text)) return $"it is empty; expected {Wanted(type)}";
        try
        {
            using var document = JsonDocument.Parse(text);
            return Explain(document.RootElement, type, e);
        }
        catch (JsonException broken)
        {
            return $"it is no JSON from line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1} on";
        }
    }

    private static string Explain(JsonElement body, Type type, JsonException e)
    {
        var names = (e.Path ?? "$").TrimStart('$').Split(['.', '['], StringSplitOptions.RemoveEmptyEntries);
        var place = names.Length == 0 ? "the body" : string.Join('.', names.Select(name => name.TrimEnd(']')));
        var owner = At(type, names.SkipLast(1));
        if (names.Length > 0 && owner is not null && Options.GetTypeInfo(owner) is { Kind: JsonTypeInfoKind.Object } fields)
        {
            var found = fields.Properties.FirstOrDefault(one => one.Name.Equals(names[^1], StringComparison.OrdinalIgnoreCase));
            if (found is null) return $"{place}: there is no such field; expected {Wanted(owner)}";
            if (IsTwice(body, names)) return $"{place} is there twice; keep one";
        }

        return At(type, names) is { } here ? $"{place}: expected {Wanted(here)}" : $"{place} does not belong there";
    }

    // The type of what is at a path; null when it leads nowhere.
    private static Type? At(Type type, IEnumerable<string> names)
    {
        Type? at = type;
        foreach (var name in names)
        {
            if (at is null) return null;
            var info = Options.GetTypeInfo(Nullable.GetUnderlyingType(at) ?? at);
            at = info.Kind == JsonTypeInfoKind.Object
                ? info.Properties.FirstOrDefault(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.PropertyType
                : info.ElementType;
        }

        return at;
    }

    private static string Wanted(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string)) return "a text";
        if (type == typeof(bool)) return "true or false";
        if (type.IsEnum)
        {
            var names = Enum.GetValues(type).Cast<object>().Select(value => JsonSerializer.Serialize(value, Options).Trim('"'));
            return $"one of {string.Join(", ", names)}";
        }

        if (type == typeof(DateTimeOffset)) return "a time such as \"2026-11-26T12:00:00Z\"";
        if (type.IsPrimitive || type == typeof(decimal)) return "a number";
        var info = Options.GetTypeInfo(type);
        return info.Kind switch
        {
            JsonTypeInfoKind.Object when info.Properties.Count > 0 =>
                $"an object with the fields {string.Join(", ", info.Properties.Select(one => one.Name))}",
            JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary => "an object",
            JsonTypeInfoKind.Enumerable when info.ElementType is { } element => $"a list, each of it {Wanted(element)}",
            _ => "another value",
        };
    }

    private static bool IsTwice(JsonElement body, string[] names)
    {
        var at = body;
        foreach (var name in names.SkipLast(1))
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at)) return false;
        }

        return at.ValueKind == JsonValueKind.Object
            && at.EnumerateObject().Count(one => one.Name.Equals(names[^1], StringComparison.OrdinalIgnoreCase)) > 1;
    }
}
