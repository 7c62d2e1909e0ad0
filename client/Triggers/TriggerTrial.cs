using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>What a trigger would do about past events.</summary>
public sealed record TriggerTrial(string Trigger, [property: JsonPropertyName("causes")] IReadOnlyList<TriedEvent> Events);

/// <param name="Firing">Id that acting on it has, or would have.</param>
/// <param name="At">When it happened, or will.</param>
/// <param name="Fires">Whether the trigger would submit.</param>
/// <param name="Why">Why not.</param>
/// <param name="Experiment">What it would submit.</param>
/// <param name="Did">What the trigger did about it when it happened; null: nothing, as it was not there yet, or paused.</param>
public sealed record TriedEvent(
    string Firing, [property: JsonPropertyName("cause")] string Event, DateTimeOffset At, bool Fires, string? Why, JsonElement? Experiment,
    FiringOutcome? Did, TriggerEvent What);
