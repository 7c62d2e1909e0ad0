using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Core.Submit;

static partial class SubmitLog
{
    [LoggerMessage(LogEvents.Submit + 1, LogLevel.Information, "run {Run} of {Project}/{Experiment} v{Version} was submitted by {By}")]
    public static partial void Submitted(this ILogger log, string run, string project, string experiment, int version, string by);

    [LoggerMessage(
        LogEvents.Submit + 2, LogLevel.Information, "run {Run} of {Project}/{Experiment} v{Version} is given back to {By}: nothing changed")]
    public static partial void Reused(this ILogger log, string run, string project, string experiment, int version, string by);
}
