using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>
/// What a trigger did about one cause: <c>firings/{trigger}/{id}.json</c>. Put before anything is submitted and only where there is none, so that a cause, however
/// often it is told about, submits once.
/// </summary>
/// <param name="Id">See <see cref="IdOf"/>.</param>
/// <param name="Generation">The trigger's <see cref="TriggerRecord.Id"/>.</param>
/// <param name="Chain">The triggers that led here, this one last.</param>
/// <param name="At">When the cause was acted on, store time.</param>
public sealed record Firing(string Id, string Trigger, string Generation, TriggerCause Cause, IReadOnlyList<string> Chain, DateTimeOffset At, FiringOutcome Outcome)
{
    /// <summary>The run that led here: the cause itself, or the one that published the file.</summary>
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

    /// <summary>32 hexadecimal characters, of the trigger's generation and the cause.</summary>
    public static string IdOf(string generation, TriggerCause cause) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"serverless-firing-1\n{generation}\n{cause.Identity}")))[..32];

    public RunOrigin Origin => new(Trigger, Id, Chain)
    {
        Run = Run,
        File = (Cause as TriggerCause.File)?.Path,
        FileETag = (Cause as TriggerCause.File)?.ETag,
        Dataset = Cause is TriggerCause.Dataset { Name: var name, Version: var version } ? $"{name}:{version}" : null,
        Scheduled = (Cause as TriggerCause.Instant)?.At,
    };
}

sealed class FiringRule : IRecordRule<Firing>
{
    public string? Problem(Firing firing, string key) => key == WorkspacePaths.Firing(firing.Trigger, firing.Id) ? null : $"it is firing {firing.Id} of trigger {firing.Trigger}";
}

/// <summary>What lists show of firings.</summary>
public static class FiringSummaries
{
    private const int LongestSaid = 500, MostRuns = 8;

    extension(FiringSummary)
    {
        public static FiringSummary Of(Firing firing) => new(
            firing.Id, firing.Trigger, firing.Cause.ToString(), firing.At, firing.Outcome, [.. firing.Runs.Take(MostRuns)],
            Cut(firing.Reason ?? (firing.Problems.Count > 0 ? string.Join("; ", firing.Problems) : null)));
    }

    private static string? Cut(string? text) => text is { Length: > LongestSaid } ? text[..LongestSaid] + "…" : text;
}
