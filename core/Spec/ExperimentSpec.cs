using System.Text.Json.Serialization;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>
/// What is submitted (<c>POST /api/experiments</c>), as people write it; nothing resolved yet. Its fields are declared here, in <see
/// cref="RunSettings"/> and in the records that they are made of, and nowhere else. Read with <see cref="SpecReader"/>.
/// </summary>
[NotYet("sweep", $"{Later}; submit one experiment per point")]
[NotYet("strategy", OfSweep), NotYet("trials", OfSweep), NotYet("parallel", OfSweep), NotYet("objective", OfSweep), NotYet("stop", OfSweep)]
[NotYet("secrets", $"{Later}; give the worker's own environment what the code must not see in the workspace")]
[NotYet("image", $"{Later}; install what the code needs with setup")]
[NotYet("triggers", $"{Later}; submit when the cause occurs")]
public sealed record ExperimentSpec : RunSettings
{
    internal const string Later = "not supported by this version";
    private const string OfSweep = $"belongs to sweep, which is {Later}; submit one experiment per point";

    public ExperimentSpec() { }

    public ExperimentSpec(RunSettings settings) : base(settings) { }

    [Field("A group of experiments, usually one git repository.")]
    [Text<RunForms.Name>]
    public required string Project { get; init; }

    [Field("The experiment's name in its project.", Synonyms = ["experiment"])]
    [Text<RunForms.Name>]
    public required string Name { get; init; }

    [Field("Where the code is. Left out: the folder that the spec is in.", Synonyms = ["source"])]
    public CodeSource Code { get; init; } = new();

    /// <summary>See <see cref="EntryPoint"/>.</summary>
    [Field("What to run: a C# file, a project (.csproj), a folder with one of them, or any command line.", Example = "\"train.cs\"",
        Synonyms = ["cmd", "entry", "entrypoint", "script", "run"])]
    [Text<SpecForms.Command>]
    public required string Command { get; init; }

    [Field("The seed, or a list: one run for each.", Example = "[1, 2, 3]", Min = 0, Least = 1, Most = MaxSeeds, Unique = true, OneOrMany = true,
        Synonyms = ["seeds"])]
    [JsonPropertyName("seed")]
    public IReadOnlyList<long> Seeds { get; init; } = [0];

    [Field("Start from a checkpoint of another run.", Example = """{"run": "01JZX6Q8V0T9B4M2C7K3N5P1RS", "checkpoint": "best"}""")]
    public FromSource? From { get; init; }

    [Field("What the code reads: files and folders below data/, datasets (digits:latest, digits:3, digits@hash), artifacts " +
        "(run:RUN-ID/artifacts/PATH).",
        Example = """["data/digits/", "digits:latest"]""", Most = 256, Unique = true, Hint = "name a folder ('data/digits/') instead of its files",
            Synonyms = ["data", "datasets", "input"])]
    [Text<SpecForms.Input>]
    public IReadOnlyList<string> Inputs { get; init; } = [];

    [Field("Words to find the runs by.", Example = "[\"baseline\"]", Most = 20, Synonyms = ["labels"])]
    [Text<SpecForms.Tag>]
    public IReadOnlyList<string> Tags { get; init; } = [];

    [Field("Run again even when a finished run has the same key.")]
    public bool Fresh { get; init; }

    /// <summary>Runs of one submission.</summary>
    public const int MaxSeeds = 256;
}

/// <summary>
/// Where the code is: a snapshot that was put under <c>/api/code</c>. A <c>path</c> is turned into one by the command line before it submits.
/// </summary>
[NotYet("git", $"{ExperimentSpec.Later}; check it out and give its path, or a snapshot")]
[NotBoth("snapshot", "path"), NotBoth("snapshot", "include")]
public sealed record CodeSource(
    [property: Field("SHA-256 of an uploaded zip."), Text<SpecForms.Sha256>] string? Snapshot = null,
    string? Path = null,
    [property: Field("Which files of the folder, as patterns. Left out: all that are not excluded.", Example = "[\"**/*.cs\"]", Least = 1,
        Most = 100), Text<SpecForms.FilePattern>]
    IReadOnlyList<string>? Include = null,
    [property: Field("The git commit that the code is at."), Text<SpecForms.Commit>] string? Commit = null)
{
    [Field("A folder or a file, relative to the spec.")]
    [Text<SpecForms.CodePath>]
    public string? Path { get; init; } = Path ?? (Snapshot is null ? "." : null);
}

/// <param name="Checkpoint"><c>last</c>, <c>best</c> (see <see cref="CheckpointChoice"/>), <c>max:METRIC</c>, <c>min:METRIC</c>, or a step.</param>
public sealed record FromSource(
    [property: Field("Id of the run to start from."), Text<SpecForms.RunId>] string Run,
    [property: Field("Which of its checkpoints: last, best, a step, max:METRIC or min:METRIC."), Text<SpecForms.Checkpoint>]
    string Checkpoint = "last");
