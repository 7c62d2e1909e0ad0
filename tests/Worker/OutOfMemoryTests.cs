using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

public sealed class OutOfMemoryTests
{
    [Fact]
    public async Task CodeKilledByTheKernelForWantOfMemory_EndsOutOfMemory_AndItsWorkerLivesOn()
    {
        using var group = MemoryGroup.Make(400 << 20);
        Assert.SkipWhen(group is null, "limiting memory for real needs a memory control group that this user may divide (root, or a delegated one)");
        await using var rig = new WorkerRig();
        var worker = await rig.StartWorker();
        await File.WriteAllTextAsync(group.Processes, $"{worker.ProcessId}", TestContext.Current.CancellationToken);

        // An endless line, which tail must remember as a whole.
        var eaten = await rig.Ended(await rig.SubmitShell("tail /dev/zero"));
        var own = await rig.Ended(await rig.SubmitShell("kill -9 $$"));

        Assert.Equal((RunState.Failed, Cause.OutOfMemory, 137), (eaten.State, eaten.Cause, eaten.ExitCode));
        Assert.Equal("killed by the kernel: the machine ran out of memory", eaten.Message);
        Assert.Equal((RunState.Failed, Cause.UserCode, 137), (own.State, own.Cause, own.ExitCode));
        Assert.False(worker.HasExited, worker.Errors);
    }

    /// <summary>What a limit of the process says no to, the code itself can tell of.</summary>
    [Fact]
    public async Task CodeThatIsRefusedMemory_EndsOutOfMemory()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "ulimit is a thing of Unix");
        await using var rig = new WorkerRig();
        await rig.StartWorker();

        var ended = await rig.Ended(await rig.SubmitShell("ulimit -v 200000; LC_ALL=C tail /dev/zero"));

        Assert.Equal((RunState.Failed, Cause.OutOfMemory), (ended.State, ended.Cause));
    }
}
