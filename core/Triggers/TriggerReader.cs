using System.Text;
using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Triggers;

/// <param name="Definition">Null when there are problems.</param>
public sealed record TriggerReading(TriggerDefinition? Definition, IReadOnlyList<Problem> Problems);

/// <summary>
/// Reads a trigger as people write it and says everything at once that is wrong with it. What the text alone can tell is checked here; whether what it refers to can
/// exist, <see cref="TriggerChecks"/> finds out.
/// </summary>
public sealed class TriggerReader
{
    private static readonly string[] Kinds = ["run", "artifact", "file", "dataset", "schedule"];
    private readonly ProblemList problems = [];

    private TriggerReader() { }

    /// <param name="name">What it is to be called when the text does not say.</param>
    public static TriggerReading Read(string text, SpecFormat format, string? name = null)
    {
        var reader = new TriggerReader();
        if (Encoding.UTF8.GetByteCount(text) > SpecLimits.TextBytes) return new(null, [new("", $"a trigger is at most {SpecLimits.TextBytes / 1024} KiB")]);
        var root = format == SpecFormat.Json ? JsonSpec.Parse(text, reader.problems) : YamlSpec.Parse(text, reader.problems);
        var definition = root is null ? null : reader.Definition(root, name);
        return reader.problems.Count == 0 ? new(definition, []) : new(null, reader.problems);
    }

    private TriggerDefinition? Definition(SpecNode root, string? name)
    {
        var fields = Map("", root, "name", "when", "then", "limits");
        if (root.Kind != SpecKind.Map) return null;
        var called = Text("name", fields, "name") ?? name;
        if (called is null) Say("name", "is missing");
        else if (SpecRules.NameProblem(called) is { } unfit) Say("name", unfit);
        else if (name is not null && called != name) Say("name", $"'{called}' is stored under another name, '{name}'; make them the same");
        var when = fields.TryGetValue("when", out var whenNode) ? When(whenNode) : Missing<TriggerWhen>("when", $"is missing: one of {string.Join(", ", Kinds)}");
        var then = fields.TryGetValue("then", out var thenNode) ? thenNode : Missing<SpecNode>("then", "is missing: the experiment to submit, as in experiment.yaml");
        if (then is { Kind: not SpecKind.Map }) Say("then", $"found {then.Found}, wanted an experiment, as in experiment.yaml");
        var limits = fields.TryGetValue("limits", out var limitsNode) ? Limits(limitsNode) : new();
        if (when is { File: null } && limits.Debounce is not null) Say("limits.debounce", "is for file triggers only; remove it");
        if (then is not { Kind: SpecKind.Map }) return null;
        if (when is null || called is null)
        {
            TriggerRules.CheckUnfilled(then, problems);
            return null;
        }

        // Whether it is an experiment can be told once its references have values: any that they may have will do for everything but them.
        var example = TriggerRules.Example(called, when);
        TriggerRules.Filled(then, example with { AnyParam = true, AnyOutput = true }, problems);
        return problems.Count > 0 ? null : new(called, when, TemplateJson.Of(then), limits);
    }

    private TriggerWhen? When(SpecNode node)
    {
        var fields = Map("when", node, Kinds);
        if (node.Kind != SpecKind.Map) return null;
        if (fields.Count != 1)
        {
            Say("when", fields.Count == 0
                ? $"is empty; give one of {string.Join(", ", Kinds)}"
                : $"has {string.Join(" and ", fields.Keys)}; a trigger waits for one thing, so make one of each");
            return null;
        }

        var (kind, value) = (fields.Keys.First(), fields.Values.First());
        var found = kind switch
        {
            "run" => new TriggerWhen { Run = Run(value) },
            "artifact" => new() { Artifact = Artifact(value) },
            "file" => new() { File = Text("when.file", value) },
            "dataset" => new() { Dataset = Text("when.dataset", value) },
            _ => new() { Schedule = Schedule(value) },
        };
        problems.AddRange(TriggerRules.Problems(found).Where(problem => problems.All(said => said.Path != problem.Path)));
        return problems.Any(problem => problem.Path.StartsWith("when", StringComparison.Ordinal)) ? null : found;
    }

    private RunWhen Run(SpecNode node)
    {
        var fields = Map("when.run", node, "project", "experiment", "state", "where", "best");
        return new(Needed("when.run", fields, "project"), Needed("when.run", fields, "experiment"), States(fields), Text("when.run.where", fields, "where"),
            fields.TryGetValue("best", out var best) ? Best(best) : null);
    }

    private IReadOnlyList<RunState> States(Dictionary<string, SpecNode> fields)
    {
        if (!fields.TryGetValue("state", out var node)) return [RunState.Succeeded];
        var words = node.Kind == SpecKind.List ? node.Items.Select((item, i) => (Path: SpecPath.Item("when.run.state", i), Item: item)).ToList() : [("when.run.state", node)];
        var states = new List<RunState>();
        var ends = Enum.GetValues<RunState>().Where(state => state.IsTerminal).Select(CoreJson.Name).ToList();
        foreach (var (path, item) in words)
        {
            if (item.Kind == SpecKind.Text && EnumNames.Parse<RunState>(item.Text) is { IsTerminal: true } state) states.Add(state);
            else Say(path, $"found {item.Found}, wanted succeeded, failed or cancelled{Suggestion.Clause(item.Text, ends)}");
        }

        if (words.Count == 0) Say("when.run.state", "the list is empty; leave it out for succeeded");
        return [.. states.Distinct()];
    }

    private BestSoFar Best(SpecNode node)
    {
        var fields = Map("when.run.best", node, "metric", "goal");
        var (metric, goal) = (Needed("when.run.best", fields, "metric"), Needed("when.run.best", fields, "goal"));
        if (fields.ContainsKey("goal") && goal is not ("maximize" or "minimize")) Say("when.run.best.goal", $"found '{goal}', wanted maximize or minimize");
        return new(metric, goal == "minimize" ? Goal.Minimize : Goal.Maximize);
    }

    private ArtifactWhen Artifact(SpecNode node)
    {
        var fields = Map("when.artifact", node, "project", "experiment", "path");
        return new(Needed("when.artifact", fields, "project"), Needed("when.artifact", fields, "experiment"), Needed("when.artifact", fields, "path"));
    }

    private ScheduleWhen Schedule(SpecNode node)
    {
        var fields = Map("when.schedule", node, "cron", "zone", "missed");
        var missed = Text("when.schedule.missed", fields, "missed") ?? "once";
        if (missed is not ("once" or "skip" or "")) Say("when.schedule.missed", $"found '{missed}', wanted once (one catch-up) or skip");
        return new(Needed("when.schedule", fields, "cron"), Text("when.schedule.zone", fields, "zone") ?? "UTC", missed == "skip" ? MissedInstants.Skip : MissedInstants.Once);
    }

    private TriggerLimits Limits(SpecNode node)
    {
        var fields = Map("limits", node, "perHour", "depth", "debounce");
        var blank = new TriggerLimits();
        TimeSpan? debounce = null;
        if (fields.TryGetValue("debounce", out var waited))
        {
            debounce = waited.Kind == SpecKind.Text ? Durations.Parse(waited.Text) : null;
            if (debounce is null) Say("limits.debounce", $"found {waited.Found}, wanted {Durations.Wanted}" + (waited.Kind == SpecKind.Number ? $"; seconds are written {waited.Text}s" : ""));
            else if (debounce > TriggerLimits.MaxDebounce) Say("limits.debounce", "is longer than 1h");
        }

        var perHour = Count("limits.perHour", fields, "perHour", TriggerLimits.MaxPerHour) ?? blank.PerHour;
        return new(perHour, Count("limits.depth", fields, "depth", TriggerLimits.MaxDepth) ?? blank.Depth, debounce);
    }

    private int? Count(string path, Dictionary<string, SpecNode> fields, string name, int most)
    {
        if (!fields.TryGetValue(name, out var node)) return null;
        if (node.Kind == SpecKind.Number && int.TryParse(node.Text, System.Globalization.CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= most) return value;
        Say(path, $"found {node.Found}, wanted a whole number from 1 to {most}");
        return null;
    }

    private Dictionary<string, SpecNode> Map(string path, SpecNode node, params string[] known)
    {
        var fields = new Dictionary<string, SpecNode>(StringComparer.Ordinal);
        if (node.Kind != SpecKind.Map) Say(path, $"found {node.Found}, wanted a mapping with {string.Join(", ", known)}");
        foreach (var (name, value) in node.Fields)
        {
            // Nothing is what JSON writes for what is not there.
            if (known.Contains(name) && value.Kind != SpecKind.Nothing) fields[name] = value;
            else if (!known.Contains(name)) Say(SpecPath.Field(path, name), $"unknown key '{name}'{Suggestion.Clause(name, known)}; known: {string.Join(", ", known)}");
        }

        return fields;
    }

    private string Needed(string path, Dictionary<string, SpecNode> fields, string name)
    {
        var at = SpecPath.Field(path, name);
        if (fields.TryGetValue(name, out var node)) return Text(at, node) ?? "";
        Say(at, "is missing");
        return "";
    }

    private string? Text(string path, Dictionary<string, SpecNode> fields, string name) => fields.TryGetValue(name, out var node) ? Text(path, node) : null;

    private string? Text(string path, SpecNode node)
    {
        if (node.Kind == SpecKind.Text) return node.Text;
        Say(path, $"found {node.Found}, wanted text" + (node.Kind is SpecKind.Number or SpecKind.Boolean ? $"; write \"{node.Text}\" in quotes" : ""));
        return "";
    }

    private T? Missing<T>(string path, string what) where T : class
    {
        Say(path, what);
        return null;
    }

    private void Say(string path, string what) => problems.Add(new(path, what));
}

/// <summary>A template as JSON, numbers in their canonical form.</summary>
internal static class TemplateJson
{
    public static JsonElement Of(SpecNode node)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes)) Write(writer, node);
        return JsonElement.Parse(bytes.ToArray());
    }

    public static SpecNode Parse(JsonElement template) =>
        JsonSpec.Parse(template.GetRawText(), []) ?? throw new InvalidDataException("a stored experiment is not JSON");

    private static void Write(Utf8JsonWriter writer, SpecNode node)
    {
        switch (node.Kind)
        {
            case SpecKind.Map:
                writer.WriteStartObject();
                foreach (var (name, value) in node.Fields)
                {
                    writer.WritePropertyName(name);
                    Write(writer, value);
                }

                writer.WriteEndObject();
                break;
            case SpecKind.List:
                writer.WriteStartArray();
                foreach (var item in node.Items) Write(writer, item);
                writer.WriteEndArray();
                break;
            case SpecKind.Text:
                writer.WriteStringValue(node.Text);
                break;
            case SpecKind.Number:
                writer.WriteRawValue(CanonicalJson.Number(node.Text) ?? throw new InvalidDataException($"{node.Text} is not a number of 64 bits"));
                break;
            case SpecKind.Boolean:
                writer.WriteBooleanValue(node.Text == "true");
                break;
            case SpecKind.Nothing:
                writer.WriteNullValue();
                break;
        }
    }
}
