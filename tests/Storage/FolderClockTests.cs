using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>
/// Somebody sets the machine's clock, or another machine's runs ahead: whoever lives keeps a run, and whoever is dead loses it in time.
/// </summary>
public sealed class FolderClockTests : IDisposable
{
    private static readonly TimeSpan Heartbeat = Some.LeaseLength / 3;

    private readonly TemporaryFolder folder = new();
    private readonly SettableClock time = new(Some.Noon);
    private readonly RunStore worker;
    private readonly RunStore platform;

    public FolderClockTests()
    {
        worker = new(new FolderObjectStore(folder.Path, time));
        platform = new(new FolderObjectStore(folder.Path, time));
    }

    public static TheoryData<int> Steps => [-24 * 365, -2, 2, 24 * 365];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task ClockSet_ALivingWorkerKeepsItsRun(int hours)
    {
        await Claimed();
        time.Set(TimeSpan.FromHours(hours));
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(RunState.Preparing, await StateAfterALook());
            time.Advance(Heartbeat);
            Assert.Equal(RunState.Preparing, await StateAfterALook());
            Assert.True((await worker.Apply("run-1", new RunEvent.Renew(1), Cancel)).Moved);
        }
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task ClockSet_ADeadWorkerLosesItsRun_InALeaseLength(int hours)
    {
        await Claimed();
        time.Set(TimeSpan.FromHours(hours));
        Assert.Equal(RunState.Preparing, await StateAfterALook());

        // A version's time may be a tick later than the clock: later than the version before it.
        time.Advance(Some.LeaseLength + TimeSpan.FromMilliseconds(1));
        Assert.Equal(RunState.Queued, await StateAfterALook());
    }

    [Fact]
    public async Task ALeaseFromAClockThatRanAhead_CountsFromWhenItWasFirstSeen()
    {
        await Created();
        var ahead = new SettableClock(Some.Noon + TimeSpan.FromHours(5));
        await new RunStore(new FolderObjectStore(folder.Path, ahead)).Apply("run-1", new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel);
        Assert.Equal(RunState.Preparing, await StateAfterALook());
        time.Advance(Some.LeaseLength / 2);
        Assert.Equal(RunState.Preparing, await StateAfterALook());
        time.Advance(Some.LeaseLength / 2);
        Assert.Equal(RunState.Queued, await StateAfterALook());
    }

    [Fact]
    public async Task ClockSetBack_ACancelDoesNotKeepADeadWorkersRun()
    {
        await Claimed();
        time.Set(TimeSpan.FromHours(-2));
        await platform.Apply("run-1", new RunEvent.RequestCancel("ann", null), Cancel);
        time.Advance(Some.LeaseLength);
        Assert.Equal(RunState.Cancelled, await StateAfterALook());
    }

    [Fact]
    public async Task ClockSetBack_ABackOffIsNotWaitedForUntilTheOldTimeComesAgain()
    {
        await Created(Some.Run(failed: 3));
        await Claim();
        await worker.Apply("run-1", new RunEvent.Finish(1, new(Cause.UserCode)), Cancel);
        Assert.False((await Claim()).Moved);
        time.Set(TimeSpan.FromHours(-2));
        Assert.True((await Claim()).Moved);
    }

    public void Dispose() => folder.Dispose();

    private async Task Claimed()
    {
        await Created();
        Assert.True((await Claim()).Moved);
        Assert.Equal(RunState.Preparing, await StateAfterALook());
    }

    private Task Created(RunRecord? run = null) => worker.Create(run ?? Some.Run(), Cancel);

    private Task<RunChange> Claim() => worker.Apply("run-1", new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel);

    /// <summary>What the platform makes of the run once a minute.</summary>
    private async Task<RunState> StateAfterALook()
    {
        await platform.Apply("run-1", new RunEvent.ExpireLease(), Cancel);
        return (await platform.Load("run-1", Cancel))!.Run.State;
    }
}
