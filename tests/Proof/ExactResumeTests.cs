using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// Real workers and real trainings, killed with kill -9 at every step: what people see at the end is what the uninterrupted run shows, to the bit. On
/// a machine that stalls, a worker with a short lease may lose its run without having been killed, so no test counts attempts where leases are short.
/// </summary>
public sealed class ExactResumeTests
{
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task RunnerKilledAtEveryStep_TheRunEndsAsIfNothingHadHappened()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker("w1");
        await rig.StartWorker("w2");

        // Failing code waits before it is tried again, so that many runs take turns on the workers.
        await KillAtEveryStep(rig, "runner", runs: 12, Cause.UserCode);
    }

    [Fact]
    public async Task WorkerKilledAtEveryStep_TheRunEndsAsIfNothingHadHappened()
    {
        await using var rig = new WorkerRig();
        await using var workers = new KeptAlive(rig, count: 2, ShortLease);

        await KillAtEveryStep(rig, "worker", runs: 8, Cause.WorkerLost);
    }

    /// <summary>
    /// Its code trains on to the end while the worker stands still: checkpoints, metrics and weights of a replaced attempt are all there to be shown.
    /// </summary>
    [Fact]
    public async Task WorkerStoppedBeyondItsLease_WakesUpFenced_AndNothingOfItIsSeen()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease);
        var stopped = await DyingTraining.Submit(rig, "nobody", holds: DyingTraining.Steps / 2);
        await rig.Until(stopped, run => run.Head is not null);
        await first.Pause();
        await DyingTraining.GoOn(rig, stopped);
        await DyingTraining.TrainedToItsEnd(rig, first, stopped, epoch: 1);
        await rig.StartWorker("w2");
        var ended = await rig.Ended(stopped, Patience);
        await DyingTraining.EndedAsIfNothingHadHappened(rig, ended);

        first.Resume();

        await WorkerRig.Until(
            () => Task.FromResult(!Directory.Exists(Path.Combine(rig.Folder, "worker", "w1", "work", $"{stopped}-1"))),
            () => $"the fenced worker goes on: {first.Errors}");
        var after = await rig.Load(stopped);
        Assert.Equal((RunState.Succeeded, 2), (after.State, after.Epoch));
        Assert.Equal([Cause.WorkerLost, Cause.Completed], after.Attempts.Select(attempt => attempt.Cause));
        Assert.Equal(ended.Checkpoints.Select(checkpoint => checkpoint.Manifest), after.Checkpoints.Select(checkpoint => checkpoint.Manifest));
        await DyingTraining.EndedAsIfNothingHadHappened(rig, after);
        Assert.False(first.HasExited, first.Errors);
    }

    // The steps are dealt out to the runs, so that each run dies several times.
    private static async Task KillAtEveryStep(WorkerRig rig, string victim, int runs, Cause cause)
    {
        var all = new List<(string Run, List<int> Kills)>();
        for (var from = 1; from <= runs; from++)
        {
            List<int> kills = [.. Enumerable.Range(0, DyingTraining.Steps / runs).Select(i => from + i * runs)];
            all.Add((await DyingTraining.Submit(rig, victim, [.. kills]), kills));
        }

        foreach (var (run, kills) in all)
        {
            var ended = await rig.Ended(run, Patience);
            Assert.Equal(kills.Count, DyingTraining.Kills(rig, run));
            Assert.True(ended.Epoch > kills.Count, $"{kills.Count} kills and {ended.Epoch} attempts");
            Assert.All(ended.Attempts.SkipLast(1), attempt => Assert.Equal(cause, attempt.Cause));
            await DyingTraining.EndedAsIfNothingHadHappened(rig, ended);

            // Otherwise every attempt would have begun anew, which proves nothing.
            var resumed = ended.Attempts.Count(attempt => attempt.Resume is not null);
            Assert.True(resumed >= DyingTraining.AfterACommit(kills),
                $"{run} with kills at {string.Join(", ", kills)}: {resumed} attempts resumed from a checkpoint");
        }
    }
}

/// <summary>Workers that are replaced when they die, under new names.</summary>
sealed class KeptAlive : IAsyncDisposable
{
    private readonly CancellationTokenSource over = new();
    private readonly Task keeping;

    public KeptAlive(WorkerRig rig, int count, TimeSpan lease) =>
        keeping = Task.WhenAll(Enumerable.Range(0, count).Select(place => Task.Run(() => Keep(rig, $"w{place}", lease))));

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await keeping;
        over.Dispose();
    }

    private async Task Keep(WorkerRig rig, string name, TimeSpan lease)
    {
        for (var generation = 1; !over.IsCancellationRequested; generation++)
        {
            var worker = await rig.StartWorker($"{name}-{generation}", lease);
            while (!worker.HasExited && !over.IsCancellationRequested) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }
}
