using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// Real workers and real trainings, killed with kill -9 at every step: what people see at the end is what the uninterrupted run shows, to the bit.
/// </summary>
public sealed class ExactResumeTests
{
    private const int KilledRuns = 8;
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task RunnerKilledAtEveryStep_TheRunEndsAsIfNothingHadHappened()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker("w1", ShortLease, spares: 1);
        await rig.StartWorker("w2", ShortLease, spares: 1);
        var whole = await DyingTraining.Submit(rig, "runner");

        // One kill a run: failing code waits before it is tried again, so that many runs take turns on the workers.
        var runs = new List<string>();
        for (var step = 1; step <= DyingTraining.Steps; step++) runs.Add(await DyingTraining.Submit(rig, "runner", step));

        await Compare(rig, whole, runs, killsEach: 1, Cause.UserCode);
    }

    [Fact]
    public async Task WorkerKilledAtEveryStep_TheRunEndsAsIfNothingHadHappened()
    {
        await using var rig = new WorkerRig();
        await using var workers = new KeptAlive(rig, count: 2, ShortLease);

        // Nobody is in this one's way, so its times are those of a platform with a free worker.
        var alone = await rig.Ended(await DyingTraining.Submit(rig, "worker", 6, 12, 18), Patience);
        Say("a worker is free", await DyingTraining.Recoveries(rig, alone));
        var whole = await DyingTraining.Submit(rig, "worker");
        var runs = new List<string>();
        for (var from = 1; from <= KilledRuns; from++)
        {
            runs.Add(await DyingTraining.Submit(rig, "worker", [.. Enumerable.Range(0, DyingTraining.Steps / KilledRuns).Select(i => from + i * KilledRuns)]));
        }

        await Compare(rig, whole, runs, DyingTraining.Steps / KilledRuns, Cause.WorkerLost);
    }

    /// <summary>Its code trains on to the end while the worker stands still: checkpoints, metrics and weights of a replaced attempt are all there to be shown.</summary>
    [Fact]
    public async Task WorkerStoppedBeyondItsLease_WakesUpFenced_AndNothingOfItIsSeen()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease, spares: 1);
        var stopped = await DyingTraining.Submit(rig, "nobody");
        await rig.Until(stopped, run => run.Head is not null);
        await first.Pause();
        await rig.StartWorker("w2", ShortLease, spares: 1);
        var ended = await rig.Ended(stopped, Patience);
        var seen = await DyingTraining.Visible(rig, ended);

        first.Resume();

        await WorkerRig.Until(
            () => Task.FromResult(!Directory.Exists(Path.Combine(rig.Folder, "worker", "w1", "work", $"{stopped}-1"))), () => $"the fenced worker goes on: {first.Errors}");
        var after = await rig.Load(stopped);
        Assert.Equal((RunState.Succeeded, 2), (after.State, after.Epoch));
        Assert.Equal([Cause.WorkerLost, Cause.Completed], after.Attempts.Select(attempt => attempt.Cause));
        Assert.Equal(ended.Checkpoints.Select(checkpoint => checkpoint.Manifest), after.Checkpoints.Select(checkpoint => checkpoint.Manifest));
        Assert.Equal(seen, await DyingTraining.Visible(rig, after));
        var whole = await rig.Ended(await DyingTraining.Submit(rig, "nobody"), Patience);
        Assert.Equal((1, await DyingTraining.Visible(rig, whole)), (whole.Epoch, seen));
        Assert.False(first.HasExited, first.Errors);
    }

    private static async Task Compare(WorkerRig rig, string whole, List<string> runs, int killsEach, Cause cause)
    {
        var uninterrupted = await rig.Ended(whole, Patience);
        Assert.Equal((RunState.Succeeded, 1, null as string), (uninterrupted.State, uninterrupted.Epoch, uninterrupted.Message));
        var expected = await DyingTraining.Visible(rig, uninterrupted);
        Assert.Contains($"train/loss {DyingTraining.Steps}: 1=", expected, StringComparison.Ordinal);
        Assert.Contains($"step {DyingTraining.Steps} lost", expected, StringComparison.Ordinal);
        var recoveries = new List<(TimeSpan ToQueue, TimeSpan ToStep)>();
        var resumed = 0;
        foreach (var run in runs)
        {
            var ended = await rig.Ended(run, Patience);
            Assert.Equal((RunState.Succeeded, killsEach + 1), (ended.State, ended.Epoch));
            Assert.All(ended.Attempts.SkipLast(1), attempt => Assert.Equal(cause, attempt.Cause));
            Assert.Equal(expected, await DyingTraining.Visible(rig, ended));
            resumed += ended.Attempts.Count(attempt => attempt.Resume is not null);
            recoveries.AddRange(await DyingTraining.Recoveries(rig, ended));
        }

        Say($"{runs.Count * killsEach} kills, {resumed} attempts resumed from a checkpoint, runs wait for each other", recoveries);

        // Otherwise every run would have begun anew, which proves nothing. On a busy machine a kill may well come before the first commit.
        Assert.True(resumed > runs.Count * killsEach / 6, $"{resumed} attempts resumed from a checkpoint");
    }

    private static void Say(string what, List<(TimeSpan ToQueue, TimeSpan ToStep)> recoveries) => TestContext.Current.TestOutputHelper?.WriteLine(
        $"{what}: kill to queue {Spread(recoveries.Select(recovery => recovery.ToQueue))}, kill to the first new step {Spread(recoveries.Select(recovery => recovery.ToStep))}");

    private static string Spread(IEnumerable<TimeSpan> times)
    {
        List<TimeSpan> sorted = [.. times.Order()];
        return sorted.Count == 0 ? "-" : $"p50 {sorted[sorted.Count / 2].TotalSeconds:F2} s, most {sorted[^1].TotalSeconds:F2} s";
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
            var worker = await rig.StartWorker($"{name}-{generation}", lease, spares: 1);
            while (!worker.HasExited && !over.IsCancellationRequested) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }
}
