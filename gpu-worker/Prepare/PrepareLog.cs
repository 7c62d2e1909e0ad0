using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.GpuWorker.Prepare;

static partial class PrepareLog
{
    [LoggerMessage(LogEvents.Prepare + 1, LogLevel.Warning, "run {Run}: {Difference}")]
    public static partial void CacheDiffers(this ILogger log, string run, string difference);

    [LoggerMessage(LogEvents.Prepare + 2, LogLevel.Warning, "{Mount}")]
    public static partial void Mounted(this ILogger log, string mount);

    [LoggerMessage(LogEvents.Prepare + 3, LogLevel.Warning,
        "{Folder} cannot be removed and takes room: somebody else's files may be in it, a container's for instance; remove it by hand")]
    public static partial void NotRemoved(this ILogger log, string folder);
}
