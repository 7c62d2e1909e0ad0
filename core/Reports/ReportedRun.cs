using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;

namespace Serverless.Core.Reports;

/// <summary>What a report knows of a run.</summary>
/// <param name="Series">Its curves, thinned to what a plot can show.</param>
public sealed record ReportedRun(RunRecord Run, IReadOnlyList<MetricSeries> Series)
{
    /// <summary>Artifacts that its plots take their values from, by name.</summary>
    public IReadOnlyDictionary<string, ResultsFile> Results { get; init; } = new Dictionary<string, ResultsFile>();

    /// <summary>The artifacts that a run's plots want.</summary>
    public static IReadOnlyList<string> WantedResults(RunRecord run) =>
        run.State == RunState.Succeeded ? [.. run.Spec.Report.Select(plot => plot.Results).OfType<string>().Distinct()] : [];

    /// <summary>What of its curves could not be read, in words.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    public TimeSpan? Duration => Run.Ended - Run.Started;

    /// <summary>
    /// Names short enough for a legend, different for different runs: the experiment; where that repeats, with the parameters and the seed that
    /// differ; where even these repeat, with the end of the id.
    /// </summary>
    public static IReadOnlyList<string> Labels(IReadOnlyList<ReportedRun> runs)
    {
        var labels = new string[runs.Count];
        foreach (var experiment in runs.Index().GroupBy(at => (at.Item.Run.Project, at.Item.Run.Experiment)))
        {
            var members = experiment.ToList();
            var differing = DifferingParams(members.Select(at => at.Item).ToList());
            var seeds = members.Select(at => at.Item.Run.Spec.Seed).Distinct().Count() > 1;
            foreach (var (index, run) in members)
            {
                var differences = differing.Select(name => $"{name}={ReportText.ShortValue(Param(run, name))}")
                    .Concat(seeds ? [$"seed={run.Run.Spec.Seed}"] : []);
                labels[index] = members.Count == 1 ? run.Run.Experiment : string.Join(' ', [run.Run.Experiment, .. differences]);
            }
        }

        var repeated = labels.GroupBy(label => label).Where(group => group.Count() > 1).Select(group => group.Key).ToHashSet();
        return labels.Select((label, i) => repeated.Contains(label) ? $"{label} …{runs[i].Run.Id[^6..]}" : label).ToList();
    }

    /// <summary>
    /// Parameters that tell runs apart, in ordinal order: those with different values where runs have them, and, among runs of one experiment, those
    /// that only some have. What one of several experiments alone can be told is no difference between runs.
    /// </summary>
    public static IReadOnlyList<string> DifferingParams(IReadOnlyList<ReportedRun> runs) =>
        runs.SelectMany(run => ParamPath.Flat(run.Run.Spec.Params)).Select(param => param.Key).Distinct().Order(StringComparer.Ordinal)
            .Where(name => Differs(runs, name)).ToList();

    private static bool Differs(IReadOnlyList<ReportedRun> runs, string name) =>
        runs.Where(run => Param(run, name) is not null).Select(run => ReportText.Value(Param(run, name))).Distinct().Count() > 1
        || runs.GroupBy(run => (run.Run.Project, run.Run.Experiment))
            .Any(group => group.Select(run => Param(run, name) is null).Distinct().Count() > 1);

    public static JsonElement? Param(ReportedRun run, string name) => ParamPath.Find(run.Run.Spec.Params, name);
}
