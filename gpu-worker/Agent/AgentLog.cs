using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.GpuWorker.Agent;

static partial class AgentLog
{
    [LoggerMessage(LogEvents.Agent + 1, LogLevel.Information, "takes runs of machine class {Machine}, computes on {Device}")]
    public static partial void Ready(this ILogger log, string machine, string device);

    [LoggerMessage(LogEvents.Agent + 2, LogLevel.Information, "GPU: {Gpu}")]
    public static partial void FoundGpu(this ILogger log, string gpu);

    [LoggerMessage(LogEvents.Agent + 3, LogLevel.Information, "shutting down: takes no new run, and hands back the one in hand")]
    public static partial void Draining(this ILogger log);

    [LoggerMessage(LogEvents.Agent + 4, LogLevel.Warning, "ended {Processes} left running by worker {Worker}, which was killed")]
    public static partial void LeftoversEnded(this ILogger log, string processes, string worker);

    [LoggerMessage(LogEvents.Agent + 5, LogLevel.Warning, "{What} fails: {Reason}")]
    public static partial void Fails(this ILogger log, string what, string reason);

    [LoggerMessage(LogEvents.Agent + 6, LogLevel.Information, "{What} succeeds again")]
    public static partial void Succeeds(this ILogger log, string what);

    [LoggerMessage(LogEvents.Agent + 7, LogLevel.Error, "run {Run}: a fault of the worker")]
    public static partial void Faulted(this ILogger log, Exception fault, string run);

    [LoggerMessage(LogEvents.Agent + 8, LogLevel.Warning, "run {Run}: {Event} does not fit its record: {Why}")]
    public static partial void Illegal(this ILogger log, string run, string @event, string why);

    [LoggerMessage(LogEvents.Agent + 9, LogLevel.Error, "takes no more runs: {Problem}; started again, it makes what it needs anew")]
    public static partial void Unfit(this ILogger log, string problem);

    [LoggerMessage(LogEvents.Agent + 10, LogLevel.Error, "run {Run} is given up: {Why}; what can be done: exp doctor")]
    public static partial void GaveUp(this ILogger log, string run, string why);
}
