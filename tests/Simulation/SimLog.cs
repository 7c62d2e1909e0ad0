using Microsoft.Extensions.Logging;
using Serverless.Core.Telemetry;

namespace Serverless.Tests.Simulation;

/// <summary>
/// A worker's log. Only an unreachable store or bus gives a worker reason to complain of itself: whatever else it warns of breaks a law. What it says
/// of runs is not its trouble.
/// </summary>
sealed class SimLog(SimWorld world, SimProcess process) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => world.Traced || logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var text = formatter(state, exception);
        world.Note(process.Name, $"says: {text}");
        if (logLevel >= LogLevel.Warning && eventId.Id >= LogEvents.Agent && !text.Contains(SimProcess.Unreachable, StringComparison.Ordinal))
        {
            world.Break($"{process.Name} says: {text} {exception}");
        }
    }
}
