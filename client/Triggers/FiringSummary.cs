using System.Text.Json.Serialization;

namespace Serverless.Client;

[JsonConverter(typeof(EnumNamesConverter<FiringOutcome>))]
public enum FiringOutcome
{
    /// <summary>Written down; its runs are about to be made.</summary>
    Pending,
    Submitted,

    /// <summary>One of the guards kept it from submitting: a loop, the depth, the rate.</summary>
    Stopped,

    /// <summary>The experiment was refused.</summary>
    Failed,
}

/// <summary>What lists show of a firing.</summary>
/// <param name="Said">Why it was stopped or failed.</param>
public sealed record FiringSummary(
    string Id, string Trigger, [property: JsonPropertyName("cause")] string Event, DateTimeOffset At, FiringOutcome Outcome,
    IReadOnlyList<SubmittedRun> Runs, string? Said);
