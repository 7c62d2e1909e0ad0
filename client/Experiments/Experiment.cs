using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>
/// An experiment to submit, as it is written in <c>experiment.yaml</c>. What is left out is as the platform has it by default; the platform checks
/// everything.
/// </summary>
public sealed record Experiment
{
    public required string Project { get; init; }
    public required string Name { get; init; }

    /// <summary>A snapshot that was stored with <see cref="ServerlessClient.PutCode"/>.</summary>
    public required ExperimentCode Code { get; init; }

    /// <summary>A C# file of the code, a project file, or a command line.</summary>
    public required string Command { get; init; }

    /// <summary>A command line that prepares the code's environment; its result is kept for other runs of the same code.</summary>
    public string? Setup { get; init; }

    /// <summary>The machine class; by default <c>cpu</c>.</summary>
    public string? Machine { get; init; }

    /// <summary>One run for each; by default 0.</summary>
    [JsonPropertyName("seed")]
    public IReadOnlyList<long>? Seeds { get; init; }
    public IReadOnlyDictionary<string, string>? Env { get; init; }
    public ExperimentFrom? From { get; init; }

    /// <summary>Numbers, strings, booleans, lists and maps of them: <c>new() { ["lr"] = 0.01 }</c>.</summary>
    public JsonObject? Params { get; init; }

    /// <summary>Paths below <c>data/</c>, versions of datasets (<c>digits:3</c>), artifacts of other runs (<c>run:ID/artifacts/PATH</c>).</summary>
    public IReadOnlyList<string>? Inputs { get; init; }
    public Retries? Retries { get; init; }

    /// <summary>How long the code may run; by default without limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How long all GPUs may idle before the run is ended; by default for ever.</summary>
    public TimeSpan? GpuIdleTimeout { get; init; }

    /// <summary>How long the code has to save its work when it is asked to end; by default 30 seconds.</summary>
    public TimeSpan? Grace { get; init; }

    /// <summary>Which checkpoints stay; by default the newest five.</summary>
    public CheckpointRetention? Checkpoints { get; init; }

    /// <summary>Metric → what its last value should be: <c>0.95..</c>, <c>..0.1</c>, <c>0.4..0.6</c>.</summary>
    public IReadOnlyDictionary<string, string>? Checks { get; init; }

    /// <summary>Regular expressions for printed lines: named groups are metrics, <c>step</c> or <c>epoch</c> says where.</summary>
    public IReadOnlyList<string>? MetricPatterns { get; init; }

    /// <summary>Plots and tables in reports, beside the curves that every report has.</summary>
    public IReadOnlyList<ReportPlot>? Report { get; init; }
    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>Compute it even when a finished run has the same key.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Fresh { get; init; }
}

/// <param name="Snapshot">SHA-256 of the zip.</param>
/// <param name="Commit">The git commit that the code is at.</param>
public sealed record ExperimentCode(string Snapshot, string? Commit = null);

/// <summary>Another run's weights to start from.</summary>
/// <param name="Checkpoint"><c>last</c>, <c>best</c>, <c>max:METRIC</c>, <c>min:METRIC</c>, or a step.</param>
public sealed record ExperimentFrom(string Run, string Checkpoint = "last");
