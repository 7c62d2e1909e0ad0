namespace Serverless.Client;

/// <summary><c>GET /api/triggers</c>, by name.</summary>
public sealed record TriggerList(IReadOnlyList<TriggerSummary> Triggers, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <param name="When">What it waits for, in a few words.</param>
/// <param name="Then">The experiment that it submits, <c>project/name</c>.</param>
/// <param name="LastHour">Submissions within the last hour.</param>
public sealed record TriggerSummary(string Name, string When, string Then, bool Paused, string? By, DateTimeOffset Since, int LastHour);

/// <summary><c>GET /api/triggers/{name}/firings</c>, newest first.</summary>
public sealed record FiringList(IReadOnlyList<FiringSummary> Firings, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <summary><c>POST /api/triggers/{name}/replay</c>.</summary>
/// <param name="Problem">Why not everything that was asked for could be done.</param>
public sealed record Replayed(IReadOnlyList<FiringSummary> Firings, string? Problem);
