using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.Core.Reports;

/// <summary>Puts runs side by side.</summary>
public static class RunComparison
{
    /// <summary>Of parameters, of metrics and of facts: what hundreds of runs have together would fill gigabytes.</summary>
    public const int MaxRows = 1000;

    public static Comparison Of(IReadOnlyList<RunRecord> runs)
    {
        var order = MetricOrder.Of(runs);
        var (parameters, paramsLeftOut) = Rows(
            runs, run => ParamPath.Flat(run.Spec.Params).Select(param => KeyValuePair.Create(param.Key, (JsonElement?)param.Value)), SameJson,
            StringComparer.Ordinal);
        var (metrics, metricsLeftOut) = Rows(
            runs, run => run.Metrics.Select(metric => KeyValuePair.Create(metric.Key, (double?)metric.Value)), (a, b) => a.Equals(b), order,
            order.IsNamed);
        var (facts, factsLeftOut) = Rows(runs, Facts, (a, b) => a == b, StringComparer.Ordinal);
        return new(
            [.. runs.Select(RunSummary.Of)], parameters, metrics, facts, paramsLeftOut, metricsLeftOut + runs.Max(run => run.MetricsLeftOut),
            factsLeftOut);
    }

    private static IEnumerable<KeyValuePair<string, string?>> Facts(RunRecord run)
    {
        yield return new("experiment", $"{run.Project}/{run.Experiment}");
        yield return new("version", run.Version.ToString(CultureInfo.InvariantCulture));
        yield return new("state", CoreJson.Name(run.State));
        yield return new("cause", run.Cause is { } cause ? CoreJson.Name(cause) : null);
        yield return new("command", run.Spec.Command);
        yield return new("code", run.Spec.Code.Tree);
        yield return new("commit", run.Spec.Code.Commit);
        yield return new("machine", run.Spec.Machine);
        yield return new("seed", run.Spec.Seed.ToString(CultureInfo.InvariantCulture));
        yield return new("from", run.Spec.From?.Run);
        yield return new("checks", CheckTally.Of(run)?.ToString());
        yield return new("attempts", run.Epoch.ToString(CultureInfo.InvariantCulture));
        yield return new(
            "duration", run is { Started: { } started, Ended: { } ended } ? (ended - started).ToString("c", CultureInfo.InvariantCulture) : null);
        yield return new("by", run.SubmittedBy);
        foreach (var dataset in run.Spec.Datasets) yield return new($"dataset {dataset.Name}", $"{dataset}");
        foreach (var input in run.Spec.Inputs) yield return new($"input {input.Path}", input.Sha256);
        foreach (var variable in run.Spec.Env) yield return new($"env {variable.Key}", variable.Value);
    }

    /// <summary>Names of all runs: first those that come first whatever they are, then those whose values differ, each part in order.</summary>
    private static (IReadOnlyList<ComparedRow<T>> Rows, int LeftOut) Rows<T>(
        IReadOnlyList<RunRecord> runs, Func<RunRecord, IEnumerable<KeyValuePair<string, T>>> valuesOf, Func<T, T, bool> same, IComparer<string> order,
        Func<string, bool>? first = null)
    {
        var values = runs.Select(run => new Dictionary<string, T>(valuesOf(run), StringComparer.Ordinal)).ToList();
        var names = values.SelectMany(of => of.Keys).Distinct(StringComparer.Ordinal).Select(name => (Name: name, Differs: Differs(name)))
            .OrderByDescending(row => first?.Invoke(row.Name) == true).ThenByDescending(row => row.Differs).ThenBy(row => row.Name, order).ToList();
        return (
            [.. names.Take(MaxRows).Select(
                row => new ComparedRow<T>(row.Name, row.Differs, [.. values.Select(of => of.GetValueOrDefault(row.Name)!)]))],
            Math.Max(0, names.Count - MaxRows));

        bool Differs(string name)
        {
            var of = values[0].GetValueOrDefault(name)!;
            return values.Exists(other => !same(other.GetValueOrDefault(name)!, of));
        }
    }

    private static bool SameJson(JsonElement? a, JsonElement? b) => a is { } x && b is { } y ? JsonElement.DeepEquals(x, y) : a is null && b is null;
}
