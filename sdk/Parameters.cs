using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Serverless.Contract;

namespace Serverless;

/// <summary>A parameter is missing or has the wrong type. The message says which, what was given and what is wanted.</summary>
public sealed class ParameterException(string message) : Exception(message);

/// <summary>The run's parameters: a JSON file, and outside the platform also <c>EXP_PARAM_*</c> variables.</summary>
internal sealed class Parameters(IReadOnlyDictionary<string, JsonElement> given, Func<string, string?> environment)
{
    // Records may hold their own kind.
    private const int Deepest = 8;

    /// <param name="file">A JSON object; null: none.</param>
    public static Parameters Read(string? file, Func<string, string?> environment)
    {
        if (string.IsNullOrEmpty(file)) return new(new Dictionary<string, JsonElement>(), environment);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            return new(json.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone()), environment);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ParameterException($"{file} is not a JSON object of parameters: {e.Message}");
        }
    }

    public bool TryGet<T>(string name, [MaybeNullWhen(false)] out T value)
    {
        var found = TryGet(name, typeof(T), out var boxed);
        value = found ? (T)boxed! : default;
        return found;
    }

    /// <summary>
    /// A record or class from the parameters: by its constructor's parameters, then its other settable properties. Names match without regard to
    /// case, '_' and '-'. A record in it is made of the map of its name.
    /// </summary>
    public T Bind<T>() => (T)Bind(typeof(T), "");

    private object Bind(Type type, string path)
    {
        var constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).FirstOrDefault()
            ?? throw new ArgumentException($"{type.Name} has no public constructor");
        var bound = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var arguments = constructor.GetParameters().Select(p =>
        {
            bound.Add(p.Name!);
            var name = GivenName(path, p.Name!);
            if (TryGet(name, p.ParameterType, out var value)) return value;
            if (p.HasDefaultValue) return p.DefaultValue ?? (p.ParameterType.IsValueType ? Activator.CreateInstance(p.ParameterType) : null);
            return IsRecord(p.ParameterType) ? Bind(p.ParameterType, name) : throw Missing(name, p.ParameterType);
        }).ToArray();
        var made = constructor.Invoke(arguments);
        foreach (var property in type.GetProperties().Where(p => p.CanWrite && !bound.Contains(p.Name)))
        {
            if (TryGet(GivenName(path, property.Name), property.PropertyType, out var value)) property.SetValue(made, value);
        }

        return made;
    }

    public static ParameterException Missing(string name, Type wanted) => new($"parameter '{name}' is missing; {Wanted(wanted)} is wanted");

    private bool TryGet(string name, Type type, out object? value)
    {
        value = null;
        if (ParamPath.Find(given, name) is { } element)
        {
            if (element.ValueKind == JsonValueKind.Null) return false;
            value = IsRecord(type) && element.ValueKind == JsonValueKind.Object ? Bind(type, name) : Converted(name, element, type);
            return true;
        }

        if (IsRecord(type) && name.Count(c => c == '.') < Deepest && MembersOf(type)
            .Any(member => TryGet(GivenName(name, member.Name), member.Type, out _)))
        {
            value = Bind(type, name);
            return true;
        }

        if (environment(ParamPath.Variable(name)) is not { } text) return false;
        value = Nullable.GetUnderlyingType(type) is null && type == typeof(string) ? text : Converted(name, Parsed(text), type);
        return true;
    }

    // The path as it was given, when one matches the member's name; else the member's own, for the message.
    private string GivenName(string path, string member)
    {
        var names = path.Length == 0 ? given.Keys : ParamPath.Find(given, path) is { ValueKind: JsonValueKind.Object } map ? map.EnumerateObject()
            .Select(field => field.Name) : [];
        var name = names.FirstOrDefault(k => Same(k, member)) ?? JsonNamingPolicy.KebabCaseLower.ConvertName(member);
        return path.Length == 0 ? name : $"{path}.{name}";
    }

    // What an experiment declares itself, to be made member by member: neither values nor collections.
    private static bool IsRecord(Type type) =>
        !type.IsPrimitive && !type.IsEnum && !typeof(System.Collections.IEnumerable).IsAssignableFrom(type)
            && type.Namespace?.StartsWith("System", StringComparison.Ordinal) != true && type.GetConstructors().Length > 0;

    private static IEnumerable<(string Name, Type Type)> MembersOf(Type type) => type.GetProperties()
        .Where(property => property.PropertyType != type).Select(property => (property.Name, property.PropertyType));

    private static bool Same(string a, string b) => Plain(a).Equals(Plain(b), StringComparison.OrdinalIgnoreCase);

    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);

    private static JsonElement Parsed(string text)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return JsonSerializer.SerializeToElement(text);
        }
    }

    private static object? Converted(string name, JsonElement element, Type type)
    {
        var wanted = Nullable.GetUnderlyingType(type) ?? type;
        try
        {
            // 1e3 and 3.0 are whole numbers to people, though not to the JSON reader.
            if (element.ValueKind == JsonValueKind.Number && IsWhole(wanted) && element.TryGetDecimal(out var number) && decimal.IsInteger(number))
                return Convert.ChangeType(number, wanted, CultureInfo.InvariantCulture);
            return element.Deserialize(wanted, SdkJson.Options);
        }
        catch (Exception e) when (e is JsonException or OverflowException or NotSupportedException or InvalidOperationException)
        {
            throw new ParameterException($"parameter '{name}' is {Shown(element)}; {Wanted(wanted)} is wanted");
        }
    }

    private static bool IsWhole(Type type) => type == typeof(int) || type == typeof(long) || type == typeof(short) || type == typeof(byte)
        || type == typeof(uint) || type == typeof(ulong);

    private static string Shown(JsonElement element)
    {
        var text = element.GetRawText();
        if (text.Length > 60) text = text[..60] + "…";
        var kind = element.ValueKind switch
        {
            JsonValueKind.String => "text",
            JsonValueKind.Number => "a number",
            JsonValueKind.True or JsonValueKind.False => "true or false",
            JsonValueKind.Array => "a list",
            JsonValueKind.Object => "a map",
            JsonValueKind.Null or JsonValueKind.Undefined => "nothing",
        };
        return $"{text} ({kind})";
    }

    private static string Wanted(Type type)
    {
        if (type == typeof(string)) return "text";
        if (type == typeof(bool)) return "true or false";
        if (IsWhole(type)) return $"a whole number ({type.Name})";
        if (type == typeof(double) || type == typeof(float) || type == typeof(decimal)) return "a number";
        if (type.IsEnum) return "one of " + string.Join(", ", type.GetEnumNames().Select(JsonNamingPolicy.KebabCaseLower.ConvertName));
        if (type.IsArray) return $"a list, each {Wanted(type.GetElementType()!)}";
        return IsRecord(type) ? $"a map ({type.Name})" : type.Name;
    }
}
