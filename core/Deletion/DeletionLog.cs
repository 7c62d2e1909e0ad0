using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Deletion;

static partial class DeletionLog
{
    [LoggerMessage(LogEvents.Deletion + 1, LogLevel.Information, "run {Run} of {Project}/{Experiment} was deleted")]
    public static partial void RunDeleted(this ILogger log, string run, string project, string experiment);

    [LoggerMessage(LogEvents.Deletion + 2, LogLevel.Information, "dataset version {Name}:{Number} was deleted")]
    public static partial void DatasetDeleted(this ILogger log, string name, int number);
}
