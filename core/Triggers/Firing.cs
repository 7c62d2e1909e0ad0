using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

sealed class FiringRule : IRecordRule<Firing>
{
    public string? Problem(Firing firing, string key) =>
        key == WorkspacePaths.Firing(firing.Trigger, firing.Id) ? null : $"it is firing {firing.Id} of trigger {firing.Trigger}";
}

/// <summary>What tells a firing from all others.</summary>
public static class FiringIds
{
    extension(Firing)
    {
        /// <summary>32 hexadecimal characters, of the trigger's generation and the event.</summary>
        public static string IdOf(string generation, TriggerEvent triggerEvent) =>
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"serverless-firing-1\n{generation}\n{triggerEvent.Identity}")))[..32];
    }
}

/// <summary>What lists show of firings.</summary>
public static class FiringSummaries
{
    private const int LongestSaid = 500, MostRuns = 8;

    extension(FiringSummary)
    {
        public static FiringSummary Of(Firing firing) => new(
            firing.Id, firing.Trigger, firing.Event.ToString(), firing.At, firing.Outcome, [.. firing.Runs.Take(MostRuns)],
            Cut(firing.Reason ?? (firing.Problems.Count > 0 ? string.Join("; ", firing.Problems) : null)));
    }

    private static string? Cut(string? text) => text is { Length: > LongestSaid } ? text[..LongestSaid] + "…" : text;
}
