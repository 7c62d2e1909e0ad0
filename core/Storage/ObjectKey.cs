namespace Serverless.Core.Storage;

/// <summary>
/// The rules for keys: 1–900 UTF-8 bytes, segments separated by '/', no empty segment, no '.' or '..' segment, no backslash, no control character.
/// Segments are at most 200 bytes, so that every key is a path on every file system. The first
/// segment is not '.store', where a folder keeps its book-keeping.
/// </summary>
public static class ObjectKey
{
    internal const string Reserved = ".store";

    /// <summary>What is wrong with the key, or null.</summary>
    public static string? Problem(string key)
    {
        if (key.Length == 0) return "the path is empty";
        if (System.Text.Encoding.UTF8.GetByteCount(key) > 900) return "the path is longer than 900 bytes";
        foreach (var c in key)
        {
            if (c == '\\') return "the path has a backslash; separate folders with '/'";
            if (char.IsControl(c)) return "the path has a control character";
        }

        var segments = key.Split('/');
        if (segments[0].Equals(Reserved, StringComparison.OrdinalIgnoreCase)) return $"'{Reserved}' is kept for the store's own files";
        foreach (var segment in segments)
        {
            if (segment.Length == 0) return "the path has an empty segment ('//', or a '/' at its start or end)";
            if (segment is "." or "..") return "the path has a '.' or '..' segment";
            if (System.Text.Encoding.UTF8.GetByteCount(segment) > 200) return "a segment of the path is longer than 200 bytes";
        }

        return null;
    }

    /// <exception cref="ObjectKeyException">The key breaks a rule.</exception>
    public static string Checked(string key) =>
        Problem(key) is { } problem ? throw new ObjectKeyException($"'{Excerpt.Of(key, 200)}': {problem}") : key;
}

/// <summary>No object can have this name. Where a part of it came from outside, the message says what is wrong with that.</summary>
public sealed class ObjectKeyException(string message) : ArgumentException(message);
