using Microsoft.Extensions.Logging;

namespace Serverless.Functions.Hosting;

/// <summary>Warnings and worse as lines, for a platform that runs in somebody's terminal.</summary>
sealed class LineLog(Action<string> write) : ILoggerProvider, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) write(exception is null ? formatter(state, exception) : $"{formatter(state, exception)}: {exception}");
    }

    public void Dispose() { }
}
