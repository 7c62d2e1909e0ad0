using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Runs;

public sealed class RunQueueTests
{
    private const string Queue = "runs-cpu";
    private static readonly string Events = QueueNames.Subscription(QueueNames.Events, "test");

    private readonly FakeTimeProvider time = new(Some.Noon);
    private readonly MemoryObjectStore store;
    private readonly MemoryMessageBus bus;
    private readonly RunStore runs;
    private readonly RunQueue queue;

    public RunQueueTests()
    {
        store = new(time);
        bus = new(time, Some.LeaseLength);
        runs = new(store);
        queue = new("workspace", store, bus, new SystemIds(time));
        bus.Subscribe(QueueNames.Events, "test", Cancel);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Finish_TellsAboutTheEnd_AndTheRunIsNoLongerActive()
    {
        await Submitted();
        await Claimed();
        Assert.True((await queue.Apply("run-1", new RunEvent.Finish(1, new(Cause.Completed)), Cancel)).Moved);
        Assert.Equal(
            [new RunEnded("workspace", "run-1", RunState.Succeeded, Cause.Completed)], bus.Peek(Events).Select(EventReader.WorkspaceEventIn));
        Assert.Empty(store.PeekAll(WorkspacePaths.Active));
    }

    [Fact]
    public async Task Finish_Repeated_SendsWhatIsOutstandingAgain_NotFenced()
    {
        await Submitted();
        await Claimed();
        var finish = new RunEvent.Finish(1, new(Cause.Preempted));
        await runs.Apply("run-1", finish, Cancel); // and then the worker could not send the wake
        Assert.IsType<Decision.Unchanged>((await queue.Apply("run-1", finish, Cancel)).Decision);
        Assert.Equal(2, bus.Peek(Queue).Count);
    }

    [Fact]
    public async Task FailingCode_IsWokenWhenItsBackOffEnds()
    {
        await Submitted(Some.Run(failed: 1));
        await Claimed();
        await bus.Complete((await bus.Receive(Queue, TimeSpan.Zero, Cancel))!, Cancel);
        await queue.Apply("run-1", new RunEvent.Finish(1, new(Cause.UserCode)), Cancel);
        Assert.Null(await bus.Receive(Queue, TimeSpan.Zero, Cancel));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(new RunWake("workspace", "run-1"), RunWake.From((await bus.Receive(Queue, TimeSpan.Zero, Cancel))!.Message));
        Assert.True((await queue.Apply("run-1", new RunEvent.Claim("worker-2", Some.LeaseLength), Cancel)).Moved);
    }

    [Fact]
    public async Task Wakes_OfOneRun_NeverShareAnId()
    {
        await Submitted();
        for (var i = 0; i < 5; i++) await queue.Wake(Some.Run(), cancel: Cancel);
        Assert.Equal(6, bus.Peek(Queue).Select(message => message.Id).Distinct().Count());
    }

    [Fact]
    public async Task Cancel_WhileQueued_EndsAtOnce_AndItsWakeFindsAnEndedRun()
    {
        await Submitted();
        var change = await queue.Apply("run-1", new RunEvent.RequestCancel("ann", null), Cancel);
        Assert.Equal(RunState.Cancelled, change.Run!.State);
        Assert.Single(bus.Peek(Events));
        Assert.Empty(store.PeekAll(WorkspacePaths.Active));
        Assert.IsType<Decision.Stale>((await queue.Apply("run-1", new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel)).Decision);
    }

    [Fact]
    public async Task Tend_FreesARunWhoseLeaseExpired_AndWakesAWorker()
    {
        await Submitted();
        await Claimed();
        time.Advance(Some.LeaseLength / 2);
        Assert.Equal(0, await queue.Tend(Cancel));
        time.Advance(Some.LeaseLength / 2);
        Assert.Equal(1, await queue.Tend(Cancel));
        Assert.Equal(RunState.Queued, (await runs.Load("run-1", Cancel))!.Run.State);
        Assert.Equal(2, bus.Peek(Queue).Count);
    }

    /// <summary>As a record that was put back from a backup of a time when the run went on.</summary>
    [Fact]
    public async Task Tend_TheFirstTime_FindsRunsThatNobodyLooksAfter()
    {
        await Submitted();
        await Claimed();
        await store.Delete(WorkspacePaths.ActiveRun("run-1"), cancel: Cancel);
        time.Advance(Some.LeaseLength * 2);
        var restarted = new RunQueue("workspace", store, bus, new SystemIds(time));
        Assert.Equal(1, await restarted.Tend(Cancel));
        Assert.Equal((RunState.Queued, Cause.WorkerLost), ((await runs.Load("run-1", Cancel))!.Run.State, (await runs.Load("run-1", Cancel))!.Run.Cause));
    }

    [Fact]
    public async Task Tend_SendsAMissingWakeAgain_LessAndLessOften()
    {
        await Submitted();
        var sentAt = new List<int>();
        for (var minute = 1; minute <= 300; minute++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            if (await queue.Tend(Cancel) > 0) sentAt.Add(minute);
        }

        Assert.Equal([1, 3, 7, 15, 31, 63, 127, 191, 255], sentAt);
    }

    [Fact]
    public async Task Tend_SendsWhatABusThatWasLostHeld_AtOnce_AndOnce()
    {
        await Submitted();
        for (var minute = 1; minute <= 300; minute++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await queue.Tend(Cancel);
        }

        bus.LoseWakes();
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, await queue.Tend(Cancel));
        Assert.Single(bus.Peek(Queue));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, await queue.Tend(Cancel));
    }

    [Fact]
    public async Task ALostRun_IsTheNext_BeforeAThousandThatWait()
    {
        await Submitted();
        await bus.Complete((await bus.Receive(Queue, TimeSpan.Zero, Cancel))!, Cancel);
        await Claimed();
        for (var i = 0; i < 1000; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(10));
            await Submitted(Some.Run($"waiting-{i}") with { Created = time.GetUtcNow() });
        }

        time.Advance(Some.LeaseLength);
        Assert.Equal(1, await queue.Tend(Cancel));
        Assert.Equal("run-1", RunWake.From((await bus.Receive(Queue, TimeSpan.Zero, Cancel))!.Message)?.Run);
    }

    [Fact]
    public async Task Tend_AfterTheClockWasSetBack_DoesNotWaitForTheOldTimeToComeAgain()
    {
        await Submitted(Some.In("backing-off") with
        {
            NotBefore = Some.Noon.AddHours(2),
            Attempts = [new(1, "worker-1", Some.Noon, Ended: Some.Noon.AddHours(2))],
        });
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(1, await queue.Tend(Cancel));
        Assert.Equal(0, await queue.Tend(Cancel));
    }

    [Fact]
    public async Task Tend_CountsFromTheLastReturnToTheQueue()
    {
        await Submitted();
        for (var minute = 1; minute <= 300; minute++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await queue.Tend(Cancel);
        }

        await Claimed();
        time.Advance(Some.LeaseLength);
        await queue.Tend(Cancel);
        bus.Lose(Queue, 0);
        var before = bus.Peek(Queue).Count;
        Assert.Equal(0, await queue.Tend(Cancel));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, await queue.Tend(Cancel));
        Assert.Equal(before + 1, bus.Peek(Queue).Count);
    }

    [Fact]
    public async Task Tend_LeavesARunAloneThatBacksOff()
    {
        await Submitted(Some.In("backing-off") with { NotBefore = Some.Noon.AddMinutes(10) });
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(0, await queue.Tend(Cancel));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, await queue.Tend(Cancel));
    }

    [Theory]
    [InlineData("succeeded")]
    [InlineData("failed")]
    [InlineData("cancelled")]
    public async Task Tend_TellsAboutAnEndThatNobodyToldAbout(string situation)
    {
        await Submitted(Some.In(situation));
        Assert.Equal(1, await queue.Tend(Cancel));
        Assert.Single(bus.Peek(Events));
        Assert.Empty(store.PeekAll(WorkspacePaths.Active));
        Assert.Equal(0, await queue.Tend(Cancel));
    }

    [Fact]
    public async Task Tend_GivesASubmissionAnHourToWriteItsRecord()
    {
        await queue.Announce("run-1", Cancel);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, await queue.Tend(Cancel));
        Assert.Single(store.PeekAll(WorkspacePaths.Active));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, await queue.Tend(Cancel));
        Assert.Empty(store.PeekAll(WorkspacePaths.Active));
    }

    [Fact]
    public async Task Tend_GoesOnPastADamagedRecord_AndSaysWhichItWas()
    {
        await queue.Announce("run-0", Cancel);
        await store.Put(WorkspacePaths.Run("run-0"), "{\"id\":"u8, cancel: Cancel);
        await Submitted(Some.In("succeeded"));
        var e = await Assert.ThrowsAsync<AggregateException>(() => queue.Tend(Cancel));
        Assert.Contains("runs/run-0.json", e.Message, StringComparison.Ordinal);
        Assert.Single(bus.Peek(Events));
    }

    [Fact]
    public async Task DeadLetter_OfAWake_EndsItsRunWithTheReason()
    {
        await Submitted();
        var received = (await bus.Receive(Queue, TimeSpan.Zero, Cancel))!;
        var change = await queue.DeadLetter(received, "its snapshot is refused", Cancel);
        Assert.Equal((RunState.Failed, Cause.Invalid, "its snapshot is refused"), (change!.Run!.State, change.Run.Cause, change.Run.Message));
        Assert.Equal(["its snapshot is refused"], (await bus.DeadLetters(Queue, cancel: Cancel)).Select(letter => letter.Reason));
        Assert.Single(bus.Peek(Events));
        Assert.Empty(store.PeekAll(WorkspacePaths.Active));
    }

    [Fact]
    public async Task DeadLetter_OfAWakeForARunThatSomebodyHas_LeavesTheRunToThem()
    {
        await Submitted();
        await Claimed();
        var received = (await bus.Receive(Queue, TimeSpan.Zero, Cancel))!;
        Assert.IsType<Decision.Illegal>((await queue.DeadLetter(received, "no", Cancel))!.Decision);
        Assert.Equal(RunState.Preparing, (await runs.Load("run-1", Cancel))!.Run.State);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"workspace":"workspace"}""")]
    [InlineData("""{"workspace":"other","run":"run-1"}""")]
    [InlineData("""{"workspace":"workspace","run":"../../etc/passwd"}""")]
    [InlineData("""{"workspace":"workspace","run":"run-0"}""")]
    public async Task DeadLetter_OfWhatNamesNoReadableRun_IsPutAside(string body)
    {
        await store.Put(WorkspacePaths.Run("run-0"), "{\"id\":"u8, cancel: Cancel);
        await bus.Send(Queue, new("strange", body), cancel: Cancel);
        Assert.Null(await queue.DeadLetter((await bus.Receive(Queue, TimeSpan.Zero, Cancel))!, "cannot be understood", Cancel));
        Assert.Equal([body], (await bus.DeadLetters(Queue, cancel: Cancel)).Select(letter => letter.Message.Body));
    }

    private async Task Submitted(RunRecord? run = null)
    {
        run ??= Some.Run();
        await queue.Announce(run.Id, Cancel);
        Assert.True(await runs.Create(run, Cancel));
        await queue.Wake(run, cancel: Cancel);
    }

    private async Task Claimed() => Assert.True((await queue.Apply("run-1", new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel)).Moved);
}
