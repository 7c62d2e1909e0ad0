using System.Text.Json;

namespace Serverless.Client;

/// <summary>
/// An enum's values as outside text has them: kebab-case, exactly. The library's own parsing also takes numbers, other cases, and several values with
/// commas between, which are
/// one value then: of a reader and an admin it would make an admin.
/// </summary>
public static class EnumNames
{
    /// <summary>How a value is written.</summary>
    public static string Of<T>(T value) where T : struct, Enum => Table<T>.Names.TryGetValue(value, out var name) ? name : Table<T>.Name(value);

    /// <summary>Null: there is no value of this name.</summary>
    public static T? Parse<T>(string text) where T : struct, Enum => Table<T>.Values.TryGetValue(text, out var value) ? value : null;

    /// <summary>In the order of declaration.</summary>
    public static IReadOnlyList<string> All<T>() where T : struct, Enum => Table<T>.All;

    /// <summary>What to say about a text that is none.</summary>
    public static string Problem<T>(string text) where T : struct, Enum => $"'{Excerpt.Of(text)}' is unknown; known: {string.Join(", ", All<T>())}";

    private static class Table<T> where T : struct, Enum
    {
        public static readonly IReadOnlyList<string> All = [.. Enum.GetValues<T>().Select(Name)];
        public static readonly Dictionary<string, T> Values = Enum.GetValues<T>().ToDictionary(Name, StringComparer.Ordinal);
        public static readonly Dictionary<T, string> Names = Values.ToDictionary(pair => pair.Value, pair => pair.Key);

        public static string Name(T value) => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
    }
}
