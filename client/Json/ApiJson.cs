using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Serverless.Client;

/// <summary>The JSON of the API: camelCase names, kebab-case enum values, absent instead of null, NaN and infinities as strings.</summary>
public static class ApiJson
{
    /// <summary>
    /// Reads and writes everything that goes over the wire, without reflection. An answer that lacks what its type promises is refused: it is none of
    /// the platform's.
    /// </summary>
    public static JsonSerializerOptions Options { get; } = For(ApiJsonContext.Default);

    /// <summary>The types of the API, to combine with those of a program's own.</summary>
    public static IJsonTypeInfoResolver Types => ApiJsonContext.Default;

    /// <summary>The same JSON for other types: what they promise must be there as well.</summary>
    /// <param name="types">Whose; reading them must not need more than this.</param>
    /// <param name="indented">For people.</param>
    public static JsonSerializerOptions For(IJsonTypeInfoResolver types, bool indented = false)
    {
        var options = Dialect(indented);
        options.RespectNullableAnnotations = true;
        options.TypeInfoResolver = types.WithAddedModifier(RequireWhatIsPromised);
        return options;
    }

    /// <summary>How names, numbers and what is missing are written.</summary>
    internal static JsonSerializerOptions Dialect(bool indented) => new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = indented,
    };

    /// <summary>What a constructor takes, and has no default for, has to be there.</summary>
    private static void RequireWhatIsPromised(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
        {
            if (property.AssociatedParameter is { HasDefaultValue: false, IsNullable: false }) property.IsRequired = true;
        }
    }

    internal static JsonTypeInfo<T> Of<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));
}
