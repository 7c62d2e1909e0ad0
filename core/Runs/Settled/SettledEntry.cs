using Serverless.Core.Storage;

namespace Serverless.Core.Runs.Settled;

/// <summary>What a run's record came to when the index last looked at it.</summary>
/// <param name="ETag">Of the record; null: it is gone, or something else stands in its place.</param>
/// <param name="Run">Null: it is gone, or damaged.</param>
internal sealed record SettledEntry(string Id, string? ETag = null, RunSummary? Run = null, DamagedRecord? Damage = null)
{
    public bool IsGone => Run is null && Damage is null;

    /// <summary>It may be another one by now, and nobody would say so.</summary>
    public bool MustBeLookedAt => Damage is not null || Run is { State.IsTerminal: false };
}
