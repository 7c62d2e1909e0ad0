namespace Serverless.Core.Runs;

/// <summary>Everything that can happen to a run.</summary>
public abstract record RunEvent
{
    private RunEvent() { }

    /// <summary>
    /// A worker takes the run. It has it when the change moved and the run's lease is its own: taking a run whose last worker was lost may also end
    /// the run, when that was one worker too many.
    /// </summary>
    /// <param name="Nonce">Equal across the retries of one claim, so that a claim whose answer was lost is
    /// recognized; <see cref="RunQueue.Apply"/> makes one when it is null.</param>
    public sealed record Claim(string Owner, TimeSpan LeaseLength, string? Nonce = null) : RunEvent;

    /// <summary>An event that only the owner of an epoch may raise, and that renews its lease.</summary>
    public abstract record Owned(int Epoch) : RunEvent;

    /// <summary>Heartbeat. Null values keep what is there.</summary>
    public sealed record Renew(int Epoch, IReadOnlyDictionary<string, double>? Metrics = null, long? Step = null) : Owned(Epoch);

    /// <summary>Code and inputs are ready; the code starts.</summary>
    public sealed record Start(int Epoch) : Owned(Epoch);

    /// <summary>A checkpoint, whose content and manifest are already stored, becomes the head.</summary>
    /// <param name="Keep">Manifests of the checkpoints to keep beside it; null keeps all.</param>
    public sealed record Commit(int Epoch, CheckpointRef Checkpoint, IReadOnlyList<string>? Keep = null) : Owned(Epoch);

    /// <summary>What the attempt was to resume from is not whole, so it goes on from the checkpoint before it, or from the start.</summary>
    /// <param name="Manifest">The checkpoint that is not whole.</param>
    public sealed record FallBack(int Epoch, string Manifest, string Why) : Owned(Epoch);

    /// <summary>The attempt is over, for good or bad; whether the run is follows from the cause and the budgets.</summary>
    public sealed record Finish(int Epoch, Ending Ending) : Owned(Epoch);

    /// <summary>Somebody found the lease expired.</summary>
    public sealed record ExpireLease : RunEvent;

    public sealed record RequestCancel(string? By, string? Reason) : RunEvent;

    /// <summary>The run's wake was dead-lettered, or the run is found impossible before any claim.</summary>
    /// <param name="Epoch">Refused is what the run was at this epoch: once somebody has claimed
    /// it since, it is a run like others. Null: as it is now.</param>
    public sealed record Refuse(string Message, int? Epoch = null) : RunEvent;

    /// <summary>Its outputs were published, all but these.</summary>
    public sealed record Publish(IReadOnlyList<UnpublishedFile> Not) : RunEvent;

    public sealed record SetTags(IReadOnlyList<string> Tags) : RunEvent;

    /// <summary>Some more, some less; the others are whoever else's.</summary>
    public sealed record ChangeTags(IReadOnlyList<string> Add, IReadOnlyList<string> Remove) : RunEvent;

    /// <summary>The run was submitted again with other checks; when it has ended, they are evaluated at once.</summary>
    public sealed record SetChecks(IReadOnlyDictionary<string, string> Checks) : RunEvent;

    /// <summary>The run was submitted again with other plots.</summary>
    public sealed record SetReport(IReadOnlyList<ReportPlot> Report) : RunEvent;
}

/// <summary>How an attempt ended.</summary>
/// <param name="Outputs">Key of the output manifest.</param>
/// <param name="Metrics">Where the attempt's metric stream ended.</param>
/// <param name="ChangedMeanwhile">See <see cref="RunRecord.ChangedMeanwhile"/>.</param>
public sealed record Ending(
    Cause Cause, string? Message = null, int? ExitCode = null, string? Outputs = null, StreamCursor? Metrics = null, StreamCursor? Logs = null,
    IReadOnlyDictionary<string, double>? Values = null, long? Step = null, LeftOut? LeftOut = null,
    string? ChangedMeanwhile = null);

/// <summary>What <see cref="RunRules.Decide"/> answers.</summary>
public abstract record Decision
{
    private Decision() { }

    /// <summary>The run becomes this.</summary>
    public sealed record Moved(RunRecord Run) : Decision;

    /// <summary>The event has been dealt with before, or asks for what is already so.</summary>
    public sealed record Unchanged(string Why) : Decision;

    /// <summary>The event comes from an attempt that was replaced, or from one whose run has ended: its author is fenced.</summary>
    public sealed record Stale(string Why) : Decision;

    /// <summary>The event makes no sense in this state, now.</summary>
    public sealed record Illegal(string Why, DateTimeOffset? TryAgainAt = null) : Decision;
}
