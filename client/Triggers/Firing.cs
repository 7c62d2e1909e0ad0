using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>
/// What a trigger did about one event: <c>firings/{trigger}/{id}.json</c>. Put before anything is submitted and only where there is none, so that an
/// event, however
/// often it is told about, submits once.
/// </summary>
/// <param name="Id">Of the trigger's generation and the event: the same for the same.</param>
/// <param name="Generation">The trigger's <see cref="TriggerRecord.Id"/>.</param>
/// <param name="Chain">The triggers that led here, this one last.</param>
/// <param name="At">When the event was acted on, store time.</param>
public sealed record Firing(
    string Id, string Trigger, string Generation, [property: JsonPropertyName("cause")] TriggerEvent Event, IReadOnlyList<string> Chain,
    DateTimeOffset At, FiringOutcome Outcome)
{
    /// <summary>The run that led here: the event itself, or the one that published the file.</summary>
    public string? Run { get; init; }

    /// <summary>What is submitted, references filled in; kept, so that whoever finishes it submits just that.</summary>
    public JsonElement? Experiment { get; init; }

    /// <summary>Ids of the runs to be made, one a seed, chosen beforehand.</summary>
    public IReadOnlyList<string> RunIds { get; init; } = [];

    /// <summary>The runs that there are now because of it; a reused one has another id than was chosen.</summary>
    public IReadOnlyList<SubmittedRun> Runs { get; init; } = [];

    /// <summary>Why it was stopped.</summary>
    public string? Reason { get; init; }

    /// <summary>Why it failed.</summary>
    public IReadOnlyList<Problem> Problems { get; init; } = [];

    /// <summary>How often it was replayed.</summary>
    public int Replays { get; init; }

    /// <summary>Stopped by the rate limit alone, which is about its time and not about it.</summary>
    public bool OverRate { get; init; }

    /// <summary>What its runs say they came from.</summary>
    public RunOrigin Origin => new(Trigger, Id, Chain)
    {
        Run = Run,
        File = (Event as TriggerEvent.File)?.Path,
        FileETag = (Event as TriggerEvent.File)?.ETag,
        Dataset = Event is TriggerEvent.Dataset { Name: var name, Version: var version } ? $"{name}:{version}" : null,
        Scheduled = (Event as TriggerEvent.Instant)?.At,
    };
}
