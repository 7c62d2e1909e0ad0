using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.GpuWorker.Execute;

static partial class ExecuteLog
{
    [LoggerMessage(LogEvents.Execute + 1, LogLevel.Warning, "run {Run}: changed while it used it: {Change}")]
    public static partial void ChangedMeanwhile(this ILogger log, string run, string change);
}
