using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Triggers;

static partial class TriggersLog
{
    public static void Acted(this ILogger log, Firing firing)
    {
        if (firing.Outcome == FiringOutcome.Submitted) log.Submitted(firing.Trigger, firing.Cause, string.Join(", ", firing.Runs.Select(run => run.Id)));
        else log.NotSubmitted(firing.Trigger, firing.Cause, firing.Reason ?? string.Join("; ", firing.Problems));
    }

    [LoggerMessage(LogEvents.Triggers + 1, LogLevel.Information, "trigger {Trigger} acted on {Cause}: run {Runs}")]
    private static partial void Submitted(this ILogger log, string trigger, TriggerCause cause, string runs);

    [LoggerMessage(LogEvents.Triggers + 2, LogLevel.Warning, "trigger {Trigger} submitted nothing for {Cause}: {Reason}")]
    private static partial void NotSubmitted(this ILogger log, string trigger, TriggerCause cause, string reason);
}
