using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Storage;

namespace Serverless.Core.Runs;

/// <summary>
/// Summaries in the metadata of runs' objects. Derived: when the metadata is gone (a workspace restored by a plain copy), the record gives it again.
/// </summary>
public static class RunSummaries
{
    /// <summary>A summary has so many at most, in <see cref="MetricOrder"/>.</summary>
    public const int MaxMetrics = 24;

    private const string Name = "summary";

    // A run's own lists have room for the spec's first parameters and some metrics only: metadata is at most 4 KiB together.
    private const int Room = Limits.MetadataBytes - 64;

    extension(RunSummary summary)
    {
        public static RunSummary Of(RunRecord run)
        {
            var (metrics, leftOut) = MetricOrder.Of(run.Spec).Select(run.Metrics, MaxMetrics);
            return new(
                run.Id, run.Project, run.Experiment, run.Version, run.State, run.Cause, run.Created, run.Started, run.Ended,
                run.Spec.Machine, run.Epoch, run.Step, run.SubmittedBy, run.Tags, metrics, ParamPath.Flat(run.Spec.Params).ToDictionary(),
                leftOut + run.MetricsLeftOut, Checks: CheckTally.Of(run), Seed: run.Spec.Seed);
        }

        /// <summary>Null when the object has no such metadata, or it is damaged.</summary>
        public static RunSummary? FromMetadata(IReadOnlyDictionary<string, string> metadata) => RecordFormat.Summary<RunSummary>(metadata, Name);

        /// <summary>Empty when even the run's names do not fit.</summary>
        public Dictionary<string, string> ToMetadata()
        {
            var shown = (RunSummary?)summary;
            while (shown is not null)
            {
                // The serializer escapes everything beyond ASCII, as header values need it.
                var text = JsonSerializer.Serialize(shown, CoreJson.Options);
                if (text.Length <= Room) return new() { [Name] = text };
                shown = shown switch
                {
                    { Params.Count: > 0 } => shown with
                    {
                        Params = Halved(shown.Params),
                        ParamsLeftOut = shown.ParamsLeftOut + shown.Params.Count - (shown.Params.Count / 2),
                    },
                    { Metrics.Count: > 0 } => shown with
                    {
                        Metrics = Halved(shown.Metrics),
                        MetricsLeftOut = shown.MetricsLeftOut + shown.Metrics.Count - (shown.Metrics.Count / 2),
                    },
                    { Tags.Count: > 0 } => shown with { Tags = shown.Tags.Take(shown.Tags.Count / 2).ToList() },
                    { By: not null } => shown with { By = null },
                    _ => null,
                };
            }

            return [];
        }
    }

    private static Dictionary<string, T> Halved<T>(IReadOnlyDictionary<string, T> all) =>
        all.Take(all.Count / 2).ToDictionary(StringComparer.Ordinal);
}
