using System.Globalization;
using System.Text.Json;
using Serverless.Core.Api;
using Serverless.Core.Runs;

namespace Serverless.Core.Results;

/// <summary>Puts runs side by side.</summary>
public static class RunComparison
{
    public static Comparison Of(IReadOnlyList<RunRecord> runs) => new(
        [.. runs.Select(RunSummary.Of)],
        Rows(runs, run => run.Spec.Params.Select(param => KeyValuePair.Create(param.Key, (JsonElement?)param.Value)), SameJson),
        Rows(runs, run => run.Metrics.Select(metric => KeyValuePair.Create(metric.Key, (double?)metric.Value)), (a, b) => a.Equals(b)),
        Rows(runs, Facts, (a, b) => a == b));

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
        yield return new("attempts", run.Epoch.ToString(CultureInfo.InvariantCulture));
        yield return new("duration", run is { Started: { } started, Ended: { } ended } ? (ended - started).ToString("c", CultureInfo.InvariantCulture) : null);
        yield return new("by", run.SubmittedBy);
        foreach (var dataset in run.Spec.Datasets) yield return new($"dataset {dataset.Name}", $"{dataset}");
        foreach (var input in run.Spec.Inputs) yield return new($"input {input.Path}", input.Sha256);
        foreach (var variable in run.Spec.Env) yield return new($"env {variable.Key}", variable.Value);
    }

    /// <summary>Names of all runs; those whose values differ first, each part by name.</summary>
    private static List<ComparedRow<T>> Rows<T>(IReadOnlyList<RunRecord> runs, Func<RunRecord, IEnumerable<KeyValuePair<string, T>>> valuesOf, Func<T, T, bool> same)
    {
        var values = runs.Select(run => new Dictionary<string, T>(valuesOf(run), StringComparer.Ordinal)).ToList();
        var rows = new List<ComparedRow<T>>();
        foreach (var name in values.SelectMany(of => of.Keys).Distinct(StringComparer.Ordinal))
        {
            List<T> row = [.. values.Select(of => of.GetValueOrDefault(name)!)];
            rows.Add(new(name, row.Any(value => !same(value, row[0])), row));
        }

        return [.. rows.OrderByDescending(row => row.Differs).ThenBy(row => row.Name, StringComparer.Ordinal)];
    }

    private static bool SameJson(JsonElement? a, JsonElement? b) => a is { } x && b is { } y ? JsonElement.DeepEquals(x, y) : a is null && b is null;
}
