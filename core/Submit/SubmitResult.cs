using Serverless.Core.Code;
using Serverless.Core.Spec;

namespace Serverless.Core.Submit;

/// <summary>What a submission came to.</summary>
public abstract record SubmitResult
{
    private SubmitResult() { }

    /// <summary>Every run exists and was woken, or existed before.</summary>
    public sealed record Accepted(Submitted Answer) : SubmitResult;

    /// <summary>Nothing was submitted; everything that is wrong, at once.</summary>
    public sealed record Invalid(IReadOnlyList<Problem> Problems) : SubmitResult;

    /// <summary>The same idempotency key came with another body before; nothing was submitted.</summary>
    public sealed record IdempotencyConflict(string Message) : SubmitResult;
}

/// <summary>
/// Makes sending a submission again safe: the same key and body get the same answer for <see cref="SubmissionOptions.RequestLifetime"/>.
/// </summary>
/// <param name="Key">Chosen by the sender; 1 to 255 characters.</param>
/// <param name="BodySha256">Of the request's body as it came.</param>
public sealed record Idempotency(string Key, string BodySha256);

public sealed record SubmissionOptions
{
    /// <summary>The machine classes that there are; default: <c>cpu</c> only.</summary>
    public IReadOnlyList<string> MachineClasses { get; init; } = ["cpu"];

    /// <summary>
    /// Bytes that a machine of a class has for a run's files. Inputs that cannot fit are refused at
    /// submission instead of filling a disk hours later. Default: none is known.
    /// </summary>
    public IReadOnlyDictionary<string, long> DiskBytes { get; init; } = new Dictionary<string, long>();

    /// <summary>Default 1,000: every one of them is in the run's record, which each heartbeat writes.</summary>
    public int MaxInputFiles { get; init; } = 1000;

    /// <summary>How many inputs are hashed at once; default 4.</summary>
    public int HashingDegree { get; init; } = 4;

    /// <summary>How many runs of one submission are written at once; default 4.</summary>
    public int WritingDegree { get; init; } = 4;

    /// <summary>How long an idempotency key is remembered; default 7 days.</summary>
    public TimeSpan RequestLifetime { get; init; } = TimeSpan.FromDays(7);

    public CodeLimits Code { get; init; } = CodeLimits.Default;
}
