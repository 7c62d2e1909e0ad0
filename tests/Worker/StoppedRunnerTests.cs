using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Code that stops the worker's process that looks after it, which then does not see the code end.</summary>
public sealed class StoppedRunnerTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private readonly WorkerRig rig = shared.Rig;

    [Fact]
    public async Task RunnerThatIsStopped_GoesOnAfterAWhile_AndTheRunEndsAsItsCodeDid()
    {
        var run = await rig.SubmitShell("echo before; kill -STOP $PPID; echo after");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, Cause.Completed), (ended.State, ended.Cause));
        Assert.StartsWith("before\nafter\n", await rig.Log(run), StringComparison.Ordinal);
        Assert.Contains("was stopped with a signal; the worker has let it go on", await rig.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunnerThatIsStoppedAgainAndAgain_EndsTheRun_WhichSaysWhy()
    {
        var run = await rig.SubmitShell("runner=$PPID; (while kill -STOP $runner 2>/dev/null; do :; done) & sleep 600");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.UserCode), (ended.State, ended.Cause));
        Assert.Contains("was stopped with a signal, again and again", ended.Message, StringComparison.Ordinal);
        await shared.LivesOn();
    }
}
