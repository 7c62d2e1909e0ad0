namespace Serverless.Core.Storage;

/// <summary>The rules for metadata, which travels as HTTP headers in one adapter: <see cref="Limits.MetadataBytes"/> says which.</summary>
public static class ObjectMetadata
{
    public static IReadOnlyDictionary<string, string> None { get; } = new Dictionary<string, string>(0);

    /// <exception cref="ArgumentException">A name or value breaks a rule, or all together are too long.</exception>
    public static IReadOnlyDictionary<string, string> Checked(IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null || metadata.Count == 0) return None;
        var bytes = 0;
        foreach (var (name, value) in metadata)
        {
            if (!IsName(name))
            {
                throw new ArgumentException(
                    $"metadata name '{name}' is not a lower-case letter followed by lower-case letters and digits", nameof(metadata));
            }

            if (value.Length == 0 || value[0] == ' ' || value[^1] == ' ' || value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            {
                throw new ArgumentException(
                    $"metadata value of '{name}' is not printable ASCII that begins and ends with a visible character", nameof(metadata));
            }

            bytes += name.Length + value.Length;
        }

        return bytes <= Limits.MetadataBytes
            ? metadata
            : throw new ArgumentException($"metadata takes {bytes} bytes; at most {Limits.MetadataBytes}", nameof(metadata));
    }

    private static bool IsName(string name) =>
        name.Length > 0 && char.IsAsciiLetterLower(name[0]) && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c));
}
