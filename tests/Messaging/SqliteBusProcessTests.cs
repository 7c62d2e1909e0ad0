using System.Globalization;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Tests.Support;

namespace Serverless.Tests.Messaging;

public sealed class SqliteBusProcessTests : IDisposable
{
    private static readonly TimeSpan LockLength = TimeSpan.FromMilliseconds(500);

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string BusFile => folder["bus.db"];

    [Fact]
    public async Task Processes_KilledAtAnyMoment_LoseNothingAcknowledged_AndRepeatNothingCompleted()
    {
        var random = new Random(20);
        var said = new List<string[]>();
        var senders = new List<BusChild> { Child("send", 0), Child("send", 1) };
        var workers = new List<BusChild> { Child("work", 2), Child("work", 3) };
        for (var i = 4; i < 24; i++)
        {
            // On a busy machine a process needs a while to begin; one that has not begun is not worth killing.
            var role = i % 2 == 0 ? (Name: "send", Children: senders) : (Name: "work", Children: workers);
            await role.Children[0].Begun.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Cancel);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200)), TimeProvider.System, Cancel);
            said.AddRange(await role.Children[0].Kill());
            role.Children.RemoveAt(0);
            role.Children.Add(Child(role.Name, i));
        }

        foreach (var sender in senders) said.AddRange(await sender.Kill());
        using (var bus = Bus())
        {
            var deadline = TimeProvider.System.GetTimestamp();
            while (await bus.Count("work", Cancel) is var left and > 0)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromSeconds(60), $"{left} messages were not handled");
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancel);
            }
        }

        foreach (var worker in workers) said.AddRange(await worker.Kill());
        var sent = said.Where(line => line[0] == "sent").Select(line => line[1]).ToHashSet();
        var lastDelivery = said.Where(line => line[0] == "got").GroupBy(line => line[1]).ToDictionary(got => got.Key, got => got.Max(Delivery));
        Assert.True(sent.Count >= 10, $"only {sent.Count} messages were sent");
        Assert.Empty(said.Where(line => line[0] == "unavailable").Select(line => line[1]));

        // A worker may be killed between taking a message and saying so; every other message was seen.
        var unseen = sent.Except(lastDelivery.Keys).ToList();
        Assert.True(unseen.Count <= 12, $"lost: {string.Join(' ', unseen)}");
        foreach (var done in said.Where(line => line[0] == "done"))
        {
            Assert.True(lastDelivery[done[1]] <= Delivery(done), $"{done[1]} came back after it was completed");
        }
    }

    [Fact]
    public async Task Receive_InAnotherProcess_IsPrompt()
    {
        using var bus = Bus();
        await using var echo = Child("echo", 0);
        await RoundTrip(bus, "first");
        var times = new List<TimeSpan>();
        for (var i = 0; i < 50; i++) times.Add(await RoundTrip(bus, $"m{i}"));
        var median = times.Order().ElementAt(times.Count / 2);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"there and back: median {median.TotalMilliseconds:0.00} ms, slowest {times.Max().TotalMilliseconds:0.00} ms");

        // The poll is once a second: this is the bell, with room for a busy machine.
        Assert.True(median < TimeSpan.FromMilliseconds(100), $"median {median}");
    }

    public void Dispose() => folder.Dispose();

    private static async Task<TimeSpan> RoundTrip(SqliteMessageBus bus, string id)
    {
        var begun = TimeProvider.System.GetTimestamp();
        await bus.Send("there", new(id, "{}"), cancel: Cancel);
        var back = await bus.Receive("back", TimeSpan.FromSeconds(30), Cancel);
        var took = TimeProvider.System.GetElapsedTime(begun);
        Assert.Equal(id, back?.Message.Id);
        await bus.Complete(back!, Cancel);
        return took;
    }

    private static int Delivery(string[] line) => int.Parse(line[2], CultureInfo.InvariantCulture);

    private SqliteMessageBus Bus() => new(BusFile, TimeProvider.System, new SystemIds(TimeProvider.System), new() { LockLength = LockLength });

    private BusChild Child(string role, int number) => BusChild.Start(role, $"{role}{number}", BusFile, LockLength);
}
