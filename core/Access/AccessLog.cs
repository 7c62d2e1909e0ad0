using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Access;

static partial class AccessLog
{
    [LoggerMessage(LogEvents.Access + 1, LogLevel.Information, "key {Key} ({Name}) of workspace {Workspace} was made, with the role {Role}")]
    public static partial void Made(this ILogger log, string key, string name, string workspace, string role);

    [LoggerMessage(LogEvents.Access + 2, LogLevel.Information, "key {Key} of workspace {Workspace} was revoked")]
    public static partial void Revoked(this ILogger log, string key, string workspace);
}
