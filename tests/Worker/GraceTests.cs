using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>
/// The grace belongs to everything that a run started. The program of these tests saves a checkpoint a second after it is asked to leave; what it was
/// started through ends at once, or stays.
/// </summary>
public sealed class GraceTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private const string Program = """
        cd "$EXP_OUTPUT/checkpoints"
        leave() { echo leaving; sleep 1; mkdir .7.tmp; echo state > .7.tmp/state; mv .7.tmp 7; echo saved; exit 143; }
        trap leave TERM
        echo begun
        while :; do sleep 0.05; done
        """;

    private readonly WorkerRig rig = shared.Rig;

    [Theory]
    [InlineData("sh train.sh")]
    [InlineData("sh train.sh && echo after")]
    [InlineData("sh run.sh")]
    [InlineData("bash run.sh")]
    [InlineData("(sh train.sh &); sleep 1000")]
    [InlineData("sh train.sh 2>&1 | tee log")]
    [InlineData("sh train.sh 2>&1 | cat | cat")]
    [InlineData("yes | sh train.sh")]
    [InlineData("setsid -w sh train.sh")]
    [InlineData("setsid setsid sh train.sh & wait; sleep 1000")]
    public async Task Cancel_WhateverStartedTheProgram_ItSavesBeforeItIsEnded(string command)
    {
        var run = await Begun(rig, command);

        await rig.Cancel(run);

        var ended = await rig.Ended(run);
        Assert.Equal((RunState.Cancelled, Cause.Cancelled, 7), (ended.State, ended.Cause, (int?)ended.Head?.Step));
        var log = await rig.Log(run);
        Assert.Contains("leaving\nsaved\n", log, StringComparison.Ordinal);
        Assert.DoesNotContain("left running", log, StringComparison.Ordinal);
        Assert.DoesNotContain("after", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Timeout_ThroughAShell_KeepsWhatTheProgramSaves()
    {
        var run = await Begun(rig, "sh train.sh && echo after", spec => spec with { Timeout = TimeSpan.FromSeconds(3) });

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.Timeout, 7), (ended.State, ended.Cause, (int?)ended.Head?.Step));
    }

    [Fact]
    public async Task WorkerThatHasToLeave_WaitsForTheProgramBehindTheShell_AndTheNextGoesOnFromIt()
    {
        await using var own = new WorkerRig();
        var first = await own.StartWorker("w1");
        var run = await Begun(
            own, "if [ $EXP_ATTEMPT = 2 ]; then echo from $(basename $(readlink -f $EXP_RESUME)) $(cat $EXP_RESUME/state); exit; fi; sh train.sh " +
                "&& echo after");

        first.Terminate();

        Assert.Equal(0, await first.Exited());
        var back = await own.Load(run);
        Assert.Equal((RunState.Queued, Cause.Preempted, 7), (back.State, back.Cause, (int?)back.Head?.Step));
        await own.StartWorker("w2");
        Assert.Equal(RunState.Succeeded, (await own.Ended(run)).State);
        Assert.Contains("from resume state\n", await own.Log(run, epoch: 2), StringComparison.Ordinal);
    }

    /// <summary>As Ctrl-C and the end of a service do it.</summary>
    [Fact]
    public async Task PlatformThatIsStopped_WaitsForTheProgramBehindTheShell()
    {
        await using var platform = await ExpPlatform.Start(workers: 1);
        await using var own = new WorkerRig(platform.Data);
        var run = await Begun(own, "sh train.sh && echo after");

        platform.Up.Signal("TERM");
        await platform.Up.Ended();

        var back = await own.Load(run);
        Assert.Equal((RunState.Queued, Cause.Preempted, 7), (back.State, back.Cause, (int?)back.Head?.Step));
    }

    [Fact]
    public async Task ProgramBehindAShellThatDoesNotLeave_IsKilledWhenTheGraceIsOver_AndTheRunSaysSo()
    {
        var run = await rig.SubmitShell(
            "(trap '' TERM; echo begun; while :; do sleep 0.05; done); echo after", spec => spec with { Grace = TimeSpan.FromSeconds(1) });
        await rig.LogHas(run, "begun");

        await rig.Cancel(run);

        var ended = await rig.Ended(run);
        Assert.Equal(RunState.Cancelled, ended.State);
        Assert.Contains("did not leave within its grace period and was killed", await rig.Log(run), StringComparison.Ordinal);
    }

    /// <summary>A handler may start programs to save with; these are not asked to leave.</summary>
    [Fact]
    public async Task WhatAHandlerStarts_IsLeftToDoItsWork()
    {
        var run = await rig.SubmitShell("trap 'sh -c \"sleep 1; echo stored\"; exit 0' TERM; echo begun; while :; do sleep 0.05; done");
        await rig.LogHas(run, "begun");

        await rig.Cancel(run);

        await rig.Ended(run);
        Assert.Contains("stored\n", await rig.Log(run), StringComparison.Ordinal);
    }

    private static async Task<string> Begun(WorkerRig rig, string command, Func<ExperimentSpec, ExperimentSpec>? with = null)
    {
        var run = await rig.Submit(
            spec => (with ?? (same => same))(spec with { Command = command }), ("train.sh", Program), ("run.sh", "sh train.sh\necho after\n"));
        await rig.LogHas(run, "begun");
        return run;
    }
}
