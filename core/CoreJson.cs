using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Core;

/// <summary>The one JSON dialect of the workspace and the API: camelCase names, kebab-case enum values, absent instead of null, NaN and infinities as strings.</summary>
public static class CoreJson
{
    public static JsonSerializerOptions Options { get; } = Make(indented: false);

    /// <summary>For what people open in an editor.</summary>
    public static JsonSerializerOptions Indented { get; } = Make(indented: true);

    /// <summary>How an enum's value is written.</summary>
    public static string Name<T>(T value) where T : struct, Enum => EnumNames.Of(value);

    private static JsonSerializerOptions Make(bool indented)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            WriteIndented = indented,
            Converters = { new EnumNamesConverter() },
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
