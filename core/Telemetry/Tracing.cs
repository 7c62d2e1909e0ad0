using System.Diagnostics;

namespace Serverless.Core.Telemetry;

/// <summary>
/// What a run went through, as spans of one trace: its submission, each attempt with preparation and
/// code, what its end set off. Nothing is made while nobody listens.
/// </summary>
public static class Tracing
{
    /// <summary>The name that an exporter subscribes to.</summary>
    public const string SourceName = "Serverless";

    /// <summary>Tags of spans.</summary>
    public const string Run = "serverless.run", Experiment = "serverless.experiment", Attempt = "serverless.attempt", Worker = "serverless.worker",
        Cause = "serverless.cause";

    public static ActivitySource Source { get; } = new(SourceName);

    /// <summary>Where in which trace this happens, as a <c>traceparent</c> of W3C; null when nobody listens.</summary>
    public static string? Here => Activity.Current is { IdFormat: ActivityIdFormat.W3C, Recorded: true } current ? current.Id : null;

    /// <summary>A span below one of another process, or a root where that is unknown.</summary>
    /// <param name="parent">As <see cref="Here"/> was there.</param>
    public static Activity? Start(string name, string? parent, ActivityKind kind = ActivityKind.Internal) =>
        Source.StartActivity(name, kind, ActivityContext.TryParse(parent, null, isRemote: true, out var context) ? context : default);

    /// <summary>Ends as failed, for a reason.</summary>
    public static void Fail(this Activity? span, string reason) => span?.SetStatus(ActivityStatusCode.Error, reason);
}
