using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Triggers;

static partial class TriggersLog
{
    public static void Acted(this ILogger log, Firing firing)
    {
        if (firing.Outcome == FiringOutcome.Submitted) log.Submitted(
            firing.Trigger, firing.Event, string.Join(", ", firing.Runs.Select(run => run.Id)));
        else log.NotSubmitted(firing.Trigger, firing.Event, firing.Reason ?? string.Join("; ", firing.Problems));
    }

    [LoggerMessage(LogEvents.Triggers + 1, LogLevel.Information, "trigger {Trigger} acted on {Event}: run {Runs}")]
    private static partial void Submitted(this ILogger log, string trigger, TriggerEvent @event, string runs);

    [LoggerMessage(LogEvents.Triggers + 2, LogLevel.Warning, "trigger {Trigger} submitted nothing for {Event}: {Reason}")]
    private static partial void NotSubmitted(this ILogger log, string trigger, TriggerEvent @event, string reason);
}
