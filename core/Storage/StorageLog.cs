using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Storage;

static partial class StorageLog
{
    [LoggerMessage(LogEvents.Storage + 1, LogLevel.Warning, "{Damage}. What can be done: exp doctor")]
    public static partial void Damaged(this ILogger log, DamagedRecord damage);
}
