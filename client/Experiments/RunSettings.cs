using System.Text.Json;

namespace Serverless.Client;

/// <summary>What a spec says of its runs that needs no looking up: the same in the spec, in a run's record and in a version.</summary>
public abstract record RunSettings
{
    [Field("A command line that prepares the code's environment; its result is cached with the code.",
        Example = "\"pip install -r requirements.txt\"", InKey = true)]
    [Text<RunForms.ShellCommand>]
    public string? Setup { get; init; }

    [Field("The machine class to run on; exp machines lists them.", Example = "\"gpu-t4\"", Synonyms = ["resources", "machineClass", "machine_class"],
        InKey = true)]
    [Text<RunForms.MachineClass>]
    public string Machine { get; init; } = "cpu";

    [Field("Environment variables for the code.", Example = """{"OMP_NUM_THREADS": "1"}""", Most = 128, Synonyms = ["environment"], InKey = true)]
    [Names<RunForms.Variable>, Text<RunForms.Value>]
    public IReadOnlyDictionary<string, string> Env { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// Numbers are in their canonical form, so 1.0 and 1 are the same. A map in it is a parameter for each of its entries: <c>optimizer.lr</c>.
    /// </summary>
    [Field("Parameters that the code reads: numbers, texts, true or false, lists, and maps of them.",
        Example = """{"optimizer": {"lr": 0.001, "betas": [0.9, 0.99]}, "epochs": 5}""",
        Most = 256, Synonyms = ["parameters", "hyperparameters", "args"], InKey = true)]
    [Names<RunForms.ParamName>]
    public IReadOnlyDictionary<string, JsonElement> Params { get; init; } = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);

    [Field("How many machines.", Min = 1, Max = 1, Hint = "several nodes are not supported by this version", InKey = true)]
    public int Nodes { get; init; } = 1;

    [Field("How often the run is tried again. How patient to be does not change a result.")]
    public Retries Retries { get; init; } = new();

    [Field("The run ends after this time. Left out: no limit.", Example = "\"02:00:00\"", Synonyms = ["time_limit"])]
    public TimeSpan? Timeout { get; init; }

    [Field("The run ends when no GPU of its machine has done anything for this long. Left out: its log says so after 15 minutes.",
        Example = "\"00:30:00\"", Min = 60, IsLater = true)]
    public TimeSpan? GpuIdleTimeout { get; init; }

    [Field("How long the code has to checkpoint after a cancel, a timeout or a pre-emption.", Min = 0, Max = 3600)]
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    [Field("Which checkpoints stay.", Synonyms = ["retention"], IsLater = true)]
    public CheckpointRetention Checkpoints { get; init; } = new();

    [Field("Metric and the range that is expected of it: 0.95.. (at least), ..0.1 (at most), 0.4..0.6. Reported, never deciding about success.",
        Example = """{"val/accuracy": "0.95.."}""", Most = 100)]
    [Names<RunForms.Metric>, Text<RunForms.Range>]
    public IReadOnlyDictionary<string, string> Checks { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    [Field("Regular expressions for lines that the code prints in a format of its own: each named group is a metric, the group step or epoch says "
        + "where. Usual formats need none; exp metrics --try shows what is read.",
        Example = """["^(?<step>\\\\d+) rmse (?<rmse>\\\\S+)"]""", Most = 20, Unique = true, OneOrMany = true, InKey = true, IsLater = true)]
    [Text<RunForms.MetricPattern>]
    public IReadOnlyList<string> MetricPatterns { get; init; } = [];

    [Field("Plots and tables in reports, beside the curves that every report has.", Most = 20, IsLater = true, Example = """
        [{"title": "Pruning", "results": "results.json", "rows": "rows", "x": "sparsity",
          "series": [{"y": "accuracy"}], "columns": [{"name": "time", "value": "seconds"}]}]
        """)]
    public IReadOnlyList<ReportPlot> Report { get; init; } = [];
}

/// <param name="Lost">How many lost workers, pre-emptions and full disks of the platform the run survives.</param>
/// <param name="Failed">How often failing code is tried again, with back-off.</param>
public sealed record Retries(
    [property: Field("How many lost workers, pre-emptions and full disks of the platform the run survives.", Min = 0, Max = 1000)] int Lost = 10,
    [property: Field("How often failing code is tried again, with back-off.", Min = 0, Max = 100)] int Failed = 0);
