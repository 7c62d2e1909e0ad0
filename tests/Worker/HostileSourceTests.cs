using Serverless.Core.Runs;
using Serverless.GpuWorker.Execute;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Source that no compiler can cope with ends its run, once, and costs the worker nothing but the compiler.</summary>
public sealed class HostileSourceTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private const long MaxWorkerBytes = 512L << 20;

    private readonly WorkerRig rig = shared.Rig;

    [Fact]
    public async Task TypesNestedTooDeep_EndAsBuild_AndSayWhatToChange()
    {
        var open = string.Concat(Enumerable.Repeat("A<", 30_000));
        var run = await rig.SubmitCSharp($"{open}int{new string('>', 30_000)} x = null; class A<T> {{ }}");

        var ended = await EndedOnce(run, Cause.Build);

        Assert.Equal(
            "the compiler crashed on train.cs or a file that belongs to it (Stack overflow); make types and expressions less deeply nested",
            ended.Message);
        Assert.Contains(ended.Message!, await rig.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConstantsThatDouble_EndAsOutOfMemory_AndTheWorkerStaysSmall()
    {
        var doubled = string.Concat(Enumerable.Range(1, 21).Select(i => $"const string s{i} = s{i - 1} + s{i - 1};\n"));
        var run = await rig.SubmitCSharp($"const string s0 = \"{new string('x', 1000)}\";\n{doubled}Console.WriteLine(s21.Length);");

        var ended = await EndedOnce(run, Cause.OutOfMemory);

        Assert.StartsWith("compiling train.cs takes more than ", ended.Message, StringComparison.Ordinal);
        Assert.InRange(shared.Worker.PeakBytes, 0, MaxWorkerBytes);
    }

    [Fact]
    public async Task CompileThatNeverEnds_EndsWithTheTimeoutOfItsRun()
    {
        var run = await rig.SubmitCSharp(HostileSource.Endless, spec => spec with { Timeout = TimeSpan.FromSeconds(3) });

        var ended = await EndedOnce(run, Cause.Timeout);

        Assert.Equal("compiling train.cs: ran longer than its timeout of 00:00:03", ended.Message);
    }

    [Fact]
    public async Task CompileThatNeverEnds_EndsWhenItIsCancelled()
    {
        var run = await rig.SubmitCSharp(HostileSource.Endless);
        await rig.Until(run, record => record.State == RunState.Preparing);

        await rig.Cancel(run, "not needed");

        await EndedOnce(run, Cause.Cancelled);
    }

    [Fact]
    public async Task CompileThatNeverEnds_IsHandedBackWhenItsWorkerHasToLeave()
    {
        await using var own = new WorkerRig();
        var worker = await own.StartWorker();
        var run = await own.SubmitCSharp(HostileSource.Endless);
        var compiler = await CompilerOf(worker);

        worker.Terminate();

        Assert.Equal(0, await worker.Exited());
        Assert.Equal(RunState.Queued, (await own.Load(run)).State);
        Assert.False(CompilerChild.Lives(compiler));
    }

    [Fact]
    public async Task CompileThatNeverEnds_EndsWithAWorkerThatIsKilled()
    {
        await using var own = new WorkerRig();
        var worker = await own.StartWorker();
        await own.SubmitCSharp(HostileSource.Endless);
        var compiler = await CompilerOf(worker);

        worker.Kill();

        await WorkerRig.Until(() => Task.FromResult(!CompilerChild.Lives(compiler)), () => "the compiler lives on");
    }

    /// <summary>Somebody else's doing: the run is tried again, and is not called uncompilable.</summary>
    [Fact]
    public async Task CompilerThatSomebodyKills_IsTheWorkersFault()
    {
        await using var own = new WorkerRig();
        var worker = await own.StartWorker();
        var run = await own.SubmitCSharp(HostileSource.Endless);
        var compiler = await CompilerOf(worker);

        _ = Native.Kill(compiler, Native.SigKill);

        var again = await own.Until(run, record => record.Epoch == 2 || record.State == RunState.Queued);
        Assert.Contains(again.History, entry => entry.Cause == Cause.WorkerLost);
    }

    private async Task<RunRecord> EndedOnce(string run, Cause cause)
    {
        var ended = await rig.Ended(run);
        Assert.Equal((cause, 1), (ended.Cause, ended.Epoch));
        await shared.LivesOn();
        Assert.Equal(RunState.Succeeded, (await rig.Ended(await rig.SubmitCSharp($"Console.WriteLine(\"after {run}\");"))).State);
        return ended;
    }

    /// <summary>Without spares a worker has a compiler only when it compiles.</summary>
    private static async Task<int> CompilerOf(WorkerProcess worker)
    {
        int? found = null;
        await WorkerRig.Until(() => Task.FromResult((found = CompilerChild.Of(worker.ProcessId)) is not null), () => "there is no compiler");
        return found!.Value;
    }
}
