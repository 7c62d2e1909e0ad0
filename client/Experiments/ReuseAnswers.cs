using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary><c>GET /api/runs/{id}/why-not-reused</c>: why a run was computed although there were earlier ones.</summary>
/// <param name="Explanation">The reason in one line, for people.</param>
/// <param name="Other">
/// The run that it was compared with: the one asked for, else the nearest earlier one of the experiment; null: there is none.
/// </param>
/// <param name="Differences">From <paramref name="Other"/> to <paramref name="Run"/>; empty when their keys are the same.</param>
/// <param name="Now">The run that the same submission would get now, at no cost; null: it would be computed.</param>
public sealed record ReuseExplanation(
    string Run, string Key, ReuseReason Reason, string Explanation, string? Other, IReadOnlyList<KeyDifference> Differences, string? Now);

[JsonConverter(typeof(EnumNamesConverter<ReuseReason>))]
public enum ReuseReason
{
    /// <summary>It was asked for afresh.</summary>
    Fresh,

    /// <summary>No earlier run of the experiment, and none with its key.</summary>
    NothingBefore,

    /// <summary>Its key differs.</summary>
    Differs,

    /// <summary>The earlier run with its key failed.</summary>
    Failed,

    /// <summary>The earlier run with its key was cancelled, or had been asked to end.</summary>
    Cancelled,

    /// <summary>The earlier run with its key was deleted.</summary>
    Deleted,

    /// <summary>Results of the earlier run with its key are missing or damaged.</summary>
    ResultsLost,

    /// <summary>Something that the earlier run with its key ran with was changed while it ran.</summary>
    ChangedMeanwhile,

    /// <summary>Both have the same key, and one can stand for the other.</summary>
    Same,
}
