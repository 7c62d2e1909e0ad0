using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>Everything that is true of a run: <c>runs/{id}.json</c>.</summary>
public sealed record RunRecord
{
    public required string Id { get; init; }
    public required string Project { get; init; }
    public required string Experiment { get; init; }
    public required int Version { get; init; }

    /// <summary>The run key: hash of everything in <see cref="Spec"/> that can change the result.</summary>
    public required string Key { get; init; }
    public required RunSpec Spec { get; init; }
    public required DateTimeOffset Created { get; init; }
    public string? SubmittedBy { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Null when a person submitted it.</summary>
    public RunOrigin? Origin { get; init; }

    /// <summary>Asked for afresh: whatever there was with its key, it was to be computed.</summary>
    public bool Fresh { get; init; }

    /// <summary>The span that submitted it, as a W3C <c>traceparent</c>: what becomes of the run continues that trace. Null: nobody traced.</summary>
    public string? Trace { get; init; }

    public RunState State { get; init; } = RunState.Queued;

    /// <summary>Why the run is in its terminal state, or why it went back to the queue.</summary>
    public Cause? Cause { get; init; }

    /// <summary>The cause in words, for people: the compiler's first error, the exception, the exit code.</summary>
    public string? Message { get; init; }
    public int? ExitCode { get; init; }
    public DateTimeOffset? Started { get; init; }
    public DateTimeOffset? Ended { get; init; }

    /// <summary>Number of the newest attempt; 0 before the first claim. Only a claim increments it.</summary>
    public int Epoch { get; init; }
    public Lease? Lease { get; init; }
    public CancelRequest? Cancel { get; init; }

    /// <summary>Not to be claimed before this, store time: back-off after failing code.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>One entry an epoch, oldest first.</summary>
    public IReadOnlyList<Attempt> Attempts { get; init; } = [];

    /// <summary>The newest committed checkpoint, with all the metric values that a run which resumes from it begins with.</summary>
    public CheckpointRef? Head { get; init; }

    /// <summary>
    /// All committed checkpoints that are kept, oldest first, <see cref="Head"/> included; each with the most telling metric values only.
    /// </summary>
    public IReadOnlyList<CheckpointRef> Checkpoints { get; init; } = [];

    /// <summary>Key of the manifest of artifacts and published files; set by the end of the run.</summary>
    public string? Outputs { get; init; }

    /// <summary>What the newest attempt left behind and could not be kept; null: nothing, as far as is known.</summary>
    public LeftOut? LeftOut { get; init; }

    /// <summary>
    /// What was changed, while an attempt of it ran, of what the attempt shared with other runs on its machine: what its set-up or build had left, or
    /// a large input. Such a result is not given back to later submissions. Null: nothing, as far as was seen.
    /// </summary>
    public string? ChangedMeanwhile { get; init; }

    /// <summary>Last value of the most telling metrics, those first that say most, so that no curve has to be read for it.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();

    /// <summary>Metrics, at least so many, for which <see cref="Metrics"/> has no room; their curves are there.</summary>
    public int MetricsLeftOut { get; init; }

    /// <summary>
    /// What became of the spec's checks; empty until the run has ended. They judge the model, not the execution: a succeeded run may have failed
    /// ones.
    /// </summary>
    public IReadOnlyList<CheckOutcome> Checks { get; init; } = [];
    public long? Step { get; init; }

    /// <summary>Attempts that ended for no fault of the code: workers lost, pre-emptions, storage that was full.</summary>
    public int Lost { get; init; }

    /// <summary>Failures of the code so far.</summary>
    public int Failures { get; init; }
    public IReadOnlyList<HistoryEntry> History { get; init; } = [];

    /// <summary>
    /// Files of its <c>data/</c> that are not in the workspace's, or not its own there, and why. Null: all were published, or none yet.
    /// </summary>
    public IReadOnlyList<UnpublishedFile>? Unpublished { get; init; }
}

/// <param name="Path">As the code wrote it below <c>data/</c>.</param>
public sealed record UnpublishedFile(string Path, string Why);

/// <summary>A worker's right to write for a run.</summary>
/// <param name="Length">It has expired when the store's time is past the renewal by this.</param>
/// <param name="Renewed">
/// Store time of the last renewal. Null means: by this very write, at the object's own modification time, which nobody can know before writing.
/// It is filled in when the record is loaded; whoever writes without renewing keeps the filled value.
/// </param>
/// <param name="Nonce">Which claim took it.</param>
public sealed record Lease(string Owner, TimeSpan Length, DateTimeOffset? Renewed, string? Nonce = null)
{
    [JsonIgnore]
    public DateTimeOffset ExpiresAt =>
        (Renewed ?? throw new InvalidOperationException("a lease is read through the store of runs, which fills in its renewal")) + Length;

    /// <summary>From <see cref="ExpiresAt"/> on: whoever was told to try again at that time must not be told so again.</summary>
    public bool HasExpired(DateTimeOffset now) => now >= ExpiresAt;

    public override string ToString() => $"{Owner} for {Length} from {Renewed:O}";
}

public sealed record CancelRequest(DateTimeOffset At, string? By, string? Reason);

/// <summary>One worker's try.</summary>
/// <param name="Resume">The checkpoint it started from; null: from the beginning.</param>
/// <param name="Ended">Null while it lives.</param>
/// <param name="Metrics">Where its metric stream ended; null while it lives, and when it never said (lost).</param>
public sealed record Attempt(
    int Epoch, string Owner, DateTimeOffset Claimed, CheckpointRef? Resume = null, DateTimeOffset? Ended = null, Cause? Cause = null,
    StreamCursor? Metrics = null, StreamCursor? Logs = null);

/// <summary>A place in a stream that is stored as numbered segments: whole segments before <paramref name="Segment"/>, then bytes of it.</summary>
public sealed record StreamCursor(int Segment, long LengthBytes)
{
    /// <summary>Far more than any run has; readers look at each segment, so that a damaged number must not send them on for ever.</summary>
    private const int MaxSegments = 1_000_000;

    public static StreamCursor Start { get; } = new(0, 0);

    public bool IsPossible() => Segment is >= 0 and < MaxSegments && LengthBytes >= 0;

    public bool IsBeyond(StreamCursor other) => (Segment, LengthBytes).CompareTo((other.Segment, other.LengthBytes)) > 0;
}

/// <summary>A committed checkpoint: it exists because the record names it.</summary>
/// <param name="Manifest">Key of its <see cref="CheckpointManifest"/>.</param>
/// <param name="Metrics">How far the metric stream of epoch <paramref name="Epoch"/> had got: what is before this was logged before the save.</param>
/// <param name="Values">Latest metric values at the save.</param>
/// <param name="MetricsUpTo">
/// What is between <paramref name="Metrics"/> and this may have been logged before the save or after it: the attempt that resumes takes over what it
/// does not log again. Null: the SDK said where the save was, and <paramref name="Metrics"/> is that place.
/// </param>
public sealed record CheckpointRef(
    int Epoch, long Step, string Manifest, long LengthBytes, DateTimeOffset At, StreamCursor Metrics, StreamCursor Logs,
    IReadOnlyDictionary<string, double> Values, StreamCursor? MetricsUpTo = null);

/// <summary>What a checkpoint consists of: written before the record names it, never changed.</summary>
public sealed record CheckpointManifest(long Step, int Epoch, IReadOnlyList<CheckpointFile> Files)
{
    /// <summary>A list of the artifacts and data that the run had left by then; null: none. Who goes on from the checkpoint keeps them.</summary>
    public CheckpointFile? Outputs { get; init; }

    /// <summary>Everything that is stored for it.</summary>
    [JsonIgnore]
    public IEnumerable<Chunk> Pieces => (Outputs is null ? Files : Files.Append(Outputs)).SelectMany(file => file.Chunks);
}

/// <param name="Path">Relative path in the checkpoint's folder.</param>
/// <param name="Chunks">Keys and lengths of the pieces, in order.</param>
public sealed record CheckpointFile(string Path, long LengthBytes, string Sha256, IReadOnlyList<Chunk> Chunks);

public sealed record Chunk(string Key, long LengthBytes);

/// <summary>What a run left behind, named by its terminal write.</summary>
/// <param name="Artifacts">Files of <c>artifacts/</c>.</param>
/// <param name="Data">Files of <c>data/</c>, published to the workspace after the end.</param>
public sealed record OutputManifest(IReadOnlyList<OutputFile> Artifacts, IReadOnlyList<OutputFile> Data);

/// <param name="Path">Relative path, as the code wrote it below <c>artifacts/</c> or <c>data/</c>.</param>
public sealed record OutputFile(string Path, string Key, long LengthBytes, string Sha256);

/// <summary>One line of a run's own history.</summary>
public sealed record HistoryEntry(DateTimeOffset At, RunState State, int Epoch, Cause? Cause = null, string? Message = null);
