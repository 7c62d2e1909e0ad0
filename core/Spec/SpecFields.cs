using System.Globalization;
using System.Text.Json;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>
/// Tree → <see cref="ExperimentSpec"/>: which fields there are and what each may hold. A field that cannot be read gets a problem and keeps its
/// default.
/// </summary>
internal sealed class SpecFields(ProblemList problems)
{
    private const string Later = "not supported by this version";

    /// <summary>What belongs to later work, by name, and what to do meanwhile.</summary>
    private static readonly Dictionary<string, string> Unsupported = new(StringComparer.Ordinal)
    {
        ["sweep"] = $"{Later}; submit one experiment per point",
        ["strategy"] = $"belongs to sweep, which is {Later}; submit one experiment per point",
        ["trials"] = $"belongs to sweep, which is {Later}; submit one experiment per point",
        ["parallel"] = $"belongs to sweep, which is {Later}; submit one experiment per point",
        ["objective"] = $"belongs to sweep, which is {Later}; submit one experiment per point",
        ["stop"] = $"belongs to sweep, which is {Later}; submit one experiment per point",
        ["secrets"] = $"{Later}; give the worker's own environment what the code must not see in the workspace",
        ["image"] = $"{Later}; install what the code needs with setup",
        ["triggers"] = $"{Later}; submit when the cause occurs",
    };

    private static readonly string[] Known =
    [
        "project", "name", "code", "command", "setup", "machine", "seed", "env", "from",
        "params", "inputs", "nodes", "retries", "timeout", "grace", "checkpoints", "checks", "tags", "fresh",
    ];

    /// <summary>Words that other tools use for the same thing.</summary>
    private static readonly Dictionary<string, string> Synonyms = new(StringComparer.OrdinalIgnoreCase)
    {
        ["experiment"] = "name", ["source"] = "code", ["labels"] = "tags", ["time_limit"] = "timeout", ["seeds"] = "seed", ["environment"] = "env",
        ["cmd"] = "command", ["entry"] = "command", ["entrypoint"] = "command", ["script"] = "command", ["run"] = "command",
        ["parameters"] = "params", ["hyperparameters"] = "params", ["args"] = "params", ["data"] = "inputs", ["datasets"] = "inputs", ["input"] = "inputs",
        ["retention"] = "checkpoints", ["resources"] = "machine", ["machineClass"] = "machine", ["machine_class"] = "machine",
    };

    public ExperimentSpec Read(SpecNode root)
    {
        var fields = Map("", root, Known, Unsupported);
        foreach (var required in (string[])["project", "name", "command"])
        {
            if (!fields.ContainsKey(required) && root.Kind == SpecKind.Map) problems.Add(new(required, "is missing"));
        }

        var blank = new ExperimentSpec { Project = "", Name = "", Command = "" };
        var retries = Inner("retries", ["lost", "failed"]);
        return blank with
        {
            Project = Text("project", fields) ?? "",
            Name = Text("name", fields) ?? "",
            Command = Text("command", fields) ?? "",
            Code = fields.TryGetValue("code", out var code) ? Code(code) : blank.Code,
            Setup = Text("setup", fields),
            Machine = Text("machine", fields) ?? blank.Machine,
            Seeds = fields.TryGetValue("seed", out var seed) ? Seeds(seed) : blank.Seeds,
            Env = Texts("env", fields),
            From = fields.TryGetValue("from", out var from) ? From(from) : null,
            Params = Params(fields),
            Inputs = List("inputs", fields),
            Nodes = Nodes(fields),
            RetriesLost = Count("retries.lost", retries, "lost") ?? blank.RetriesLost,
            RetriesFailed = Count("retries.failed", retries, "failed") ?? blank.RetriesFailed,
            Timeout = Duration("timeout", fields),
            Grace = Duration("grace", fields),
            Checkpoints = fields.TryGetValue("checkpoints", out var checkpoints) ? Checkpoints(checkpoints) : blank.Checkpoints,
            Checks = Texts("checks", fields),
            Tags = List("tags", fields),
            Fresh = fields.TryGetValue("fresh", out var fresh) && Flag("fresh", fresh),
        };

        Dictionary<string, SpecNode> Inner(string name, string[] known) => fields.TryGetValue(name, out var node) ? Map(name, node, known) : [];
    }

    private Dictionary<string, SpecNode> Map(string path, SpecNode node, IReadOnlyCollection<string>? known = null, Dictionary<string, string>? unsupported = null)
    {
        if (node.Kind != SpecKind.Map)
        {
            var of = known is null ? " of names to values" : $" with {string.Join(", ", known.Take(4))}{(known.Count > 4 ? ", …" : "")}";
            problems.Add(new(path, $"found {node.Found}, wanted a mapping{of}"));
            return [];
        }

        var fields = new Dictionary<string, SpecNode>(StringComparer.Ordinal);
        foreach (var (name, value) in node.Fields)
        {
            var at = SpecPath.Field(path, name);
            if (known is null || known.Contains(name)) fields.Add(name, value);
            else if (unsupported?.TryGetValue(name, out var why) == true) problems.Add(new(at, why));
            else problems.Add(new(at, $"unknown key '{name}'{Meant(name)}"));
        }

        return fields;

        string Meant(string name) =>
            path.Length == 0 && Synonyms.TryGetValue(name, out var ours) ? $"; did you mean '{ours}'?" : Suggestion.Clause(name, known!);
    }

    private CodeSource Code(SpecNode node)
    {
        var inner = Map("code", node, ["snapshot", "path", "include", "commit"], new() { ["git"] = $"{Later}; check it out and give its path, or a snapshot" });
        var include = inner.ContainsKey("include") ? List("code.include", inner, "include") : null;
        if (inner.ContainsKey("snapshot") && (inner.ContainsKey("path") || include is not null)) problems.Add(new("code", "give either a snapshot or a path with include"));
        var snapshot = Text("code.snapshot", inner, "snapshot");
        return new(snapshot, Text("code.path", inner, "path") ?? (snapshot is null ? "." : null), include, Text("code.commit", inner, "commit"));
    }

    private FromSource? From(SpecNode node)
    {
        var inner = Map("from", node, ["run", "checkpoint"]);
        if (node.Kind == SpecKind.Map && !inner.ContainsKey("run")) problems.Add(new("from.run", "is missing: the id of the run to start from"));
        var checkpoint = inner.TryGetValue("checkpoint", out var step) && step.Kind == SpecKind.Number
            ? CanonicalJson.Number(step.Text)
            : Text("from.checkpoint", inner, "checkpoint");
        return new(Text("from.run", inner, "run") ?? "", checkpoint ?? "last");
    }

    private CheckpointRetention Checkpoints(SpecNode node)
    {
        var inner = Map("checkpoints", node, ["keep", "best", "every"]);
        var blank = new CheckpointRetention();
        return new()
        {
            Keep = Count("checkpoints.keep", inner, "keep") ?? blank.Keep,
            Every = inner.TryGetValue("every", out var every) ? Whole("checkpoints.every", every) ?? blank.Every : blank.Every,
            Best = inner.TryGetValue("best", out var best) ? Best(best) : null,
        };
    }

    private BestCheckpoint? Best(SpecNode node)
    {
        var inner = Map("checkpoints.best", node, ["metric", "goal"]);
        foreach (var (name, what) in (ReadOnlySpan<(string, string)>)[("metric", "the name of a metric"), ("goal", "maximize or minimize")])
        {
            if (node.Kind == SpecKind.Map && !inner.ContainsKey(name)) problems.Add(new($"checkpoints.best.{name}", $"is missing: {what}"));
        }

        if (Text("checkpoints.best.metric", inner, "metric") is not { } metric || Text("checkpoints.best.goal", inner, "goal") is not { } goal) return null;
        if (goal is "maximize" or "minimize") return new(metric, goal == "maximize" ? Goal.Maximize : Goal.Minimize);
        problems.Add(new("checkpoints.best.goal", $"found '{goal}', wanted maximize or minimize"));
        return null;
    }

    private IReadOnlyList<long> Seeds(SpecNode node)
    {
        if (node.Kind != SpecKind.List) return [Whole("seed", node) ?? 0];

        // What cannot be read is left out rather than defaulted, or it would look like a repetition.
        return [.. node.Items.Select((item, i) => Whole(SpecPath.Item("seed", i), item)).OfType<long>()];
    }

    private Dictionary<string, JsonElement> Params(Dictionary<string, SpecNode> fields)
    {
        var read = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (!fields.TryGetValue("params", out var node)) return read;
        foreach (var (name, value) in Map("params", node)) read[name] = Param(SpecPath.Field("params", name), value, inList: false);
        return read;
    }

    private JsonElement Param(string path, SpecNode node, bool inList)
    {
        switch (node.Kind)
        {
            case SpecKind.Number when CanonicalJson.Number(node.Text) is { } number:
                return JsonElement.Parse(number);
            case SpecKind.Number:
                problems.Add(new(path, $"{node.Text} is not a number of 64 bits; write it in quotes if the code reads it as text"));
                break;
            case SpecKind.Text when node.Ambiguous is { } instead:
                problems.Add(new(path, $"'{node.Text}' is a different value to different readers of YAML; write {instead}"));
                break;
            case SpecKind.Text:
                return JsonSerializer.SerializeToElement(node.Text);
            case SpecKind.Boolean:
                return JsonElement.Parse(node.Text);
            case SpecKind.List when !inList:
                return JsonSerializer.SerializeToElement(node.Items.Select((item, i) => Param(SpecPath.Item(path, i), item, inList: true)).ToList());
            case SpecKind.Map:
                problems.Add(new(path, $"found a mapping, wanted a value; a search space belongs to sweep, which is {Later}"));
                break;
            default:
                problems.Add(new(path, $"found {node.Found}, wanted a number, text, true or false" + (inList ? "" : ", or a list of them")));
                break;
        }

        return JsonElement.Parse("0");
    }

    private int Nodes(Dictionary<string, SpecNode> fields)
    {
        if (!fields.TryGetValue("nodes", out var node) || Whole("nodes", node) is not { } nodes) return 1;
        if (nodes > 1) problems.Add(new("nodes", $"several nodes are {Later}; leave it at 1"));
        else if (nodes < 1) problems.Add(new("nodes", $"found {nodes}, wanted 1"));
        return 1;
    }

    private string? Text(string path, Dictionary<string, SpecNode> fields, string? name = null) =>
        fields.TryGetValue(name ?? path, out var node) ? Text(path, node) : null;

    private string Text(string path, SpecNode node)
    {
        if (node.Kind == SpecKind.Text || node is { IsFilledIn: true, Kind: SpecKind.Number or SpecKind.Boolean }) return node.Text;
        problems.Add(new(path, $"found {node.Found}, wanted text" + (node.Kind is SpecKind.Number or SpecKind.Boolean ? $"; write \"{node.Text}\" in quotes" : "")));
        return "";
    }

    private List<string> List(string path, Dictionary<string, SpecNode> fields, string? name = null)
    {
        if (!fields.TryGetValue(name ?? path, out var node)) return [];
        if (node.Kind == SpecKind.List) return [.. node.Items.Select((item, i) => Text(SpecPath.Item(path, i), item))];
        problems.Add(new(path, $"found {node.Found}, wanted a list" + (node.Kind == SpecKind.Text ? $"; write [\"{node.Text}\"]" : "")));
        return [];
    }

    private Dictionary<string, string> Texts(string path, Dictionary<string, SpecNode> fields)
    {
        if (!fields.TryGetValue(path, out var node)) return [];
        return Map(path, node).ToDictionary(field => field.Key, field => Text(SpecPath.Field(path, field.Key), field.Value), StringComparer.Ordinal);
    }

    private long? Whole(string path, SpecNode node)
    {
        var whole = NumberStyles.AllowLeadingSign;
        if (node.Kind == SpecKind.Number && long.TryParse(CanonicalJson.Number(node.Text), whole, CultureInfo.InvariantCulture, out var value)) return value;
        problems.Add(new(path, $"found {node.Found}, wanted a whole number"));
        return null;
    }

    private int? Count(string path, Dictionary<string, SpecNode> fields, string name) =>
        fields.TryGetValue(name, out var node) && Whole(path, node) is { } value ? (int)Math.Clamp(value, int.MinValue, int.MaxValue) : null;

    private TimeSpan? Duration(string path, Dictionary<string, SpecNode> fields)
    {
        if (!fields.TryGetValue(path, out var node)) return null;
        if (node.Kind == SpecKind.Text && Durations.Parse(node.Text) is { } duration) return duration;
        problems.Add(new(path, $"found {node.Found}, wanted {Durations.Wanted}" + (node.Kind == SpecKind.Number ? $"; seconds are written {node.Text}s" : "")));
        return null;
    }

    private bool Flag(string path, SpecNode node)
    {
        if (node.Kind == SpecKind.Boolean) return node.Text == "true";
        problems.Add(new(path, $"found {node.Found}, wanted true or false"));
        return false;
    }
}
