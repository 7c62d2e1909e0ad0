using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Runs;

public sealed class DeadWakesTests
{
    private const string Queue = "runs-cpu";

    private readonly FakeTimeProvider time = new(Some.Noon);
    private readonly MemoryMessageBus bus;
    private readonly RunStore runs;
    private readonly RunQueue queue;
    private readonly DeadLetteredWakes deadWakes;

    public DeadWakesTests()
    {
        var store = new MemoryObjectStore(time);
        bus = new(time, Some.LeaseLength);
        runs = new(store);
        queue = new("workspace", store, bus, new SystemIds(time));
        deadWakes = new(bus, ["gpu", "cpu"], _ => queue);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AQueuedRun_WhoseWakeTheBusPutAside_EndsWithTheReason()
    {
        await Submitted();
        await PutAside("MaxDeliveryCountExceeded");

        Assert.Equal(1, await deadWakes.EndRuns(Cancel));

        var run = (await runs.Load("run-1", Cancel))!.Run;
        Assert.Equal(
            (RunState.Failed, Cause.Invalid, "its wake-up call was put aside: MaxDeliveryCountExceeded"), (run.State, run.Cause!.Value, run.Message));
        Assert.Single(await bus.DeadLetters(Queue, cancel: Cancel));
        Assert.Equal(0, await deadWakes.EndRuns(Cancel));
    }

    [Fact]
    public async Task ARunThatAWorkerHas_OrThatWasClaimedSince_GoesOn()
    {
        await Submitted();
        await PutAside("MaxDeliveryCountExceeded");
        await queue.Apply("run-1", new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel);
        Assert.Equal(0, await deadWakes.EndRuns(Cancel));

        await queue.Apply("run-1", new RunEvent.Finish(1, new(Cause.Preempted)), Cancel);
        Assert.Equal(0, await deadWakes.EndRuns(Cancel));
        Assert.Equal(RunState.Queued, (await runs.Load("run-1", Cancel))!.Run.State);
    }

    [Theory]
    [InlineData("run-1:0:x", "not json")]
    [InlineData("strange", """{"workspace":"workspace","run":"run-1"}""")]
    [InlineData("run-1:0:x", """{"workspace":"../up","run":"run-1"}""")]
    [InlineData("run-2:0:x", """{"workspace":"workspace","run":"run-2"}""")]
    [InlineData("x:0:x", """{"workspace":"workspace","run":"../../etc/passwd"}""")]
    public async Task ALetterThatIsNoWakeOfARun_HarmsNobody(string id, string body)
    {
        await Submitted();
        await bus.Send("runs-gpu", new(id, body), cancel: Cancel);
        await bus.DeadLetter((await bus.Receive("runs-gpu", TimeSpan.Zero, Cancel))!, "no", Cancel);
        Assert.Equal(0, await deadWakes.EndRuns(Cancel));
        Assert.Equal(RunState.Queued, (await runs.Load("run-1", Cancel))!.Run.State);
    }

    private async Task Submitted()
    {
        await queue.Announce("run-1", Cancel);
        Assert.True(await runs.Create(Some.Run(), Cancel));
        await queue.Wake(Some.Run(), cancel: Cancel);
    }

    private async Task PutAside(string reason) =>
        Assert.True(await bus.DeadLetter((await bus.Receive(Queue, TimeSpan.Zero, Cancel))!, reason, Cancel));
}
