namespace Serverless.Client;

/// <summary>What one run executes: every name resolved, every parameter concrete. Its hash is the run key.</summary>
public sealed record RunSpec : RunSettings
{
    public RunSpec() { }

    public RunSpec(RunSettings settings) : base(settings) { }

    public required CodeRef Code { get; init; }

    /// <summary>A C# file or folder entry (<c>train.cs</c>), a project file, or a command line.</summary>
    public required string Command { get; init; }
    public long Seed { get; init; }
    public string? Image { get; init; }
    public IReadOnlyList<InputRef> Inputs { get; init; } = [];
    public IReadOnlyList<DatasetRef> Datasets { get; init; } = [];
    public FromRef? From { get; init; }
}

/// <param name="Snapshot">SHA-256 of the zip: where it is.</param>
/// <param name="Tree">Hash of sorted paths and contents: what it is.</param>
/// <param name="Commit">Git commit that it came from, when known; not part of the run key.</param>
public sealed record CodeRef(string Snapshot, string Tree, string? Commit = null);

/// <summary>One input file as it was at submission.</summary>
/// <param name="Path">
/// Key in the workspace (<c>data/digits/train.csv</c>), which is also its path below <c>EXP_INPUTS</c> without <c>data/</c>.
/// </param>
/// <param name="Run">The run that had published this version of the file, or left the artifact; null: somebody put it there.</param>
/// <param name="Key">Of an artifact: where its content is in the workspace; <paramref name="Path"/> is then its path below <c>EXP_INPUTS</c>.</param>
public sealed record InputRef(string Path, string ETag, string Sha256, long LengthBytes, string? Run = null, string? Key = null);

/// <summary>A version of a dataset as an input: a folder of its name below <c>EXP_INPUTS</c>.</summary>
/// <param name="Sha256">Hash of its paths and contents.</param>
/// <param name="Files">How many.</param>
public sealed record DatasetRef(string Name, int Number, string Sha256, int Files, long LengthBytes)
{
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Name}:{Number}");
}

/// <summary>A checkpoint of another run that this run starts from.</summary>
/// <param name="Manifest">Key of its <see cref="CheckpointManifest"/>.</param>
/// <param name="Content">Hash of the manifest's files (paths and contents): what the checkpoint is, for the run key.</param>
public sealed record FromRef(string Run, string Manifest, long Step, string? Content = null);
