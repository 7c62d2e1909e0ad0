using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.Core.Notifications;

/// <summary>Runs as notices have them.</summary>
public static class NoticeRuns
{
    extension(NoticeRun)
    {
        /// <summary>Bounded, because a message on a queue is.</summary>
        public static NoticeRun Of(RunRecord run)
        {
            var all = ParamPath.Flat(run.Spec.Params).ToList();
            var parameters = all.Where(param => param.Value.GetRawText().Length <= NoticeRun.MaxText)
                .OrderBy(param => param.Key, StringComparer.Ordinal).Take(NoticeRun.MaxParams).ToDictionary();
            var (metrics, leftOut) = MetricOrder.Of(run.Spec).Select(run.Metrics, NoticeRun.MaxMetrics);
            var seconds = run is { Started: { } began, Ended: { } ended } ? (ended - began).TotalSeconds : (double?)null;
            return new(
                run.Id, run.Project, run.Experiment, run.Version, run.State, run.Cause, NoticeRun.Cut(run.Message), seconds, parameters, metrics,
                run.Tags, run.SubmittedBy, run.Origin?.Trigger)
            {
                MetricsLeftOut = leftOut + run.MetricsLeftOut,
                ParamsLeftOut = all.Count - parameters.Count,
                Checks = [.. run.Checks.OrderBy(check => check.Passed).Take(NoticeRun.MaxChecks)],
                CheckTally = CheckTally.Of(run),
            };
        }

        public static string? Cut(string? text) => text is null ? null : Excerpt.Of(text, NoticeRun.MaxText);
    }
}
