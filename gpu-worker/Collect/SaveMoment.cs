using Serverless.Core.Runs;

namespace Serverless.GpuWorker.Collect;

/// <summary>How far the streams were at one moment.</summary>
/// <param name="LogBytes">Of what is kept of the log, stored or not.</param>
sealed record StreamMark(StreamCursor Metrics, long LogBytes)
{
    public static StreamMark Start { get; } = new(StreamCursor.Start, 0);
}

/// <summary>
/// When code without the SDK saved a checkpoint. The worker finds the folder up to two seconds later, so what it has by then may belong to later
/// steps. What it had at the look before, when the folder was not there yet, is certain to be older.
/// </summary>
/// <param name="Step">The name of its folder; not all code names it by the steps that it logs.</param>
/// <param name="At">The last change of the folder and of its files, by the kernel's clock.</param>
/// <param name="Before">Where the streams were when there was no such folder.</param>
sealed record SaveMoment(long Step, DateTimeOffset At, StreamMark Before)
{
    /// <summary>The kernel's time of a change is that of its last tick, and what was printed takes a moment to be read.</summary>
    private static readonly TimeSpan Doubt = TimeSpan.FromMilliseconds(50);

    /// <summary>It was there when the checkpoint was saved, without a doubt.</summary>
    public bool IsAfter(DateTimeOffset moment) => moment < At - Doubt;

    /// <summary>It came when the checkpoint was there, without a doubt.</summary>
    public bool IsBefore(DateTimeOffset moment) => moment > At + Doubt;

    /// <summary>
    /// Whether the folder is named by a step as they are logged. It is not when a later step was there already (it counts epochs), nor when none has
    /// come so far (it counts samples).
    /// </summary>
    /// <param name="greatestBefore">The greatest step that was there when the checkpoint was saved; -1 for none.</param>
    /// <param name="greatest">The greatest step by now.</param>
    public bool IsNamedByStep(long greatestBefore, long greatest) => greatestBefore <= Step && Step <= greatest;
}

/// <summary>Where a checkpoint cuts the streams, and the last value of each metric there as far as it is known.</summary>
/// <param name="MetricsUpTo">See <see cref="CheckpointRef.MetricsUpTo"/>.</param>
sealed record StreamCut(StreamCursor Metrics, StreamCursor? MetricsUpTo, StreamCursor Log, IReadOnlyDictionary<string, double> Latest);
