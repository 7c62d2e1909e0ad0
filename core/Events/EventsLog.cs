using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Events;

static partial class EventsLog
{
    [LoggerMessage(LogEvents.Events + 1, LogLevel.Warning, "changed files of workspace {Workspace} are not announced: {Reason}")]
    public static partial void NotAnnounced(this ILogger log, string workspace, string reason);

    [LoggerMessage(
        LogEvents.Events + 2, LogLevel.Warning,
        "changed files of workspace {Workspace} are noticed late, because the system does not report changes of the folder; raise " +
        "fs.inotify.max_user_watches")]
    public static partial void NoticedLate(this ILogger log, string workspace);

    [LoggerMessage(
        LogEvents.Events + 3, LogLevel.Warning,
        "changed files of workspace {Workspace} are announced, and will be once more after a restart, because it cannot be remembered: {Reason}")]
    public static partial void NotRemembered(this ILogger log, string workspace, string reason);
}
