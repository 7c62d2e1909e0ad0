using Serverless.Core.Messaging;

namespace Serverless.Tests.Messaging;

/// <summary>What <see cref="IMessageBus"/> promises, whatever is behind it. An adapter's test class derives from this.</summary>
public abstract class MessageBusContract
{
    /// <summary>Longer than any adapter needs to hand over a message that is there; nobody waits this long in a passing test.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    protected abstract IMessageBus Bus { get; }

    /// <summary>The adapter's lock length.</summary>
    protected abstract TimeSpan LockLength { get; }

    protected abstract TimeSpan DuplicateWindow { get; }

    /// <summary>Lets time pass on the bus' clock.</summary>
    protected abstract Task Pass(TimeSpan time);

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string Queue => "runs-cpu";

    [Fact]
    public async Task Send_ThenReceive_GivesTheMessage()
    {
        await Bus.Send(Queue, new("one", """{"run":"Ω 1"}"""), cancel: Cancel);
        var received = await Bus.Receive(Queue, Patience, Cancel);
        Assert.NotNull(received);
        Assert.Equal(new Message("one", """{"run":"Ω 1"}"""), received.Message);
        Assert.Equal((Queue, 1), (received.Queue, received.DeliveryCount));
    }

    [Fact]
    public async Task Receive_OnAnEmptyQueue_IsNullAfterTheWait()
    {
        Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
        var waiting = Bus.Receive(Queue, TimeSpan.FromSeconds(5), Cancel);
        await PassUntil(waiting, TimeSpan.FromSeconds(1));
        Assert.Null(await waiting);
    }

    [Fact]
    public async Task Receive_ThatWaits_IsWokenByASend()
    {
        var waiting = Bus.Receive(Queue, Patience, Cancel);
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        Assert.Equal("one", (await waiting)?.Message.Id);
    }

    [Fact]
    public async Task Receive_ThatWaits_IsWokenWhenADelayedMessageFallsDue()
    {
        await Bus.Send(Queue, new("later", "{}"), TimeSpan.FromSeconds(20), Cancel);
        Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
        var waiting = Bus.Receive(Queue, TimeSpan.FromMinutes(5), Cancel);
        Assert.False(waiting.IsCompleted);
        await PassUntil(waiting, TimeSpan.FromSeconds(5));
        Assert.Equal("later", (await waiting)?.Message.Id);
    }

    [Fact]
    public async Task Receive_ThatWaits_IsWokenWhenALockEnds()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        await Received();
        var waiting = Bus.Receive(Queue, LockLength * 10, Cancel);
        await PassUntil(waiting, LockLength / 2);
        Assert.Equal(2, (await waiting)?.DeliveryCount);
    }

    [Fact]
    public async Task Receive_Cancelled_EndsWithoutTakingAMessage()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var waiting = Bus.Receive(Queue, Patience, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        Assert.Equal(1, (await Received()).DeliveryCount);
    }

    [Fact]
    public async Task Receive_GoesRoughlyInTheOrderOfSending()
    {
        var ids = Enumerable.Range(0, 20).Select(i => $"m{i}").ToList();
        foreach (var id in ids) await Bus.Send(Queue, new(id, "{}"), cancel: Cancel);
        var received = new List<string>();
        foreach (var _ in ids) received.Add((await Received()).Message.Id);
        Assert.Equal(ids.Order(), received.Order());
        Assert.True(received.IndexOf("m0") < received.IndexOf("m19"), string.Join(' ', received));
    }

    [Fact]
    public async Task Receive_ByManyAtOnce_GivesEachMessageToOneOfThem()
    {
        for (var i = 0; i < 50; i++) await Bus.Send(Queue, new($"m{i}", "{}"), cancel: Cancel);
        var received = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Bus.Receive(Queue, TimeSpan.Zero, Cancel)));
        var ids = received.OfType<ReceivedMessage>().Select(message => message.Message.Id).ToList();
        Assert.Equal(50, ids.Distinct().Count());
        Assert.Equal(50, ids.Count);
    }

    [Fact]
    public async Task Queues_DoNotMix()
    {
        await Bus.Send("runs-gpu", new("gpu", "{}"), cancel: Cancel);
        await Bus.Send(Queue, new("cpu", "{}"), cancel: Cancel);
        Assert.Equal("cpu", (await Received()).Message.Id);
        Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
        Assert.Equal("gpu", (await Bus.Receive("runs-gpu", Patience, Cancel))?.Message.Id);
    }

    [Fact]
    public async Task Locked_IsInvisibleUntilTheLockEnds()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        await Received();
        await Pass(LockLength / 2);
        Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
        await Pass(LockLength);
        var again = await Received();
        Assert.Equal(("one", 2), (again.Message.Id, again.DeliveryCount));
    }

    [Fact]
    public async Task Renew_KeepsTheMessageInvisible()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        var received = await Received();
        for (var i = 0; i < 4; i++)
        {
            await Pass(LockLength * 0.6);
            Assert.True(await Bus.Renew(received, Cancel));
            Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
        }

        Assert.True(await Bus.Complete(received, Cancel));
    }

    [Fact]
    public async Task Complete_RemovesTheMessage()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        var received = await Received();
        Assert.True(await Bus.Complete(received, Cancel));
        Assert.False(await Bus.Complete(received, Cancel));
        await Pass(LockLength * 2);
        Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
        Assert.Equal(0, await Bus.Count(Queue, Cancel));
    }

    [Fact]
    public async Task Abandon_GivesTheMessageBackAtOnce()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        var received = await Received();
        var waiting = Bus.Receive(Queue, Patience, Cancel);
        Assert.True(await Bus.Abandon(received, Cancel));
        Assert.Equal(2, (await waiting)?.DeliveryCount);
        Assert.False(await Bus.Abandon(received, Cancel));
    }

    public enum Settlement
    {
        Renew,
        Complete,
        Abandon,
        DeadLetter,
    }

    [Theory]
    [InlineData(Settlement.Renew)]
    [InlineData(Settlement.Complete)]
    [InlineData(Settlement.Abandon)]
    [InlineData(Settlement.DeadLetter)]
    public async Task Settling_AfterTheLockEnded_IsRefused(Settlement settlement)
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        var late = await Received();
        await Pass(LockLength * 1.5);
        Assert.False(await Settle(settlement, late));

        // And when somebody else has it by now, it stays theirs.
        var theirs = await Received();
        Assert.False(await Settle(settlement, late));
        Assert.True(await Bus.Complete(theirs, Cancel));
        Assert.Empty(await Bus.DeadLetters(Queue, cancel: Cancel));
    }

    [Fact]
    public async Task Send_TwiceWithOneId_DeliversOnce_EvenAfterCompletion()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        Assert.Equal(1, await Bus.Count(Queue, Cancel));
        await Bus.Complete(await Received(), Cancel);
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
    }

    [Fact]
    public async Task Send_WithAnIdOfBeforeTheDuplicateWindow_DeliversAgain()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        await Bus.Complete(await Received(), Cancel);
        await Pass(DuplicateWindow * 1.1);
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        Assert.Equal("one", (await Received()).Message.Id);
    }

    [Fact]
    public async Task Send_WithOneIdToTwoQueues_DeliversToBoth()
    {
        await Bus.Send(Queue, new("one", "{}"), cancel: Cancel);
        await Bus.Send("runs-gpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal(1, await Bus.Count(Queue, Cancel));
        Assert.Equal(1, await Bus.Count("runs-gpu", Cancel));
    }

    [Fact]
    public async Task Count_IncludesReadyLockedAndDelayed_AndNotDeadLetters()
    {
        await Bus.Send(Queue, new("dead", "{}"), cancel: Cancel);
        await Bus.DeadLetter(await Received(), "no such run", Cancel);
        await Bus.Send(Queue, new("locked", "{}"), cancel: Cancel);
        await Received();
        await Bus.Send(Queue, new("ready", "{}"), cancel: Cancel);
        await Bus.Send(Queue, new("delayed", "{}"), TimeSpan.FromHours(1), Cancel);
        Assert.Equal(3, await Bus.Count(Queue, Cancel));
        Assert.Equal(0, await Bus.Count("never-named", Cancel));
    }

    [Fact]
    public async Task DeadLetter_PutsAside_AndRequeueBringsBack()
    {
        foreach (var id in (string[])["first", "second"])
        {
            await Bus.Send(Queue, new(id, $$"""{"id":"{{id}}"}"""), cancel: Cancel);
            Assert.True(await Bus.DeadLetter(await Received(), $"{id} is not JSON", Cancel));
        }

        await Pass(LockLength * 2);
        Assert.Null(await Bus.Receive(Queue, TimeSpan.Zero, Cancel));
        var letters = await Bus.DeadLetters(Queue, cancel: Cancel);
        Assert.Equal(["first is not JSON", "second is not JSON"], letters.Select(letter => letter.Reason));
        Assert.Equal(new Message("first", """{"id":"first"}"""), letters[0].Message);
        Assert.Equal((Queue, 1), (letters[0].Queue, letters[0].DeliveryCount));
        Assert.Single(await Bus.DeadLetters(Queue, limit: 1, Cancel));
        Assert.Empty(await Bus.DeadLetters("runs-gpu", cancel: Cancel));

        Assert.False(await Bus.Requeue(Queue, "third", Cancel));
        Assert.True(await Bus.Requeue(Queue, "second", Cancel));
        Assert.False(await Bus.Requeue(Queue, "second", Cancel));
        var again = (await Received()).Message;
        Assert.Equal("""{"id":"second"}""", again.Body);
        Assert.StartsWith("second", again.Id, StringComparison.Ordinal);
        Assert.Equal(["first"], (await Bus.DeadLetters(Queue, cancel: Cancel)).Select(letter => letter.Message.Id));
    }

    [Fact]
    public async Task Requeue_OfASubscription_ReachesNoOtherOne()
    {
        await Bus.Subscribe(QueueNames.Events, "reports", Cancel);
        await Bus.Subscribe(QueueNames.Events, "triggers", Cancel);
        var (reports, triggers) = (QueueNames.Subscription(QueueNames.Events, "reports"), QueueNames.Subscription(QueueNames.Events, "triggers"));
        await Bus.Publish(QueueNames.Events, new("ended", """{"run":1}"""), Cancel);
        Assert.True(await Bus.Complete((await Bus.Receive(triggers, Patience, Cancel))!, Cancel));
        Assert.True(await Bus.DeadLetter((await Bus.Receive(reports, Patience, Cancel))!, "no report for it", Cancel));

        Assert.True(await Bus.Requeue(reports, "ended", Cancel));

        var again = await Bus.Receive(reports, Patience, Cancel);
        Assert.Equal("""{"run":1}""", again?.Message.Body);
        Assert.StartsWith("ended", again?.Message.Id, StringComparison.Ordinal);
        Assert.True(await Bus.Complete(again!, Cancel));
        Assert.Null(await Bus.Receive(triggers, TimeSpan.Zero, Cancel));
        Assert.Empty(await Bus.DeadLetters(reports, cancel: Cancel));
    }

    [Fact]
    public async Task Publish_CopiesToEverySubscription()
    {
        await Bus.Publish(QueueNames.Events, new("before anybody listened", "{}"), Cancel);
        await Bus.Subscribe(QueueNames.Events, "reports", Cancel);
        await Bus.Subscribe(QueueNames.Events, "reports", Cancel);
        await Bus.Subscribe(QueueNames.Events, "triggers", Cancel);
        await Bus.Publish(QueueNames.Events, new("ended", "{}"), Cancel);
        await Bus.Publish(QueueNames.Events, new("ended", "{}"), Cancel);

        var reports = QueueNames.Subscription(QueueNames.Events, "reports");
        var received = await Bus.Receive(reports, Patience, Cancel);
        Assert.Equal("ended", received?.Message.Id);
        Assert.True(await Bus.Complete(received!, Cancel));
        Assert.Null(await Bus.Receive(reports, TimeSpan.Zero, Cancel));
        Assert.Equal("ended", (await Bus.Receive(QueueNames.Subscription(QueueNames.Events, "triggers"), Patience, Cancel))?.Message.Id);
    }

    [Fact]
    public async Task Send_OfWhatNoBusTakes_IsAFaultOfTheCaller()
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(() => Bus.Send(Queue, new("big", new('x', 64 * 1024 + 1)), cancel: Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => Bus.Send(Queue, new("", "{}"), cancel: Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => Bus.Send("no spaces", new("one", "{}"), cancel: Cancel));
        await Bus.Send(Queue, new("just right", new('x', 64 * 1024)), cancel: Cancel);
        Assert.Equal(64 * 1024, (await Received()).Message.Body.Length);
    }

    private async Task<ReceivedMessage> Received() =>
        await Bus.Receive(Queue, TimeSpan.Zero, Cancel) ?? throw new InvalidOperationException("there is no message to receive");

    private Task<bool> Settle(Settlement settlement, ReceivedMessage message) => settlement switch
    {
        Settlement.Renew => Bus.Renew(message, Cancel),
        Settlement.Complete => Bus.Complete(message, Cancel),
        Settlement.Abandon => Bus.Abandon(message, Cancel),
        Settlement.DeadLetter => Bus.DeadLetter(message, "too late", Cancel),
    };

    private async Task PassUntil(Task waiting, TimeSpan step)
    {
        for (var i = 0; i < 1000 && !waiting.IsCompleted; i++)
        {
            await Pass(step);
            await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel));
        }

        Assert.True(waiting.IsCompleted, "nothing woke the receiver");
    }
}
