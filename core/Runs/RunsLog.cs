using Microsoft.Extensions.Logging;
using Serverless.Core.Storage;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Runs;

static partial class RunsLog
{
    /// <summary>What the newest line of a run's history says. A worker that was lost is worth a second look.</summary>
    public static void Moved(this ILogger log, RunRecord run)
    {
        var last = run.History[^1];
        var level = last.Cause is Cause.WorkerLost or Cause.RetriesExhausted ? LogLevel.Warning : LogLevel.Information;
        if (!log.IsEnabled(level)) return;
        var why = string.Join(": ", new[] { last.Cause is { } cause ? EnumNames.Of(cause) : null, last.Message }.OfType<string>());
        log.Moved(level, run.Id, run.Project, run.Experiment, EnumNames.Of(run.State), run.Epoch, why.Length > 0 ? $" ({why})" : "");
    }

    [LoggerMessage(EventId = LogEvents.Runs + 1, Message = "run {Run} of {Project}/{Experiment}: {State}, attempt {Attempt}{Why}")]
    private static partial void Moved(
        this ILogger log, LogLevel level, string run, string project, string experiment, string state, int attempt, string why);

    [LoggerMessage(LogEvents.Runs + 2, LogLevel.Information, "run {Run}: its wake was sent again, {Resends} times by now")]
    public static partial void Resent(this ILogger log, string run, int resends);

    [LoggerMessage(LogEvents.Runs + 3, LogLevel.Warning, "the index of runs is made anew: {Why}")]
    public static partial void IndexRebuilt(this ILogger log, string why);

    [LoggerMessage(LogEvents.Runs + 4, LogLevel.Debug, "the index of runs was not stored: {Why}")]
    public static partial void IndexNotStored(this ILogger log, string why);
}
