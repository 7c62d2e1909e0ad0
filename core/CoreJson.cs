using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Serverless.Core;

/// <summary>The JSON of the workspace and of the API, for any type: as <see cref="ApiJson"/> writes it, by reflection.</summary>
public static class CoreJson
{
    public static JsonSerializerOptions Options { get; } = Make(indented: false);

    /// <summary>For what people open in an editor.</summary>
    public static JsonSerializerOptions Indented { get; } = Make(indented: true);

    /// <summary>For records: what a type promises must be there.</summary>
    public static JsonSerializerOptions Strict { get; } = MakeStrict();

    /// <summary>How an enum's value is written.</summary>
    public static string Name<T>(T value) where T : struct, Enum => EnumNames.Of(value);

    private static JsonSerializerOptions Make(bool indented)
    {
        var options = ApiJson.Dialect(indented);
        options.Converters.Add(new AnyEnum());
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    private static JsonSerializerOptions MakeStrict()
    {
        var options = ApiJson.For(new DefaultJsonTypeInfoResolver());
        options.Converters.Add(new AnyEnum());
        options.MakeReadOnly();
        return options;
    }

    /// <summary>Enums that never leave the platform have no attribute that says how.</summary>
    private sealed class AnyEnum : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsEnum;

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(EnumNamesConverter<>).MakeGenericType(typeToConvert))!;
    }
}
