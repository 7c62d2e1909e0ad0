using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.GpuWorker.Collect;

static partial class CollectLog
{
    [LoggerMessage(LogEvents.Collect + 1, LogLevel.Warning, "waiting: {Reason}")]
    public static partial void Waiting(this ILogger log, string reason);

    [LoggerMessage(LogEvents.Collect + 2, LogLevel.Information, "waiting is over")]
    public static partial void WaitingIsOver(this ILogger log);
}
