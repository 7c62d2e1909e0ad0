using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Notifications;

static partial class NotificationsLog
{
    [LoggerMessage(
        LogEvents.Notifications + 1, LogLevel.Warning,
        "webhook {Webhook} of workspace {Workspace}: delivery {Delivery} was given up after {Attempts} attempts: {Reason}")]
    public static partial void GivenUp(this ILogger log, string webhook, string workspace, string delivery, int attempts, string reason);

    [LoggerMessage(LogEvents.Notifications + 2, LogLevel.Debug,
        "webhook {Webhook} of workspace {Workspace}: delivery {Delivery} failed, next in {Wait}: {Reason}")]
    public static partial void Delayed(this ILogger log, string webhook, string workspace, string delivery, TimeSpan wait, string reason);

    [LoggerMessage(LogEvents.Notifications + 3, LogLevel.Warning,
        "webhook {Webhook} of workspace {Workspace} fails again and again: {Reason}; what it is to be told is tried for a day")]
    public static partial void Fails(this ILogger log, string webhook, string workspace, string reason);

    [LoggerMessage(LogEvents.Notifications + 4, LogLevel.Information, "webhook {Webhook} of workspace {Workspace} takes notices again")]
    public static partial void TakesAgain(this ILogger log, string webhook, string workspace);
}
