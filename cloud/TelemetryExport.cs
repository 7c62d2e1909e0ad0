using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Serverless.Core.Telemetry;

namespace Serverless.Cloud;

/// <summary>
/// Sends what a process logs, measures and traces to a collector of OpenTelemetry, as its standard variables say. Without them there is none of
/// this, and its libraries are not even loaded.
/// </summary>
public static class TelemetryExport
{
    private static readonly string[] Endpoints =
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    ];

    /// <param name="service">Unless <c>OTEL_SERVICE_NAME</c> says another one.</param>
    /// <param name="instance">Which of several; null: a name of its own.</param>
    /// <returns>Takes what is logged, and ends the rest with itself. Null: nobody asked for it.</returns>
    public static ILoggerProvider? Start(string service, string? instance = null) =>
        Endpoints.Any(name => Variable(name) is not null)
            && !string.Equals(Variable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
            ? Begin(Variable("OTEL_SERVICE_NAME") ?? service, instance)
            : null;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ILoggerProvider Begin(string service, string? instance) => new Exporter(service, instance);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private sealed class Exporter(string service, string? instance) : ILoggerProvider
    {
        /// <summary>The last of it may be lost where nobody answers: whoever ends is not kept for longer.</summary>
        private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(2);

        private readonly OpenTelemetrySdk sdk = OpenTelemetrySdk.Create(telemetry => telemetry
            .ConfigureResource(resource => resource.AddService(service, serviceInstanceId: instance, autoGenerateServiceInstanceId: instance is null))
            .WithTracing(traces => traces.AddSource(Tracing.SourceName, "Microsoft.AspNetCore"))
            .WithMetrics(metrics => metrics.AddMeter(
                Metering.MeterName, "System.Runtime", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"))
            .WithLogging(configureBuilder: null, configureOptions: options => options.IncludeFormattedMessage = true)
            .UseOtlpExporter());

        public ILogger CreateLogger(string categoryName) => sdk.GetLoggerFactory().CreateLogger(categoryName);

        public void Dispose()
        {
            var patience = (int)LastPatience.TotalMilliseconds;
            sdk.TracerProvider.ForceFlush(patience);
            sdk.MeterProvider.ForceFlush(patience);
            sdk.LoggerProvider.ForceFlush(patience);
            sdk.Dispose();
        }
    }
}
