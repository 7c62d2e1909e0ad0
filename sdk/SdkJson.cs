using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless;

/// <summary>The JSON dialect of the contract's files: camelCase names, kebab-case enum values, NaN and infinities as strings.</summary>
internal static class SdkJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };
}
