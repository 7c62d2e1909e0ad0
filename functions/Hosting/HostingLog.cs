using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Functions.Hosting;

static partial class HostingLog
{
    [LoggerMessage(LogEvents.Hosting + 1, LogLevel.Error, "the platform reads and deletes, and runs nothing until this is mended: {Reason}")]
    public static partial void CannotPrepare(this ILogger log, string reason);

    [LoggerMessage(LogEvents.Hosting + 2, LogLevel.Warning, "{Mended}")]
    public static partial void FolderMended(this ILogger log, string mended);

    [LoggerMessage(LogEvents.Hosting + 3, LogLevel.Warning, "{NoRoom}; the reserve in {Folder} was given up; delete runs or files")]
    public static partial void ReserveGivenUp(this ILogger log, string noRoom, string folder);

    [LoggerMessage(LogEvents.Hosting + 4, LogLevel.Warning, "{Warning}; until then nothing of it is served")]
    public static partial void NotServed(this ILogger log, string warning);

    [LoggerMessage(LogEvents.Hosting + 10, LogLevel.Error, "{Function}: the queue {Queue} cannot be served")]
    public static partial void QueueFailed(this ILogger log, Exception fault, string function, string queue);

    [LoggerMessage(LogEvents.Hosting + 11, LogLevel.Error, "{Function}: the queue {Queue} cannot be served: {Reason}")]
    public static partial void QueueUnavailable(this ILogger log, string function, string queue, string reason);

    [LoggerMessage(LogEvents.Hosting + 12, LogLevel.Error, "{Function}: message {Id} comes again when its lock ends")]
    public static partial void MessageFailed(this ILogger log, Exception fault, string function, string id);

    [LoggerMessage(LogEvents.Hosting + 13, LogLevel.Error, "{Function}: message {Id} was dead-lettered")]
    public static partial void DeadLettered(this ILogger log, Exception fault, string function, string id);

    [LoggerMessage(LogEvents.Hosting + 14, LogLevel.Warning,
        "{Function}: message {Id} was dead-lettered: {Reason}. Once that is mended: exp dead-letters requeue")]
    public static partial void DeadLetteredForDamage(this ILogger log, string function, string id, string reason);

    [LoggerMessage(LogEvents.Hosting + 15, LogLevel.Error, "{Function}: message {Id} comes again when its lock ends: {Reason}")]
    public static partial void MessageKept(this ILogger log, string function, string id, string reason);

    [LoggerMessage(LogEvents.Hosting + 20, LogLevel.Error, "{Function}: {Reason}")]
    public static partial void TimerUnavailable(this ILogger log, string function, string reason);

    [LoggerMessage(LogEvents.Hosting + 21, LogLevel.Error, "{Function} failed")]
    public static partial void TimerFailed(this ILogger log, Exception fault, string function);

    [LoggerMessage(LogEvents.Hosting + 30, LogLevel.Error, "files of new workspaces are not announced: {Reason}")]
    public static partial void FilesNotAnnounced(this ILogger log, string reason);

    [LoggerMessage(LogEvents.Hosting + 40, LogLevel.Warning, "nobody has a key: set {Setting} to the SHA-256 of one")]
    public static partial void NobodyHasAKey(this ILogger log, string setting);
}
