using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Serverless.Core.Telemetry;

/// <summary>
/// Writes what is logged as lines, one event a line, at once. The console provider of the
/// framework takes two lines for an event and 25 ms of every start.
/// </summary>
/// <param name="write">Takes a line without its end; called by one thread at a time.</param>
/// <param name="source">Stands before each message, where lines of several processes meet; null: nothing.</param>
/// <param name="least">Events below this level are left out.</param>
public sealed class LineLoggerProvider(
    Action<LogLevel, string> write, TimeProvider time, LogLevel least = LogLevel.Information, LogFormat format = LogFormat.Text,
    string? source = null)
    : ILoggerProvider
{
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock gate = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose() { }

    private void Write(string category, LogLevel level, EventId id, string message, Exception? exception, object? state)
    {
        var line = format == LogFormat.Json ? JsonLine(category, level, id, message, exception, state) : TextLine(level, message, exception);
        lock (gate) write(level, line);
    }

    private string TextLine(LogLevel level, string message, Exception? exception)
    {
        var at = time.GetLocalNow().ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        var said = level switch
        {
            LogLevel.Warning => "warning: ",
            LogLevel.Error or LogLevel.Critical => "error: ",
            LogLevel.Debug or LogLevel.Trace => "debug: ",
            _ => "",
        };
        if (source is not null) said = $"{source}: {said}";
        return exception is null ? $"{at} {said}{message}" : $"{at} {said}{message}: {exception}";
    }

    private string JsonLine(string category, LogLevel level, EventId id, string message, Exception? exception, object? state)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Json))
        {
            json.WriteStartObject();
            json.WriteString("time", time.GetUtcNow());
            json.WriteString("level", level switch { LogLevel.Critical => "error", _ => level.ToString().ToLowerInvariant() });
            json.WriteNumber("event", id.Id);
            if (id.Name is { } name) json.WriteString("name", name);
            json.WriteString("category", category);
            if (source is not null) json.WriteString("source", source);
            json.WriteString("message", message);
            if (state is IReadOnlyList<KeyValuePair<string, object?>> values)
            {
                json.WriteStartObject("values");
                foreach (var (key, value) in values)
                {
                    if (key.Length > 0 && key[0] != '{')
                    {
                        json.WriteString(JsonNamingPolicy.CamelCase.ConvertName(key), Convert.ToString(value, CultureInfo.InvariantCulture));
                    }
                }

                json.WriteEndObject();
            }

            if (System.Diagnostics.Activity.Current is { } span)
            {
                json.WriteString("trace", span.TraceId.ToHexString());
                json.WriteString("span", span.SpanId.ToHexString());
            }

            if (exception is not null) json.WriteString("exception", exception.ToString());
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private sealed class Logger(LineLoggerProvider to, string category) : ILogger
    {
        // The framework's own Information is about its inside.
        private readonly LogLevel from = category.StartsWith("Serverless", StringComparison.Ordinal) || to.Least > LogLevel.Warning
            ? to.Least
            : LogLevel.Warning;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= from && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) to.Write(category, logLevel, eventId, formatter(state, exception), exception, state);
        }
    }

    private LogLevel Least => least;
}
