using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Functions.Http;

static partial class HttpLog
{
    [LoggerMessage(LogEvents.Http + 1, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void RequestFailed(this ILogger log, Exception fault, string method, string path);
}
