using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Serverless.Core.Storage;

/// <summary>
/// Looks for null among the items of lists and dictionaries. The serializer keeps what types promise of properties, and cannot know it of items: at
/// run time a list of texts is one of texts or nulls. No stored record has an item that may be null.
/// </summary>
internal static class RecordNulls
{
    /// <summary>Where the first one is, as <c>spec.tags[1]</c>; null: there is none.</summary>
    public static string? Find(object record, JsonSerializerOptions options) => In(record, options, "") is { } path ? path.TrimStart('.') : null;

    private static string? In(object value, JsonSerializerOptions options, string at)
    {
        if (IsLeaf(value.GetType())) return null;
        if (value is IDictionary or IEnumerable) return Among((IEnumerable)value, options, at);
        foreach (var property in options.GetTypeInfo(value.GetType()).Properties)
        {
            if (IsLeaf(property.PropertyType) || property.Get?.Invoke(value) is not { } item) continue;
            if (In(item, options, $"{at}.{property.Name}") is { } found) return found;
        }

        return null;
    }

    private static string? Among(IEnumerable items, JsonSerializerOptions options, string at)
    {
        var number = 0;
        foreach (var item in items)
        {
            var (name, value) = item?.GetType() is { IsGenericType: true } pair && pair.GetGenericTypeDefinition() == typeof(KeyValuePair<,>)
                ? ($"{at}.{pair.GetProperty("Key")!.GetValue(item)}", pair.GetProperty("Value")!.GetValue(item))
                : ($"{at}[{number++}]", item);
            if (value is null) return name;

            // Where one is a leaf all are: a list of a million numbers is not walked through.
            if (IsLeaf(value.GetType()) && value.GetType().IsValueType) return null;
            if (In(value, options, name) is { } found) return found;
        }

        return null;
    }

    private static bool IsLeaf(Type type) => type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(decimal)
        || (type.IsValueType && !type.IsGenericType) || Nullable.GetUnderlyingType(type) is not null;
}
