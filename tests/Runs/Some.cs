using Serverless.Core.Runs;

namespace Serverless.Tests.Runs;

/// <summary>Runs in every situation, one minute after noon.</summary>
static class Some
{
    public static readonly DateTimeOffset Noon = new(2030, 1, 2, 12, 0, 0, TimeSpan.Zero);
    public static readonly DateTimeOffset Now = Noon.AddMinutes(1);
    public static readonly TimeSpan LeaseLength = TimeSpan.FromSeconds(30);

    public static RunRecord Run(string id = "run-1", int lost = 10, int failed = 0) => new()
    {
        Id = id, Project = "pruning", Experiment = "prune-mlp", Version = 1, Key = "key", Created = Noon,
        Spec = new() { Code = new("zip", "tree"), Command = "train.cs", Machine = "cpu", Retries = new(lost, failed) },
    };

    public static CheckpointRef Checkpoint(int epoch, long step) => new(
        epoch, step, $"attempts/run-1/{epoch:D6}/checkpoints/{step:D12}.json", 100, Noon, StreamCursor.Start, StreamCursor.Start,
        new Dictionary<string, double> { ["loss"] = 1.0 / step });

    public static RunRecord In(string situation) => situation switch
    {
        "queued" => Run(),
        "backing-off" => Ended(RunState.Queued, Cause.UserCode) with { NotBefore = Now.AddSeconds(5), Failures = 1 },
        "preparing" => Leased(RunState.Preparing, LeaseLength / 2),
        "preparing-late" => Leased(RunState.Preparing, LeaseLength * 2),
        "running" => Leased(RunState.Running, LeaseLength / 2),
        "running-late" => Leased(RunState.Running, LeaseLength * 2),
        "cancelling" => In("running") with { Cancel = new(Noon, "ann", null) },
        "cancelling-late" => In("running-late") with { Cancel = new(Noon, "ann", null) },
        "last-chance" => In("running-late") with { Lost = 10 },
        "given-up" => Ended(RunState.Queued, Cause.WorkerLost) with { Lost = 1 },
        "succeeded" => Ended(RunState.Succeeded, Cause.Completed),
        "failed" => Ended(RunState.Failed, Cause.UserCode),
        "cancelled" => Ended(RunState.Cancelled, Cause.Cancelled),
        _ => throw new ArgumentException(situation),
    };

    private static RunRecord Leased(RunState state, TimeSpan ago) => Run() with
    {
        State = state, Epoch = 1, Lease = new("worker-1", LeaseLength, Now - ago, "nonce-1"), Attempts = [new(1, "worker-1", Noon)],
    };

    private static RunRecord Ended(RunState state, Cause cause) => Run() with
    {
        State = state, Epoch = 1, Cause = cause, Attempts = [new(1, "worker-1", Noon, Ended: Now, Cause: cause)],
    };
}
