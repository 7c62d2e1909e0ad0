using System.Net;
using System.Net.Http.Json;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

public sealed class DeadLetterTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static readonly SystemIds Ids = new(TimeProvider.System);
    private static readonly string Queue = QueueNames.ForMachine("cpu");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Letters_AreShownToTheirOwnWorkspace_ThoseThatNameNoneToAdmins()
    {
        using var bus = Bus();
        var own = new RunWake(LocalWorkspaces.Default, "0123456789ABCDEFGHJKMNPQRS").ToMessage(1, Ids);
        var foreign = new RunWake("others", "0123456789ABCDEFGHJKMNPQRS").ToMessage(1, Ids);
        var nobodys = new Message("half a message/1", "{\"workspa");
        foreach (var message in (Message[])[own, foreign, nobodys]) await Kill(bus, message);

        var seen = await Letters(platform.Reader);
        var all = await Letters(platform.Admin);

        Assert.Contains(
            seen, letter => letter.Id == own.Id && letter is { Run: "0123456789ABCDEFGHJKMNPQRS", Reason: "no such run" } && letter.Queue == Queue);
        Assert.DoesNotContain(seen, letter => letter.Id == nobodys.Id);
        Assert.Contains(all, letter => letter.Id == nobodys.Id && letter is { Run: null, Body: "{\"workspa" });
        Assert.DoesNotContain(seen.Concat(all), letter => letter.Id == foreign.Id);
        Assert.Equal(HttpStatusCode.NotFound, await Requeue(platform.Admin, foreign.Id));
    }

    [Fact]
    public async Task Requeue_PutsTheLetterIntoItsQueueAgain()
    {
        using var bus = Bus();
        var letter = new RunWake(LocalWorkspaces.Default, "00000000000000000000000000").ToMessage(1, Ids);
        await Kill(bus, letter);

        Assert.Equal(HttpStatusCode.Forbidden, await Requeue(platform.Writer, letter.Id));
        Assert.Equal(HttpStatusCode.NoContent, await Requeue(platform.Admin, letter.Id));

        Assert.DoesNotContain(await Letters(platform.Admin), left => left.Id == letter.Id);
        var again = await bus.Receive(Queue, TimeSpan.FromSeconds(5), Cancel);
        Assert.Equal(letter.Body, again?.Message.Body);
        await bus.Complete(again!, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, await Requeue(platform.Admin, letter.Id));
    }

    [Fact]
    public async Task Requeue_OfAnIdWithASlash_AndOfAQueueThatIsNone()
    {
        using var bus = Bus();
        await Kill(bus, new("a/b", "not JSON"));

        Assert.Equal(HttpStatusCode.NotFound, await Requeue(platform.Admin, "a/b", QueueNames.Subscription(QueueNames.Events, QueueNames.Platform)));
        Assert.Equal(HttpStatusCode.NotFound, await Requeue(platform.Admin, "a/b", "no queue!"));
        Assert.Equal(HttpStatusCode.NoContent, await Requeue(platform.Admin, "a/b"));
        Assert.True(await bus.Complete((await bus.Receive(Queue, TimeSpan.FromSeconds(5), Cancel))!, Cancel));
    }

    [Fact]
    public async Task AnEventThatADamagedTriggerMightActOn_IsPutAsideAtItsFirstTry_AndTheDamageIsSaidOnce()
    {
        var key = WorkspacePaths.Trigger("broken");
        await platform.Store.Put(key, "{"u8, cancel: Cancel);
        string[] runs = [await platform.Submit("first"), await platform.Submit("second")];
        foreach (var run in runs)
        {
            using (await platform.Writer.PostAsync($"api/runs/{run}/cancel", null, Cancel)) { }
        }

        var queue = QueueNames.Subscription(QueueNames.Events, QueueNames.Triggers);
        await Eventually.True(
            async () => (await Letters(platform.Admin)).Count(letter => letter.Queue == queue) == 2, TimeSpan.FromMinutes(1), () => "two letters");
        var letters = (await Letters(platform.Admin)).Where(letter => letter.Queue == queue).ToList();
        Assert.All(letters, letter => Assert.Equal((1, $"{key} is damaged: it is not JSON (line 1, byte 2)"), (letter.Deliveries, letter.Reason)));
        lock (platform.Log) Assert.Single(platform.Log,
            line => line.Contains($"{key} is damaged", StringComparison.Ordinal) && line.Contains("exp doctor", StringComparison.Ordinal));

        await platform.Store.Delete(key, cancel: Cancel);
        foreach (var letter in letters) Assert.Equal(HttpStatusCode.NoContent, await Requeue(platform.Admin, letter.Id, queue));
        await Eventually.True(
            async () => (await Letters(platform.Admin)).All(letter => letter.Queue != queue), TimeSpan.FromMinutes(1), () => "no letter");
    }

    private SqliteMessageBus Bus() => new(Path.Combine(platform.Folder, "bus", "bus.db"), TimeProvider.System, Ids);

    private static async Task Kill(SqliteMessageBus bus, Message message)
    {
        await bus.Send(Queue, message, cancel: Cancel);
        var received = await bus.Receive(Queue, TimeSpan.FromSeconds(5), Cancel);
        Assert.Equal(message.Id, received?.Message.Id);
        Assert.True(await bus.DeadLetter(received!, "no such run", Cancel));
    }

    private static async Task<IReadOnlyList<DeadLetterInfo>> Letters(HttpClient client) =>
        (await client.GetFromJsonAsync<DeadLetterList>("api/dead-letters", CoreJson.Options, Cancel))!.Letters;

    private static async Task<HttpStatusCode> Requeue(HttpClient client, string id, string? queue = null)
    {
        using var answer = await client.PostAsync(
            $"api/dead-letters/{Uri.EscapeDataString(queue ?? Queue)}/{Uri.EscapeDataString(id)}/requeue", null, Cancel);
        return answer.StatusCode;
    }
}
