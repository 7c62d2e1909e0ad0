using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Tests.Support;

/// <summary>What was logged, a line each.</summary>
sealed class LogLines(LogLevel least = LogLevel.Warning) : ILoggerProvider
{
    private readonly List<string> lines = [];
    private LineLoggerProvider? to;

    public IReadOnlyList<string> All
    {
        get
        {
            lock (lines) return [.. lines];
        }
    }

    public ILogger CreateLogger(string categoryName) => (to ??= new(Add, TimeProvider.System, least)).CreateLogger(categoryName);

    public bool Contain(string text) => All.Any(line => line.Contains(text, StringComparison.Ordinal));

    public void Clear()
    {
        lock (lines) lines.Clear();
    }

    public void Dispose() { }

    private void Add(LogLevel level, string line)
    {
        lock (lines) lines.Add(line);
    }
}
