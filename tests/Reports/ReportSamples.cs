using System.Text.Json;
using Serverless.Core.Metrics;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Tests.Support;

namespace Serverless.Tests.Reports;

/// <summary>Runs as a worker would have left them.</summary>
static class ReportSamples
{
    public static readonly DateTimeOffset Start = new(2026, 3, 4, 10, 0, 0, TimeSpan.Zero);

    public static ReportedRun Run(
        string id, string experiment, object? parameters = null, Dictionary<string, double>? metrics = null, RunState state = RunState.Succeeded,
        Cause cause = Cause.Completed,
        string? message = null, IReadOnlyList<MetricSeries>? series = null, object? results = null, long seed = 1, double seconds = 12.5,
        IReadOnlyList<ReportPlot>? report = null) => new(
        new RunRecord
        {
            Id = id,
            Project = "pruning",
            Experiment = experiment,
            Version = 1,
            Key = "key",
            Created = Start,
            Started = Start.AddSeconds(1),
            Ended = Start.AddSeconds(1 + seconds),
            State = state,
            Cause = cause,
            Message = message,
            Epoch = 1,
            Metrics = metrics ?? [],
            Spec = new()
            {
                Code = new("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                    "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210", "1234567890abcdef"),
                Command = "train.cs",
                Machine = "cpu",
                Seed = seed,
                Report = report ?? [],
                Params = JsonSerializer.SerializeToElement(parameters ?? new { }).EnumerateObject()
                    .ToDictionary(param => param.Name, param => param.Value),
            },
        },
        series ?? [])
        { Results = results is null ? new Dictionary<string, ResultsFile>()
            : new() { [ResultsName] = ResultsFile.Read(ResultsName, JsonSerializer.SerializeToUtf8Bytes(results))! } };

    public const string ResultsName = "results.json";

    /// <summary>What a sample experiment declares.</summary>
    public static IReadOnlyList<ReportPlot> ReportOf(string sample) =>
        SpecReader.Read(File.ReadAllText(Repository.PathOf("experiments", sample, "experiment.yaml")), SpecFormat.Yaml).Spec!.Report;

    public static MetricSeries Curve(string name, int points, Func<int, double> value) =>
        new(name, points, [.. Enumerable.Range(0, points).Select(step => new MetricValue(step, value(step), Start.AddSeconds(step)))]);

    /// <summary>Two pruned nets and a baseline, as the demo runs them.</summary>
    public static IReadOnlyList<ReportedRun> DemoRuns { get; } =
    [
        Run("01AAAAAAAAAAAAAAAAAAAMLP01", "prune-mlp", new { epochs = 8, lr = 0.002 }, new() { ["train/loss"] = 0.0521, ["val/accuracy"] = 0.9712 },
            series: [Curve("train/loss", 400, step => (2.3 * Math.Exp(-step / 60.0)) + 0.05 + (0.02 * Math.Sin(step))),
                Curve("val/accuracy", 8, step => 0.97 - (0.3 * Math.Exp(-step)))],
            results: Found(0.9712, "MLP 64-256-128-10", 50_826, 21.4, (0.5, 0.969, 0.9733, 25_413), (0.8, 0.93, 0.9705, 10_165),
                (0.9, 0.71, 0.9616, 5_083), (0.95, 0.42, 0.9399, 2_541)), report: ReportOf("prune-mlp")),
        Run("01AAAAAAAAAAAAAAAAAAACNN02", "prune-cnn", new { epochs = 5, lr = 0.001 }, new() { ["train/loss"] = 0.0312, ["val/accuracy"] = 0.9833 },
            series: [Curve("train/loss", 300, step => (2.3 * Math.Exp(-step / 40.0)) + 0.03),
                Curve("val/accuracy", 5, step => 0.983 - (0.2 * Math.Exp(-step)))],
            results: Found(0.9833, "CNN 16-32", 24_000, 38.2, (0.5, 0.98, 0.984, 12_000), (0.8, 0.90, 0.981, 4_800), (0.9, 0.6, 0.97, 2_400),
                (0.95, 0.3, 0.9421, 1_200)), report: ReportOf("prune-cnn")),
        Run("01AAAAAAAAAAAAAAAAAABASE03", "baseline-mlnet", new { trees = 100 }, new() { ["val/accuracy"] = 0.9544 },
            results: Found(0.9544, "ML.NET LightGBM", 9_000, 6.1), report: ReportOf("baseline-mlnet")),
    ];

    private static object Found(
        double accuracy, string model, long parameters, double seconds, params (double Sparsity, double Before, double After, long Nonzero)[] rows) =>
        new { accuracy, model, data = "drawn digits", parameters, seconds, rows = rows.Select(
            row => new { sparsity = row.Sparsity, before = row.Before, after = row.After, nonzero = row.Nonzero }) };
}
