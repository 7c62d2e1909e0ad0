using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// The store is away, read-only or full while a worker trains. Its code holds in the middle until that is so; after that nobody does anything but
/// give the store back, and people see what the uninterrupted run shows.
/// </summary>
public sealed class StoreOutageTests
{
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task StoreAway_TheWorkerComputesOn_AndCommitsWhenItIsBack()
    {
        await using var rig = new WorkerRig();
        var away = Path.Combine(rig.Folder, "unmounted");

        var ended = await TrainedThrough(rig, () => Directory.Move(rig.WorkspaceFolder, away), () => Directory.Move(away, rig.WorkspaceFolder),
            "is gone: was it removed, or its disk unmounted?");

        await DyingTraining.EndedAsIfNothingHadHappened(rig, ended);
    }

    [Fact]
    public async Task StoreReadOnly_TheWorkerComputesOn_AndCommitsWhenItIsNoLonger()
    {
        using var expected = new TemporaryFolder();
        await File.WriteAllTextAsync(expected["seen"], await DyingTraining.Uninterrupted, TestContext.Current.CancellationToken);
        await SmallDisk.Run<ReadOnlyStore>(expected["seen"]);
    }

    [Fact]
    public async Task StoreFull_TheRunSaysSo_AndGoesOnFromItsCheckpointWhenThereIsRoom()
    {
        using var expected = new TemporaryFolder();
        await File.WriteAllTextAsync(expected["seen"], await DyingTraining.Uninterrupted, TestContext.Current.CancellationToken);
        await SmallDisk.Run<FullStore>(expected["seen"]);
    }

    /// <summary>The disk is full of what the code wrote beside its results, and the code has died of that: its worker makes room to tell of it.</summary>
    [Fact]
    public Task DiskFilledByTheCodesOwnTemporaryFiles_IsFreeAgain_AndTheRunsEndIsTold() => SmallDisk.Run<FilledByCode>();

    // The lease runs out meanwhile. Nobody else is there to take the run, so its owner stays its owner.
    private static async Task<RunRecord> TrainedThrough(WorkerRig rig, Action begin, Action end, string says)
    {
        var worker = await rig.StartWorker("w1", ShortLease);
        var run = await DyingTraining.Submit(rig, "nobody", holds: DyingTraining.Steps / 2);
        await rig.Until(run, record => record.Head is not null);
        begin();
        await DyingTraining.GoOn(rig, run);
        await DyingTraining.TrainedToItsEnd(rig, worker, run, epoch: 1);
        await worker.Says("waiting: ");
        end();

        var ended = await rig.Ended(run, Patience);
        Assert.Contains(says, worker.Errors, StringComparison.Ordinal);
        await worker.Says("waiting is over");
        Assert.Equal((RunState.Succeeded, 1), (ended.State, ended.Epoch));
        return ended;
    }

    private sealed class ReadOnlyStore : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            await using var rig = new WorkerRig(args[0]);

            // Whoever has a file open for writing would keep its disk from becoming read-only; a second view of
            // the same folder, through which nobody has opened anything, can be it.
            var view = Directory.CreateDirectory(Path.Combine(args[0], "view")).FullName;
            var ended = await TrainedThrough(rig, Begin, () => SmallDisk.Unmount(rig.WorkspaceFolder), "is read-only");

            Assert.Equal(await File.ReadAllTextAsync(args[1]), await DyingTraining.Visible(rig, ended));
            return 0;

            void Begin()
            {
                SmallDisk.Mount("--bind", rig.WorkspaceFolder, view);
                SmallDisk.Mount("-o", "remount,bind,ro", view);
                SmallDisk.Mount("--move", view, rig.WorkspaceFolder);
            }
        }
    }

    private sealed class FilledByCode : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", args[0]);
            await using var rig = new WorkerRig(args[0]);
            await rig.StartWorker("w1", ShortLease);
            var run = await rig.SubmitShell("echo step 1 a=1; head -c 100000000 /dev/zero > $TMPDIR/fill; sleep 1; exit 3");

            // Told by a full store, it is tried again after a while; by its exit code, it has failed.
            await rig.Until(run, record => record.Attempts is [{ Ended: not null }, ..], Patience);
            await rig.Cancel(run);
            var next = await rig.SubmitShell("head -c 1000000 /dev/zero > $TMPDIR/fits");
            Assert.Equal(RunState.Succeeded, (await rig.Ended(next, Patience)).State);
            return 0;
        }
    }

    private sealed class FullStore : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var workspace = Directory.CreateDirectory(Path.Combine(args[0], "workspace")).FullName;
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", workspace);
            await using var rig = new WorkerRig(args[0]);
            var filling = Path.Combine(workspace, "filling");
            var worker = await rig.StartWorker("w1", ShortLease);
            var run = await DyingTraining.Submit(rig, "nobody", holds: DyingTraining.Steps / 2);
            await rig.Until(run, record => record.Head is not null);
            SmallDisk.Fill(filling);
            await DyingTraining.GoOn(rig, run);
            await worker.Says("waiting: there is no room left");
            File.Delete(filling);

            var ended = await rig.Ended(run, Patience);
            await worker.Says("waiting is over");
            Assert.Equal([Cause.StorageFull, Cause.Completed], ended.Attempts.Select(attempt => attempt.Cause));
            Assert.NotNull(ended.Attempts[1].Resume);
            Assert.Contains(ended.History,
                entry => entry.Cause == Cause.StorageFull && entry.Message!.Contains("there is no room left", StringComparison.Ordinal));
            Assert.Equal(await File.ReadAllTextAsync(args[1]), await DyingTraining.Visible(rig, ended));
            return 0;
        }
    }
}
