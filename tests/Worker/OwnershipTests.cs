using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Workers that die, stall, leave and are told to stop. Faults are real: signals to real processes.</summary>
public sealed class OwnershipTests
{
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task AWorkerWhoseFolderWasRemoved_TakesNoRun_AndEndsToBeStartedAgain()
    {
        await using var rig = new WorkerRig();
        var worker = await rig.StartWorker();
        TemporaryFolder.Delete(Path.Combine(rig.Folder, "worker", worker.Id));
        var run = await rig.SubmitShell("true");

        Assert.Equal(1, await worker.Exited());
        await rig.StartWorker();

        var ended = await rig.Ended(run);
        Assert.Equal((RunState.Succeeded, 1, 0), (ended.State, ended.Epoch, ended.Lost));
    }

    [Fact]
    public async Task WorkerKilledMidRun_TakesItsCodeWithIt_AndAnotherFinishesTheRun()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease);
        var run = await rig.SubmitShell("echo pid=$$; if [ $EXP_ATTEMPT = 1 ]; then sleep 1000; fi; echo done");
        await rig.LogHas(run, "pid=");
        var pid = (await rig.Log(run)).Split('\n')[0][4..];

        first.Kill();
        await rig.StartWorker("w2", ShortLease);
        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 2, 1), (ended.State, ended.Epoch, ended.Lost));
        Assert.Equal([Cause.WorkerLost, Cause.Completed], ended.Attempts.Select(attempt => attempt.Cause));
        Assert.EndsWith("done\n", await rig.Log(run, epoch: 2), StringComparison.Ordinal);
        await WorkerRig.Until(() => Task.FromResult(!Directory.Exists($"/proc/{pid}")), () => $"process {pid} outlived its worker");
    }

    [Fact]
    public async Task RecordThatIsDamagedMidRun_FreesItsWorker_WhichEndsTheCode()
    {
        await using var rig = new WorkerRig();
        var worker = await rig.StartWorker("w1", ShortLease);
        var run = await rig.SubmitShell("echo pid=$$; sleep 1000");
        await rig.LogHas(run, "pid=");
        var pid = (await rig.Log(run)).Split('\n')[0][4..];

        var record = Path.Combine(rig.WorkspaceFolder, "runs", run + ".json");
        await File.WriteAllTextAsync(record, "{", TestContext.Current.CancellationToken);

        Assert.Equal(RunState.Succeeded, (await rig.Ended(await rig.SubmitShell("echo next"))).State);
        Assert.False(Directory.Exists($"/proc/{pid}"));
        Assert.Contains("is given up: ", worker.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WorkerKilledMidRun_RestartedUnderItsName_FinishesTheRun()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease);
        var run = await rig.SubmitShell("echo begun; if [ $EXP_ATTEMPT = 1 ]; then sleep 1000; fi");
        await rig.LogHas(run, "begun");

        first.Kill();
        await rig.StartWorker("w1", ShortLease);

        Assert.Equal((RunState.Succeeded, 2), ((await rig.Ended(run)).State, (await rig.Load(run)).Epoch));
    }

    [Fact]
    public async Task PausedWorker_IsFenced_EndsItsCode_AndWritesNothingMore()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease);
        var run = await rig.SubmitShell("echo pid=$$; while [ $EXP_ATTEMPT = 1 ]; do echo tick; sleep 0.1; done; echo done");
        await rig.LogHas(run, "tick");
        var pid = (await rig.Log(run)).Split('\n')[0][4..];
        await first.Pause();

        await rig.StartWorker("w2", ShortLease);
        var ended = await rig.Ended(run);
        var log = await rig.Log(run);
        first.Resume();

        Assert.Equal((RunState.Succeeded, 2), (ended.State, ended.Epoch));
        await WorkerRig.Until(() => Task.FromResult(!Directory.Exists($"/proc/{pid}")), () => $"process {pid} of the fenced attempt runs on");

        // It takes other work, and the record is as its successor left it.
        var next = await rig.SubmitShell("true");
        await rig.Ended(next);
        Assert.Equal(System.Text.Json.JsonSerializer.Serialize(ended), System.Text.Json.JsonSerializer.Serialize(await rig.Load(run)));
        Assert.False(first.HasExited, first.Errors);
        Assert.StartsWith(log, await rig.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SigtermToTheWorker_LetsTheCodeLeave_AndHandsTheRunBack()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1");
        var run = await rig.SubmitShell("trap 'echo leaving; exit 143' TERM; echo begun; while [ $EXP_ATTEMPT = 1 ]; do sleep 0.05; done; echo done");
        await rig.LogHas(run, "begun");

        first.Terminate();

        Assert.Equal(0, await first.Exited());
        var back = await rig.Load(run);
        Assert.Equal((RunState.Queued, Cause.Preempted, 1), (back.State, back.Cause, back.Lost));
        Assert.Contains("leaving\n", await rig.Log(run), StringComparison.Ordinal);
        await rig.StartWorker("w2");
        Assert.Equal((RunState.Succeeded, 2), ((await rig.Ended(run)).State, (await rig.Load(run)).Epoch));
    }

    /// <summary>Two workers, and wakes that come twice, late, for another attempt, and after the end.</summary>
    [Fact]
    public async Task WakesThatComeTwiceLateAndInAnyOrder_RunTheCodeOnce()
    {
        await using var rig = new WorkerRig();
        var ran = Path.Combine(rig.Folder, "ran");
        var run = await rig.SubmitShell($"echo once >> {ran}; sleep 1");
        var record = await rig.Load(run);
        for (var i = 0; i < 5; i++) await rig.Queue.Wake(record, TimeSpan.FromMilliseconds(150 * i), TestContext.Current.CancellationToken);
        var lease = TimeSpan.FromSeconds(5);
        await Task.WhenAll(rig.StartWorker("w1", lease), rig.StartWorker("w2", lease));
        await rig.Until(run, now => now.State == RunState.Running);
        for (var epoch = 3; epoch >= 0; epoch--) await rig.Queue.Wake(record with { Epoch = epoch }, cancel: TestContext.Current.CancellationToken);

        var ended = await rig.Ended(run);
        await rig.Queue.Wake(record, cancel: TestContext.Current.CancellationToken);
        await rig.Ended(await rig.SubmitShell("true"));

        await WorkerRig.Until(async () => await rig.Bus.Count(QueueNames.ForMachine("cpu")) == 0, () => "wakes are left");
        Assert.Equal("once\n", await File.ReadAllTextAsync(ran, TestContext.Current.CancellationToken));
        Assert.Equal((RunState.Succeeded, 1), (ended.State, ended.Epoch));
        Assert.Equal(System.Text.Json.JsonSerializer.Serialize(ended), System.Text.Json.JsonSerializer.Serialize(await rig.Load(run)));
        Assert.Empty(await rig.Bus.DeadLetters(QueueNames.ForMachine("cpu"), cancel: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task IdleWorker_Leaves_AndTakesItsCardWithIt()
    {
        await using var rig = new WorkerRig();
        var worker = await rig.StartWorker("w1", null, 0, "--exit-when-idle", "00:00:01");
        await rig.Ended(await rig.SubmitShell("true"));

        Assert.Equal(0, await worker.Exited());
        Assert.Null((await rig.Store.Head("workers/w1.json", TestContext.Current.CancellationToken)).Value);
    }

    [Fact]
    public async Task WorkerWhoseParentIsGone_Leaves()
    {
        await using var rig = new WorkerRig();
        using var parent = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("cat") { RedirectStandardInput = true })!;
        var worker = await rig.StartWorker("w1", null, 0, "--parent", $"{parent.Id}");

        parent.Kill();
        await parent.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, await worker.Exited());
    }

    [Fact]
    public async Task TwoWorkersWithOneName_TheSecondIsRefused()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker("w1");

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => rig.StartWorker("w1"));

        Assert.Contains("a worker named w1 is running", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A healthy worker that falls silent is replaced, and two compute the same.</summary>
    [Fact]
    public async Task RecordThatCannotBeReadForAWhile_DoesNotEndTheHeartbeat()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease);
        var go = Path.Combine(rig.Folder, "go");
        var run = await rig.SubmitShell($"echo begun; while [ ! -f {go} ]; do sleep 0.05; done");
        await rig.LogHas(run, "begun");
        var record = Path.Combine(rig.WorkspaceFolder, WorkspacePaths.Run(run));
        var whole = await File.ReadAllBytesAsync(record, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(record, "{ \"half\": ", TestContext.Current.CancellationToken);
        await first.Says("renewing the lease fails");

        await File.WriteAllBytesAsync(record, whole, TestContext.Current.CancellationToken);
        await first.Says("renewing the lease succeeds again");

        // Whoever else there is waits for as long as the first is heard of.
        await rig.StartWorker("w2", ShortLease);
        await rig.Queue.Wake(await rig.Load(run), cancel: TestContext.Current.CancellationToken);
        await rig.Ended(await rig.SubmitShell("sleep 2"));
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
        Assert.Equal((RunState.Succeeded, 1), ((await rig.Ended(run)).State, (await rig.Load(run)).Epoch));
    }

    [Fact]
    public async Task TwoWorkersAtOnce_CompileOnceAndSetUpOnce()
    {
        await using var rig = new WorkerRig();
        await Task.WhenAll(rig.StartWorker("w1"), rig.StartWorker("w2"));
        var count = Path.Combine(rig.Folder, "setups");
        var runs = new List<string>();
        for (var i = 0; i < 4; i++) runs.Add(
            await rig.SubmitCSharp(
                "Console.WriteLine(File.ReadAllText(\"made\"));", spec => spec with { Setup = $"echo one >> {count}; echo by setup > made" }));

        foreach (var run in runs) Assert.Equal((RunState.Succeeded, null as string), ((await rig.Ended(run)).State, (await rig.Load(run)).Message));

        Assert.Equal("one\n", await File.ReadAllTextAsync(count, TestContext.Current.CancellationToken));
        Assert.Single(Directory.EnumerateDirectories(Path.Combine(rig.Folder, "worker", "cache", "build")));
        foreach (var run in runs) Assert.EndsWith("by setup\n\n", await rig.Log(run), StringComparison.Ordinal);
    }
}
