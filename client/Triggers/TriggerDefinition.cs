using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>A trigger as people write it: when something happens, then submit an experiment.</summary>
/// <param name="Then">The experiment as in <c>experiment.yaml</c>; its strings may hold references such as <c>${run.id}</c>.</param>
public sealed record TriggerDefinition(
    [property: Field("The trigger's name."), Text<RunForms.Name>] string Name,
    [property: Field("What it waits for: one of run, artifact, file, dataset and schedule.")] TriggerWhen When,
    [property: Field("The experiment to submit, as in experiment.yaml. Its texts may hold references such as ${run.id}; $${ stands for ${.",
        IsExperiment = true)] JsonElement Then,
    TriggerLimits? Limits = null)
{
    [Field("How often it may submit.")]
    public TriggerLimits Limits { get; init; } = Limits ?? new();

    /// <summary>The experiment that it submits, <c>project/name</c>, references as they are written.</summary>
    [JsonIgnore]
    public string Submits => $"{Then.GetProperty("project").GetString()}/{Then.GetProperty("name").GetString()}";
}

[JsonConverter(typeof(EnumNamesConverter<TriggerKind>))]
public enum TriggerKind
{
    Run,
    Artifact,
    File,
    Dataset,
    Schedule,
}

/// <summary>What a trigger waits for; exactly one of these is there.</summary>
[ExactlyOne]
public sealed record TriggerWhen
{
    [Field("A run of an experiment ended.", Example = """{"project": "pruning", "experiment": "prune-mlp", "state": "succeeded"}""")]
    public RunWhen? Run { get; init; }

    [Field("A succeeded run left an artifact.", Example = """{"project": "pruning", "experiment": "prune-mlp", "path": "*.safetensors"}""")]
    public ArtifactWhen? Artifact { get; init; }

    [Field("A file appeared or changed: a pattern of paths below data/.", Example = "\"data/digits/*.csv\"")]
    [Text<TriggerForms.FilePattern>]
    public string? File { get; init; }

    [Field("A version of this dataset was published.")]
    [Text<RunForms.Name>]
    public string? Dataset { get; init; }

    [Field("A clock ticked.", Example = """{"cron": "0 3 * * *", "zone": "Europe/Berlin"}""")]
    public ScheduleWhen? Schedule { get; init; }

    [JsonIgnore]
    public TriggerKind Kind =>
        Run is not null ? TriggerKind.Run
        : Artifact is not null ? TriggerKind.Artifact
        : File is not null ? TriggerKind.File
        : Dataset is not null ? TriggerKind.Dataset
        : Schedule is not null ? TriggerKind.Schedule
        : throw new InvalidOperationException("a trigger that waits for nothing has no kind");

    /// <summary>The experiment whose runs it is about, when it is about runs.</summary>
    [JsonIgnore]
    public (string Project, string Experiment)? Runs => Run is { } run ? (run.Project, run.Experiment) : Artifact is { } artifact
        ? (artifact.Project, artifact.Experiment) : null;

    /// <summary>In a few words, for lists.</summary>
    public override string ToString() => Kind switch
    {
        TriggerKind.Run => $"{Run!.Project}/{Run.Experiment} {string.Join('|', Run.States).ToLowerInvariant()}"
            + (Run.Where is { } where ? $", {where}" : "") + (Run.Best is { } best ? $", best {best.Metric}" : ""),
        TriggerKind.Artifact => $"{Artifact!.Project}/{Artifact.Experiment} left {Artifact.Path}",
        TriggerKind.File => File!,
        TriggerKind.Dataset => $"dataset {Dataset}",
        TriggerKind.Schedule => $"{Schedule!.Cron} {Schedule.Zone}",
    };
}

/// <summary>A run of an experiment ended.</summary>
/// <param name="States">In one of these terminal states; default: succeeded.</param>
/// <param name="Where">A condition on the run, such as <c>val/accuracy &gt; 0.9</c>; null: none.</param>
/// <param name="Best">Only when the run is better than every one of the experiment that ended before it in one of these states.</param>
public sealed record RunWhen(
    [property: Field("The project of the experiment."), Text<RunForms.Name>] string Project,
    [property: Field("The experiment's name."), Text<RunForms.Name>] string Experiment,
    IReadOnlyList<RunState>? States = null,
    [property: Field("A condition on the run.", Example = "\"val/accuracy > 0.9 and params.lr < 0.01\""),
        Text<TriggerForms.ConditionText>] string? Where = null,
    [property: Field("Only when the run is better than every one of the experiment that ended before it in one of these states.",
        Example = """{"metric": "val/accuracy", "goal": "maximize"}""")] BestSoFar? Best = null)
{
    [Field("How it ended, or a list of that.", OneOrMany = true, Least = 1, Among = ["succeeded", "failed", "cancelled"])]
    [JsonPropertyName("state")]
    public IReadOnlyList<RunState> States { get; init; } = States ?? [RunState.Succeeded];
}

public sealed record BestSoFar(
    [property: Field("The metric's name."), Text<RunForms.Metric>] string Metric,
    [property: Field("Whether the greatest or the least value is the best.")] Goal Goal);

/// <summary>A succeeded run left an artifact.</summary>
/// <param name="Path">A pattern of paths below the run's <c>artifacts/</c>.</param>
public sealed record ArtifactWhen(
    [property: Field("The project of the experiment."), Text<RunForms.Name>] string Project,
    [property: Field("The experiment's name."), Text<RunForms.Name>] string Experiment,
    [property: Field("A pattern of paths below the run's artifacts/.", Example = "\"*.safetensors\""),
        Text<TriggerForms.ArtifactPattern>] string Path);

/// <param name="Cron">Five fields: minute, hour, day of the month, month, day of the week.</param>
/// <param name="Zone">IANA name; default UTC.</param>
/// <param name="Missed">What becomes of instants at which nothing ran; default: one catch-up.</param>
public sealed record ScheduleWhen(
    [property: Field("Five fields: minute, hour, day of the month, month, day of the week.", Example = "\"0 3 * * mon-fri\""),
        Text<TriggerForms.Cron>] string Cron,
    [property: Field("Time zone, by its IANA name."), Text<TriggerForms.Zone>] string Zone = "UTC",
    [property: Field("What becomes of instants at which nothing ran: once makes up for the latest, skip for none.")]
    MissedInstants Missed = MissedInstants.Once);

[JsonConverter(typeof(EnumNamesConverter<MissedInstants>))]
public enum MissedInstants
{
    /// <summary>The latest of them is made up for, once.</summary>
    Once,
    Skip,
}

/// <param name="PerHour">Submissions within any hour; default 100. What comes beyond is stopped, with a record, and can be replayed.</param>
/// <param name="Depth">Triggers in a row, this one included, that may lead to a submission; default 8.</param>
/// <param name="Debounce">Files only: how long a path must have been left alone before its newest version counts; default 2 s.</param>
public sealed record TriggerLimits(
    [property: Field("Submissions within any hour; what comes beyond is stopped, with a record, and can be replayed.", Min = 1,
        Max = TriggerLimits.MaxPerHour)] int PerHour = 100,
    [property: Field("Triggers in a row, this one included, that may lead to a submission.", Min = 1, Max = TriggerLimits.MaxDepth)] int Depth = 8,
    [property: Field("Files only: how long a path must have been left alone before its newest version counts. Left out: 2s.", Min = 0,
        Max = 3600)] TimeSpan? Debounce = null)
{
    public const int MaxPerHour = 1000;
    public const int MaxDepth = 32;

    public static TimeSpan DefaultDebounce { get; } = TimeSpan.FromSeconds(2);
}

/// <summary>A stored trigger: <c>triggers/{name}.json</c>.</summary>
/// <param name="Id">One generation of the name: deleted and stored again it is another trigger, and has acted on nothing yet.</param>
/// <param name="By">Who stored it, for people.</param>
/// <param name="Since">What happened before is not acted on: when it was stored, or resumed. Store time.</param>
public sealed record TriggerRecord(
    string Id, TriggerDefinition Definition, string? By, DateTimeOffset Created, DateTimeOffset Since, TriggerPause? Paused = null)
{
    [JsonIgnore]
    public string Name => Definition.Name;

    [JsonIgnore]
    public TriggerWhen When => Definition.When;
}

public sealed record TriggerPause(DateTimeOffset At, string? By);
