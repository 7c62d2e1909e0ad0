using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Cli.Platform;

static partial class UpLog
{
    [LoggerMessage(LogEvents.Up + 1, LogLevel.Warning, "worker {Worker} ended with exit code {ExitCode}; starting it again in {Seconds} s")]
    public static partial void WorkerEnded(this ILogger log, string worker, int exitCode, int seconds);

    [LoggerMessage(LogEvents.Up + 2, LogLevel.Information, "{Worker}: {Line}")]
    public static partial void WorkerWrote(this ILogger log, string worker, string line);

    [LoggerMessage(LogEvents.Up + 6, LogLevel.Information, "stopping: workers hand back what they have; Ctrl-C again ends them at once")]
    public static partial void Stopping(this ILogger log);

    [LoggerMessage(LogEvents.Up + 3, LogLevel.Warning, "{Mended}")]
    public static partial void FolderMended(this ILogger log, string mended);

    [LoggerMessage(
        LogEvents.Up + 4, LogLevel.Warning,
        "{Folder} has keys and no workspace: this starts with an empty one. If there was one, stop this, put it back and start again")]
    public static partial void NoWorkspace(this ILogger log, string folder);

    [LoggerMessage(
        LogEvents.Up + 5, LogLevel.Warning,
        "{Folder} does not say where the platform is: {Reason}. In other terminals, export EXP_URL={Address} and EXP_KEY as in {KeyFile}")]
    public static partial void AddressNotShown(this ILogger log, string folder, string reason, Uri address, string keyFile);

    [LoggerMessage(LogEvents.Up + 7, LogLevel.Warning, "worker {Worker} was stopped with a signal; it was let go on")]
    public static partial void WorkerStopped(this ILogger log, string worker);

    [LoggerMessage(LogEvents.Up + 8, LogLevel.Warning, "worker {Worker} was stopped with a signal again and again; it is ended")]
    public static partial void WorkerKeptStopped(this ILogger log, string worker);

    [LoggerMessage(
        LogEvents.Up + 9, LogLevel.Warning,
        "{Variable} is set and not used: the workers of exp up run code as whoever starts it, in the data folder")]
    public static partial void NotUsed(this ILogger log, string variable);
}
