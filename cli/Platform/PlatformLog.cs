using Microsoft.Extensions.Logging;
using Serverless.Cli.Terminal;
using Serverless.Core.Telemetry;

namespace Serverless.Cli.Platform;

/// <summary>
/// The log of a platform in somebody's terminal, to standard error: what happens in this process, and the lines of the workers as they write them.
/// </summary>
sealed class PlatformLog
{
    private readonly Output output;
    private readonly LogFormat format;
    private readonly ILogger log;

    public PlatformLog(Output output, TimeProvider time, LogLevel level, LogFormat format)
    {
        (this.output, this.format, Level) = (output, format, level);
        Provider = new LineLoggerProvider(Write, time, level, format);
        log = Provider.CreateLogger(typeof(PlatformLog).Namespace!);
    }

    public ILoggerProvider Provider { get; }

    /// <summary>Workers log from here on as well.</summary>
    public LogLevel Level { get; }

    public LogFormat Format => format;

    public ILogger Own => log;

    /// <summary>One line of a worker's output. What it logs is said as it is, anything else in its name.</summary>
    public void OfWorker(string worker, string line)
    {
        if (format == LogFormat.Json ? line.StartsWith('{') : IsLogged(line)) Write(LevelOf(line), line);
        else log.WorkerWrote(worker, line);
    }

    private void Write(LogLevel level, string line)
    {
        if (format == LogFormat.Json || level >= LogLevel.Warning) StandardOutput.Error(line);
        else output.Remark($"[dim]{line}[/]");
    }

    // 10:41:07 …
    private static bool IsLogged(string line) => line is [_, _, ':', _, _, ':', _, _, ' ', ..];

    private static LogLevel LevelOf(string line) =>
        line.Contains(": warning: ", StringComparison.Ordinal) || line.Contains(": error: ", StringComparison.Ordinal)
            ? LogLevel.Warning
            : LogLevel.Information;
}
