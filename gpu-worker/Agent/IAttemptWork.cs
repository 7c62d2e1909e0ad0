using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// What an attempt executes, with everything that it starts and keeps on this machine. Whether the run is still this worker's, and what becomes of
/// it, is not its concern.
/// </summary>
interface IAttemptWork : IDisposable
{
    /// <summary>Last value of each metric, as they are now.</summary>
    IReadOnlyDictionary<string, double> Latest { get; }

    /// <summary>The greatest step seen; null before the first.</summary>
    long? Step { get; }

    /// <summary>Where the metrics end that are stored.</summary>
    StreamCursor MetricsEnd { get; }

    /// <summary>Where the log ends that is stored.</summary>
    StreamCursor LogEnd { get; }

    /// <summary>Prepares, executes and collects, until the end or until it is asked to stop. Called once.</summary>
    /// <returns>Null when nothing may be written any more.</returns>
    /// <exception cref="OperationCanceledException">The attempt may not write any more, or is asked to stop.</exception>
    Task<Ending?> Execute();

    /// <summary>
    /// After <see cref="Execute"/>, when there is no room to tell of the end: deletes what the attempt has on this disk. It may be all that fills it.
    /// </summary>
    void GiveRoom();
}

/// <summary>A run that this worker has claimed.</summary>
/// <param name="Store">Of its workspace.</param>
/// <param name="Run">As it was claimed.</param>
sealed record ClaimedRun(IObjectStore Store, RunRecord Run, OwnedRecord Record, StopRequest Stop);
