using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>A declared field: <see cref="FieldAttribute"/>.</summary>
/// <param name="Name">As it is written.</param>
/// <param name="Text">What its texts must be; null: anything.</param>
/// <param name="Names">The same for the names in its map.</param>
/// <param name="IsRequired">It has no default.</param>
/// <param name="Get">Its value in a record.</param>
internal sealed record Field(string Name, Type Type, FieldAttribute About, TextForm? Text, TextForm? Names, bool IsRequired, Func<object,
    object?> Get);

/// <summary>The fields that a record declares.</summary>
internal static class Fields
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<Field>> Known = new();
    private static readonly ConcurrentDictionary<Type, JsonObject> Blanks = new();

    public static IReadOnlyList<Field> Of(Type type) => Known.GetOrAdd(type, static type =>
        [.. CoreJson.Options.GetTypeInfo(type).Properties.Select(property => property.AttributeProvider is MemberInfo member
            && member.GetCustomAttribute<FieldAttribute>() is { } about
            ? new Field(
                property.Name, Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, about,
                    member.GetCustomAttribute<TextAttribute>()?.Form,
                member.GetCustomAttribute<NamesAttribute>()?.Form, property.IsRequired || property.AssociatedParameter is { HasDefaultValue: false },
                    property.Get!)
            : null).OfType<Field>()]);

    /// <summary>A record of which nothing was said, as JSON: the defaults.</summary>
    public static JsonObject Blank(Type type) => Blanks.GetOrAdd(type, static type =>
    {
        var least = new JsonObject(Of(type).Where(field => field.IsRequired).Select(field => KeyValuePair.Create(field.Name, Empty(field.Type))));
        return JsonSerializer.SerializeToNode(least.Deserialize(type, CoreJson.Options), type, CoreJson.Options)!.AsObject();
    });

    /// <summary>A field's value as it is hashed; null: it is not.</summary>
    public static JsonNode? Hashed(Field field, RunSettings record)
    {
        var value = field.Get(record) is { } some ? JsonSerializer.SerializeToNode(some, some.GetType(), CoreJson.Options) : null;
        return field.About.IsLater && JsonNode.DeepEquals(value, Blank(typeof(ExperimentSpec))[field.Name]) ? null : value;
    }

    /// <summary>A value's fields that are not as they would be if nothing was said of them, in the order of declaration.</summary>
    public static JsonObject Said(Type type, JsonObject value)
    {
        var (said, blank) = (new JsonObject(), Blank(type));
        foreach (var field in Of(type))
        {
            var now = value[field.Name];
            if (now is null || (!field.IsRequired && JsonNode.DeepEquals(now, blank[field.Name]))) continue;
            said[field.Name] = now is JsonObject inner && IsRecord(field.Type) ? Said(field.Type, inner) : now.DeepClone();
        }

        return said;
    }

    /// <summary>Of a list, the type of its items.</summary>
    public static Type? Items(Type type) => OfGeneric(type, typeof(IReadOnlyList<>), 0);

    /// <summary>Of a map, the type of its values.</summary>
    public static Type? Values(Type type) => OfGeneric(type, typeof(IReadOnlyDictionary<,>), 1);

    /// <summary>Of an enum, what may be written.</summary>
    public static IReadOnlyList<string> Words(Type type, FieldAttribute about) =>
        about.Among ?? [.. Enum.GetValues(type).Cast<Enum>().Select(value => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()))];

    /// <summary><c>one, two or three</c></summary>
    public static string Listed(IReadOnlyList<string> words) => words.Count == 1 ? words[0]
        : $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}";

    public static bool IsRecord(Type type) => type.IsClass && type != typeof(string);

    private static Type? OfGeneric(Type type, Type definition, int argument) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == definition ? type.GenericTypeArguments[argument] : null;

    private static JsonNode? Empty(Type type) => type == typeof(string) ? "" : type.IsEnum
        ? JsonSerializer.SerializeToNode(Enum.ToObject(type, 0), type, CoreJson.Options) : Blank(type);
}
