using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>
/// Tree → a record, by the fields that it declares. Everything that is wrong gets a problem with its path; a field that cannot be read keeps its
/// default.
/// </summary>
/// <param name="rules">What else is wrong with texts of a form.</param>
internal sealed class FieldReader(ProblemList problems, IReadOnlyDictionary<Type, Func<string, string?>>? rules = null)
{
    private static readonly RunForms.Value ParamText = new();

    /// <returns>Null: it lacks what it cannot be without.</returns>
    public T? Read<T>(string path, SpecNode node) where T : class => Record(path, node, typeof(T))?.Deserialize<T>(CoreJson.Options);

    private JsonObject? Record(string path, SpecNode node, Type type)
    {
        var fields = Fields.Of(type);
        if (!IsMap(path, node, $" with {string.Join(", ", fields.Take(4).Select(field => field.Name))}{(fields.Count > 4 ? ", …" : "")}"))
        {
            return null;
        }
        var read = new JsonObject();
        var there = node.Fields.Select(field => field.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, value) in node.Fields)
        {
            var at = SpecPath.Field(path, name);
            if (fields.FirstOrDefault(field => field.Name == name) is not { } field) Say(at, Unknown(name, type, fields));
            else if (Value(at, value, field.Type, field) is { } json) read[name] = json;
        }

        foreach (var field in fields.Where(field => field.IsRequired && !there.Contains(field.Name)))
        {
            Say(SpecPath.Field(path, field.Name), Missing(field));
        }
        foreach (var both in type.GetCustomAttributes<NotBothAttribute>())
        {
            if (there.Contains(both.One) && there.Contains(both.Other)) Say(path, $"give either {both.One} or {both.Other}");
        }

        if (type.GetCustomAttribute<ExactlyOneAttribute>() is not null && there.Intersect(fields.Select(field => field.Name))
            .ToList() is { Count: not 1 } several)
        {
            Say(path, several.Count == 0 ? $"is empty; give one of {string.Join(", ", fields.Select(field => field.Name))}"
                : $"has {string.Join(" and ", several)}; give one of them");
        }

        // Text that is missing or wrong is stood for, so that the rest is looked at; what is more than text leaves nothing to look at.
        foreach (var field in fields.Where(field => field.IsRequired && !read.ContainsKey(field.Name)))
        {
            if (field.Type != typeof(string)) return null;
            read[field.Name] = "";
        }

        return read;
    }

    private JsonNode? Value(string path, SpecNode node, Type type, Field field)
    {
        if (field.About.IsExperiment) return IsMap(path, node, ", as in experiment.yaml") ? new JsonObject() : null;
        if (Fields.Items(type) is { } item) return List(path, node, item, field);
        if (Fields.Values(type) is { } value) return Map(path, node, value, field);
        if (type == typeof(string)) return Text(path, node, field.Text);
        if (type == typeof(bool)) return node.Kind == SpecKind.Boolean ? node.Text == "true" : Wrong(path, node, "true or false");
        if (type == typeof(int) || type == typeof(long)) return Whole(path, node, field.About);
        if (type == typeof(TimeSpan)) return Duration(path, node, field.About);
        if (type.IsEnum) return Word(path, node, type, field.About);
        return type == typeof(JsonElement) ? Param(path, node, field) : Record(path, node, type);
    }

    private JsonValue? Text(string path, SpecNode node, TextForm? form)
    {
        if (form?.TakesNumbers == true && node.Kind == SpecKind.Number && CanonicalJson.Number(node.Text) is { } number) return Checked(number);
        if (node.Kind == SpecKind.Text || node is { IsFilledIn: true, Kind: SpecKind.Number or SpecKind.Boolean }) return Checked(node.Text);
        return Wrong(path, node, "text", node.Kind is SpecKind.Number or SpecKind.Boolean ? $"; write \"{node.Text}\" in quotes" : "");

        JsonValue? Checked(string text)
        {
            if (form?.Problem(text, rules?.GetValueOrDefault(form.GetType())) is not { } problem) return JsonValue.Create(text);
            Say(path, problem);
            return null;
        }
    }

    private JsonValue? Whole(string path, SpecNode node, FieldAttribute about)
    {
        if (node.Kind != SpecKind.Number || !long.TryParse(CanonicalJson.Number(node.Text), NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture, out var value))
        {
            return Wrong(path, node, "a whole number");
        }

        return IsWithin(path, node.Text, value, about, bound => bound.ToString(CultureInfo.InvariantCulture)) ? JsonValue.Create(value) : null;
    }

    private JsonValue? Duration(string path, SpecNode node, FieldAttribute about)
    {
        if (node.Kind != SpecKind.Text || Durations.Parse(node.Text) is not { } duration)
        {
            return Wrong(path, node, Durations.Wanted, node.Kind == SpecKind.Number ? $"; seconds are written {node.Text}s" : "");
        }

        return IsWithin(path, node.Text, duration.TotalSeconds, about, Durations.Text) ? JsonValue.Create(duration.ToString("c")) : null;
    }

    private bool IsWithin(string path, string shown, double value, FieldAttribute about, Func<long, string> text)
    {
        if (value >= about.Min && value <= about.Max) return true;
        var bounds = about.Min == about.Max ? $"only {text(about.Min)}" : about.Max == long.MaxValue ? $"{text(about.Min)} or more"
            : $"{text(about.Min)} to {text(about.Max)}";
        Say(path, $"{shown} is out of range: {bounds}{Hint(about)}");
        return false;
    }

    private JsonValue? Word(string path, SpecNode node, Type type, FieldAttribute about)
    {
        var words = Fields.Words(type, about);
        if (node.Kind == SpecKind.Text && words.Contains(node.Text)) return JsonValue.Create(node.Text);
        return Wrong(path, node, Fields.Listed(words), node.Kind == SpecKind.Text ? Suggestion.Clause(node.Text, words) : "");
    }

    private JsonArray? List(string path, SpecNode node, Type type, Field field)
    {
        if (node.Kind != SpecKind.List)
        {
            if (field.About.OneOrMany) return Value(path, node, type, field) is { } one ? [one] : null;
            Wrong(path, node, "a list", node.Kind == SpecKind.Text ? $"; write [\"{node.Text}\"]" : "");
            return null;
        }

        if (node.Items.Count < field.About.Least) Say(path, "the list is empty; leave it out for the default");
        IsFew(path, node.Items.Count, field.About);
        var items = new JsonArray();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (i, item) in node.Items.Index())
        {
            var at = SpecPath.Item(path, i);
            if (Value(at, item, type, field) is not { } value) continue;
            if (field.About.Unique && !seen.Add(value.ToJsonString())) Say(at, $"{(type == typeof(string) ? $"'{value}'" : value)} is there twice");
            items.Add(value);
        }

        return items;
    }

    private JsonObject? Map(string path, SpecNode node, Type type, Field field)
    {
        if (!IsMap(path, node, " of names to values")) return null;
        if (type != typeof(JsonElement)) IsFew(path, node.Fields.Count, field.About);
        return Entries(path, node, field, (at, value) => Value(at, value, type, field));
    }

    private JsonObject Entries(string path, SpecNode node, Field field, Func<string, SpecNode, JsonNode?> read)
    {
        var map = new JsonObject();
        foreach (var (name, value) in node.Fields)
        {
            var at = SpecPath.Field(path, name);
            if (field.Names?.Problem(name) is { } problem) Say(at, problem);
            else if (read(at, value) is { } json) map[name] = json;
        }

        return map;
    }

    private JsonNode? Param(string path, SpecNode node, Field field)
    {
        switch (node.Kind)
        {
            case SpecKind.Number when CanonicalJson.Number(node.Text) is { } number:
                return JsonNode.Parse(number);
            case SpecKind.Number:
                Say(path, $"{node.Text} is not a number of 64 bits; write it in quotes if the code reads it as text");
                return null;
            case SpecKind.Text when node.Ambiguous is { } instead:
                Say(path, $"'{node.Text}' is a different value to different readers of YAML; write {instead}");
                return null;
            case SpecKind.Text:
                return Text(path, node, ParamText);
            case SpecKind.Boolean:
                return node.Text == "true";
            case SpecKind.List:
                return new JsonArray([.. node.Items.Select((item, i) => Param(SpecPath.Item(path, i), item, field))]);
            case SpecKind.Map:
                return Entries(path, node, field, (at, value) => Param(at, value, field));
            default:
                return Wrong(path, node, "a number, text, true or false, or a list or map of them");
        }
    }

    private void IsFew(string path, int count, FieldAttribute about)
    {
        if (count > about.Most) Say(path, $"{count} entries, at most {about.Most}{Hint(about)}");
    }

    private bool IsMap(string path, SpecNode node, string of)
    {
        if (node.Kind == SpecKind.Map) return true;
        Wrong(path, node, $"a mapping{of}");
        return false;
    }

    private static string Missing(Field field) => field.Text is { } form ? $"is missing; wanted {form.Wanted}"
        : field.Type.IsEnum ? $"is missing; wanted {Fields.Listed(Fields.Words(field.Type, field.About))}" : $"is missing: {field.About.Doc}";

    private static string Unknown(string name, Type type, IReadOnlyList<Field> fields)
    {
        if (type.GetCustomAttributes<NotYetAttribute>().FirstOrDefault(known => known.Name == name) is { } later) return later.Instead;
        var meant = fields.FirstOrDefault(field => field.About.Synonyms.Contains(name, StringComparer.OrdinalIgnoreCase))?.Name;
        return $"unknown key '{name}'{(meant is null ? Suggestion.Clause(name, fields.Select(field => field.Name)) : $"; did you mean '{meant}'?")}";
    }

    private static string Hint(FieldAttribute about) => about.Hint is { } hint ? $"; {hint}" : "";

    private JsonValue? Wrong(string path, SpecNode node, string wanted, string more = "")
    {
        Say(path, $"found {node.Found}, wanted {wanted}{more}");
        return null;
    }

    private void Say(string path, string what) => problems.Add(new(path, what));
}
