using System.Diagnostics.Metrics;

namespace Serverless.Core.Telemetry;

/// <summary>What the platform counts of itself. Nothing is counted while nobody listens.</summary>
public static class Metering
{
    /// <summary>The name that an exporter subscribes to.</summary>
    public const string MeterName = Tracing.SourceName;

    private static readonly Meter Meter = new(MeterName);
    private static readonly Counter<long> Transitions = Meter.CreateCounter<long>(
        "serverless.run.transitions", "{transition}", "Runs that came into a state, by state, cause and machine class.");

    /// <param name="cause">Null: it has none.</param>
    public static void Moved(string state, string? cause, string machine) => Transitions.Add(
        1, new("serverless.state", state), new("serverless.cause", cause ?? ""), new("serverless.machine", machine));
}
