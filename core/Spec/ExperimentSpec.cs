using System.Text.Json;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>
/// What is submitted (<c>POST /api/experiments</c>), as people write it; nothing resolved yet. Read with <see cref="SpecReader"/>, checked by
/// <see cref="SpecRules"/>.
/// </summary>
public sealed record ExperimentSpec
{
    public required string Project { get; init; }
    public required string Name { get; init; }

    /// <summary>Left out: the folder that the spec is in.</summary>
    public CodeSource Code { get; init; } = new(Snapshot: null, Path: ".");

    /// <summary>See <see cref="EntryPoint"/>.</summary>
    public required string Command { get; init; }
    public string? Setup { get; init; }
    public string Machine { get; init; } = "cpu";

    /// <summary>One run a seed. Written as <c>seed:</c>, a number or a list.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0];
    public IReadOnlyDictionary<string, string> Env { get; init; } = new Dictionary<string, string>();
    public IReadOnlyList<string> Secrets { get; init; } = [];
    public string? Image { get; init; }
    public FromSource? From { get; init; }

    /// <summary>
    /// Numbers, strings, booleans, and lists of them. Numbers are in their canonical form (<see cref="CanonicalJson"/>), so 1.0 and 1 are the same
    /// experiment.
    /// </summary>
    public IReadOnlyDictionary<string, JsonElement> Params { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>
    /// Paths below <c>data/</c> (a file, or a folder with a '/' at its end), versions of datasets (<c>digits:latest</c>, <c>digits:3</c>, <c>digits@hash</c>), and artifacts
    /// of other runs (<see cref="RunInput"/>).
    /// </summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];
    public int Nodes { get; init; } = 1;
    public int RetriesLost { get; init; } = 10;
    public int RetriesFailed { get; init; }

    /// <summary>Null: no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Null: 30 seconds.</summary>
    public TimeSpan? Grace { get; init; }

    /// <summary>Which checkpoints stay; the newest five, unless said otherwise.</summary>
    public CheckpointRetention Checkpoints { get; init; } = new();

    /// <summary>Metric name → <see cref="CheckRange"/>: <c>n..</c>, <c>..n</c> or <c>a..b</c>. Reported, never deciding about success.</summary>
    public IReadOnlyDictionary<string, string> Checks { get; init; } = new Dictionary<string, string>();
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Run again even when a finished run has the same key.</summary>
    public bool Fresh { get; init; }
}

/// <summary>
/// Where the code is: a snapshot that was put under <c>/api/code</c>. A <c>path</c> is turned into one by the command line before it submits.
/// </summary>
/// <param name="Snapshot">SHA-256 of the zip.</param>
/// <param name="Path">A folder or a file, relative to the spec.</param>
/// <param name="Include">Which files of the folder; null: all that are not excluded. Patterns as in <see cref="PathPattern"/>.</param>
/// <param name="Commit">The git commit that the code is at.</param>
public sealed record CodeSource(string? Snapshot, string? Path = null, IReadOnlyList<string>? Include = null, string? Commit = null);

/// <param name="Run">Id of the run whose checkpoint to start from.</param>
/// <param name="Checkpoint"><c>last</c>, <c>best</c> (see <see cref="CheckpointChoice"/>), <c>max:METRIC</c>, <c>min:METRIC</c>, or a step.</param>
public sealed record FromSource(string Run, string Checkpoint = "last");
