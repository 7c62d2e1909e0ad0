using System.Globalization;
using System.Text.Json;

namespace Serverless.Core.Storage;

/// <summary>
/// Records as they are stored: JSON objects that begin with the version of their format. One without it is of version 1; a newer one is refused, as
/// nobody knows what its fields mean. Whatever a type promises must be there: a parameter of its
/// constructor that has no default and may not be null, and every item of a list.
/// </summary>
public static class RecordFormat
{
    public const int Current = 1;

    private static ReadOnlySpan<byte> VersionName => "formatVersion"u8;
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>
    /// A record that there is a rule for is judged by the rules of reading: nothing is taken in that would be damaged from the beginning.
    /// </summary>
    /// <exception cref="UnfitRecordException">Reading would refuse it.</exception>
    public static byte[] Write<T>(string key, T record)
    {
        var body = Body(record);
        if (RecordRules.Of<T>() is null) return body;
        try
        {
            Read<T>(key, body);
            return body;
        }
        catch (DamagedRecordException refused)
        {
            throw new UnfitRecordException(key, refused.Damage.Why, refused);
        }
    }

    /// <exception cref="DamagedRecordException">It is no such record.</exception>
    public static T Read<T>(string key, ReadOnlySpan<byte> body)
    {
        try
        {
            // Editors put it there.
            if (body.StartsWith(ByteOrderMark)) body = body[ByteOrderMark.Length..];
            if (body.IsEmpty) throw new JsonException("it is empty");
            if (VersionOf(body) is > Current and var newer)
            {
                throw new DamagedRecordException(new(key,
                    $"it was written by a newer version of the platform: format {newer}, this one reads up to {Current}; upgrade", IsNewer: true));
            }

            var record = JsonSerializer.Deserialize<T>(body, CoreJson.Strict) ?? throw new JsonException("it is null");
            if (RecordNulls.Find(record, CoreJson.Strict) is { } empty) throw new JsonException($"its {empty} is null");
            if (RecordRules.Of<T>()?.Problem(record, key) is { } problem) throw new JsonException(problem);
            return record;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new DamagedRecordException(new(key, Why(e)), e);
        }
    }

    /// <summary>
    /// What a summary in an object's metadata says; null when it is gone or damaged, as after
    /// restoring a workspace with a plain copy: then the record says the same.
    /// </summary>
    public static T? Summary<T>(IReadOnlyDictionary<string, string> metadata, string name) where T : class
    {
        try
        {
            return metadata.TryGetValue(name, out var text) ? JsonSerializer.Deserialize<T>(text, CoreJson.Strict) : null;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>For people: what the serializer says without its own types, and with the place in the file.</summary>
    private static string Why(Exception e)
    {
        const string Lacks = "missing required properties including: ";
        if (e is NotSupportedException) return "it says not what it is";
        if (e is InvalidOperationException) return "it has half a character in it, as text that was cut";
        var lacking = e.Message.IndexOf(Lacks, StringComparison.Ordinal);
        if (lacking >= 0) return $"it lacks {e.Message[(lacking + Lacks.Length)..].Split(". ")[0].TrimEnd('.')}";
        if (e is not JsonException { LineNumber: { } line } broken) return e.Message;
        var place = string.Create(CultureInfo.InvariantCulture, $"line {line + 1}, byte {(broken.BytePositionInLine ?? 0) + 1}");
        return broken.Path is { Length: > 1 } path
            ? $"what it says of {path.TrimStart('$', '.')} cannot be understood ({place})"
            : $"it is not JSON ({place})";
    }

    private static byte[] Body<T>(T record)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(record, CoreJson.Options);
        if (body is not [(byte)'{', ..]) return body;
        var isEmpty = body.Length == 2;
        return [(byte)'{', (byte)'"', .. VersionName, (byte)'"', (byte)':', .. Digits(Current), .. isEmpty ? [] : ","u8, .. body.AsSpan(1)];
    }

    // It is written first, so that it costs nothing to find.
    private static int VersionOf(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return Current;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isVersion = reader.ValueTextEquals(VersionName);
            reader.Read();
            if (isVersion)
            {
                return reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var version) && version > 0
                    ? version
                    : throw new JsonException("its formatVersion is no number from 1 on");
            }

            reader.Skip();
        }

        return Current;
    }

    private static byte[] Digits(int number) => System.Text.Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
}
