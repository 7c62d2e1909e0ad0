using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>An enum in JSON, by <see cref="EnumNames"/>; also as a key.</summary>
public sealed class EnumNamesConverter<T> : JsonConverter<T> where T : struct, Enum
{
    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType == JsonTokenType.String
        ? Known(reader.GetString()!)
        : throw new JsonException($"wanted one of {string.Join(", ", EnumNames.All<T>())}, in quotes");

    /// <inheritdoc/>
    public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Known(reader.GetString()!);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(EnumNames.Of(value));

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WritePropertyName(EnumNames.Of(value));

    private static T Known(string text) => EnumNames.Parse<T>(text) ?? throw new JsonException(EnumNames.Problem<T>(text));
}
