using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Messaging;
using Serverless.Tests.Support;

namespace Serverless.Tests.Messaging;

/// <summary>Queues are shared by all workspaces; each sees the letters that name it, and admins those that name none.</summary>
public sealed class DeadLettersTests
{
    private readonly FakeTimeProvider time = new(DateTimeOffset.UnixEpoch);
    private readonly MemoryMessageBus bus;
    private readonly DeadLetters letters;

    public DeadLettersTests()
    {
        bus = new(time, TimeSpan.FromMinutes(1));

        // A body is "workspace run", or names nobody.
        letters = new("team", bus, ["cpu", "gpu"], message => message.Body.Split(' ') is [var workspace, var run] ? new(workspace, run) : null);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheLettersOfEveryQueue_AreListed_OldestFirst()
    {
        await bus.Subscribe("events", "platform", Cancel);
        foreach (var (queue, id) in ((string, string)[])[("runs-gpu", "a"), ("file-events", "b"), ("runs-cpu", "c"), ("runs-gpu", "d")])
        {
            await Die(queue, id, $"team run-{id}");
        }

        foreach (var subscription in (string[])["platform", "triggers", "notices"]) await Die($"events/{subscription}", subscription, "team r");
        var listed = (await letters.List(nobodys: false, Cancel)).Letters;
        Assert.Equal(["a", "b", "c", "d", "platform", "triggers", "notices"], listed.Select(letter => letter.Id));
        Assert.Equal(("runs-gpu", "died of a", "run-a", "team run-a", 1, DateTimeOffset.UnixEpoch.AddSeconds(1)),
            (listed[0].Queue, listed[0].Reason, listed[0].Run, listed[0].Body, listed[0].Deliveries, listed[0].At));
    }

    [Fact]
    public async Task AnotherWorkspacesLetters_AreNotShown_AndNobodysOnlyToAdmins()
    {
        await Die("runs-cpu", "ours", "team 1");
        await Die("runs-cpu", "theirs", "other 1");
        await Die("runs-cpu", "nobodys", "{}");
        Assert.Equal(["ours"], (await letters.List(nobodys: false, Cancel)).Letters.Select(letter => letter.Id));
        Assert.Equal(["ours", "nobodys"], (await letters.List(nobodys: true, Cancel)).Letters.Select(letter => letter.Id));
        Assert.False(await letters.Requeue("runs-cpu", "theirs", nobodys: true, Cancel));
        Assert.False(await letters.Requeue("runs-cpu", "nobodys", nobodys: false, Cancel));
        Assert.False(await letters.Requeue("runs-cpu", "none", nobodys: true, Cancel));
        Assert.False(await letters.Requeue("runs-tpu", "ours", nobodys: true, Cancel));
        Assert.Equal(0, await bus.Count("runs-cpu", Cancel));

        Assert.True(await letters.Requeue("runs-cpu", "ours", nobodys: false, Cancel));
        Assert.True(await letters.Requeue("runs-cpu", "nobodys", nobodys: true, Cancel));
        Assert.Equal(["ours", "nobodys"], bus.Peek("runs-cpu").Select(message => message.Id));
        Assert.Empty((await letters.List(nobodys: true, Cancel)).Letters);
    }

    private async Task Die(string queue, string id, string body)
    {
        time.Advance(TimeSpan.FromSeconds(1));
        await bus.Send(queue, new(id, body), cancel: Cancel);
        Assert.True(await bus.DeadLetter((await bus.Receive(queue, TimeSpan.Zero, Cancel))!, $"died of {id}", Cancel));
    }
}
