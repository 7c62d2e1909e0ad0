using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Triggers;

/// <summary>What a template's references can refer to: an event with all that is known of it.</summary>
internal sealed record TemplateContext(TriggerKind Kind, string Trigger, TriggerEvent Event)
{
    public const string ParamPrefix = "run.params.", MetricPrefix = "run.metrics.", ArtifactPrefix = "run.artifacts.";

    /// <summary>Of a run or an artifact; of a file, null.</summary>
    public RunRecord? Run { get; init; }

    /// <summary>Latest values, at least of the metrics that are asked for.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();

    public IReadOnlyList<OutputFile> Artifacts { get; init; } = [];

    /// <summary>Facts to check a template with before there is a run to know them from: any parameter is there.</summary>
    public bool AnyParam { get; init; }

    /// <summary>The same for metrics and artifacts.</summary>
    public bool AnyOutput { get; init; }

    private static readonly string[] OfRuns = 
    [
        "run.id", "run.project", "run.experiment", "run.version", "run.state", "run.seed", "run.params.NAME", "run.metrics.NAME",
        "run.artifacts.PATH",
    ];

    /// <summary>The references that a kind of trigger has.</summary>
    public static IReadOnlyList<string> Names(TriggerKind kind) => kind switch
    {
        TriggerKind.Run => [.. OfRuns, "trigger.name"],
        TriggerKind.Artifact => ["event.path", "event.name", "event.input", .. OfRuns, "trigger.name"],
        TriggerKind.File => ["event.path", "event.name", "event.etag", "trigger.name"],
        TriggerKind.Dataset => ["dataset.name", "dataset.version", "dataset.ref", "trigger.name"],
        TriggerKind.Schedule => ["schedule.at", "trigger.name"],
    };

    /// <summary>The value of a reference, or what is wrong with it.</summary>
    public (SpecNode? Value, string? Problem) ValueOf(string reference)
    {
        if (reference == "trigger.name") return Text(Trigger);
        var value = Event switch
        {
            TriggerEvent.File file => reference switch
            {
                "event.path" => Text(file.Path),
                "event.name" => Text(NameOf(file.Path)),
                "event.etag" => Text(file.ETag),
                _ => default,
            },
            TriggerEvent.Dataset dataset => reference switch
            {
                "dataset.name" => Text(dataset.Name),
                "dataset.version" => Number(dataset.Version),
                "dataset.ref" => Text(string.Create(CultureInfo.InvariantCulture, $"{dataset.Name}:{dataset.Version}")),
                _ => default,
            },
            TriggerEvent.Instant instant => reference == "schedule.at"
                ? Text(instant.At.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))
                : default,
            TriggerEvent.Artifact artifact => reference switch
            {
                "event.path" => Text(artifact.Path),
                "event.name" => Text(NameOf(artifact.Path)),
                "event.input" => Text(new RunInput(artifact.Run, artifact.Path).ToString()),
                _ => OfRun(reference),
            },
            _ => OfRun(reference),
        };
        return value != default ? value : (null,
            $"${{{reference}}} is nothing that a {Kind.ToString().ToLowerInvariant()} trigger has{Suggestion.Clause(reference, Names(Kind))}; "
            + $"known: {string.Join(", ", Names(Kind))}. For ${{ itself write $${{");
    }

    private (SpecNode? Value, string? Problem) OfRun(string reference)
    {
        if (Run is not { } run) return default;
        return reference switch
        {
            "run.id" => Text(run.Id),
            "run.project" => Text(run.Project),
            "run.experiment" => Text(run.Experiment),
            "run.version" => Number(run.Version),
            "run.state" => Text(CoreJson.Name(run.State)),
            "run.seed" => Number(run.Spec.Seed),
            _ when After(ParamPrefix) is { } name => Param(run, name),
            _ when After(MetricPrefix) is { } name => Metric(name),
            _ when After(ArtifactPrefix) is { } name => Artifact(run, name),
            _ => default,
        };

        string? After(string prefix) =>
            reference.Length > prefix.Length && reference.StartsWith(prefix, StringComparison.Ordinal) ? reference[prefix.Length..] : null;
    }

    private (SpecNode? Value, string? Problem) Param(RunRecord run, string name)
    {
        if (ParamPath.Find(run.Spec.Params, name) is { } value) return (Filled(value), null);
        return AnyParam
            ? Number(1)
            : (null, $"runs of {run.Project}/{run.Experiment} have no parameter " +
                $"'{name}'{Suggestion.Clause(name, ParamPath.Flat(run.Spec.Params).Select(param => param.Key))}");
    }

    private (SpecNode? Value, string? Problem) Metric(string name)
    {
        if (!Metrics.TryGetValue(name, out var value))
        {
            return AnyOutput ? Number(1) : (null, $"run {Run!.Id} has no metric '{name}'{Suggestion.Clause(name, Metrics.Keys)}");
        }

        return double.IsFinite(value)
            ? (Number(value.ToString("R", CultureInfo.InvariantCulture)), null)
            : (null, string.Create(CultureInfo.InvariantCulture, $"the metric '{name}' of run {Run!.Id} is {value}"));
    }

    /// <summary>By its path, or by the path without its extension when only one has that.</summary>
    private (SpecNode? Value, string? Problem) Artifact(RunRecord run, string name)
    {
        var matching = Artifacts.Where(file => file.Path == name).ToList();
        if (matching.Count == 0) matching = [.. Artifacts.Where(file => Path.ChangeExtension(file.Path, null) == name)];
        return matching switch
        {
            [var only] => Text(new RunInput(run.Id, only.Path).ToString()),
            [] when AnyOutput => Text(new RunInput(run.Id, name).ToString()),
            [] => (null, $"run {run.Id} left no artifact '{name}'{Suggestion.Clause(name, Artifacts.Select(file => file.Path))}"),
            _ => (null, $"run {run.Id} left {string.Join(" and ", matching.Select(file => file.Path))}; write which in full"),
        };
    }

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static (SpecNode? Value, string? Problem) Text(string text) => (new() { Kind = SpecKind.Text, Text = text }, null);

    private static (SpecNode? Value, string? Problem) Number(long number) => (Number(number.ToString(CultureInfo.InvariantCulture)), null);

    private static SpecNode Number(string text) => new() { Kind = SpecKind.Number, Text = text, IsFilledIn = true };

    private static SpecNode Filled(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => Number(value.GetRawText()),
        JsonValueKind.True or JsonValueKind.False => new() { Kind = SpecKind.Boolean, Text = value.GetRawText(), IsFilledIn = true },
        JsonValueKind.Array => new() { Kind = SpecKind.List, Items = [.. value.EnumerateArray().Select(Filled)] },
        JsonValueKind.Object => new()
        {
            Kind = SpecKind.Map,
            Fields = [.. value.EnumerateObject().Select(field => KeyValuePair.Create(field.Name, Filled(field.Value)))],
        },
        _ => new() { Kind = SpecKind.Text, Text = value.ToString() },
    };
}
