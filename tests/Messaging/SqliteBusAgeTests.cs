using Microsoft.Data.Sqlite;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Tests.Support;

namespace Serverless.Tests.Messaging;

/// <summary>
/// What happens to a bus that is in use for long: its file is deleted, replaced or damaged, the clock is set, the machine is started again.
/// </summary>
public sealed class SqliteBusAgeTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan LockLength = new SqliteBusOptions().LockLength;

    private readonly TemporaryFolder folder = new();
    private readonly SettableClock time = new(Noon);
    private readonly List<SqliteMessageBus> opened = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string BusFolder => folder["bus"];

    private string BusFile => Path.Combine(BusFolder, "bus.db");

    [Fact]
    public async Task Deleted_WhileProcessesUseIt_BothGoOnWithTheNewOne()
    {
        var (platform, worker) = (Open(), Open());
        await platform.Send("runs-cpu", new("before", "{}"), cancel: Cancel);
        await worker.Count("runs-cpu", Cancel);
        TemporaryFolder.Delete(BusFolder);
        var replaced = Open();
        await replaced.Send("runs-cpu", new("new", "{}"), cancel: Cancel);
        await platform.Send("runs-cpu", new("old", "{}"), cancel: Cancel);
        await worker.Send("runs-cpu", new("older", "{}"), cancel: Cancel);
        foreach (var bus in opened) Assert.Equal(3, await bus.Count("runs-cpu", Cancel));

        // Nor does a process that ends take anything of the new one with it.
        platform.Dispose();
        worker.Dispose();
        Assert.Equal(["new", "old", "older"], await All(replaced, "runs-cpu"));
    }

    [Fact]
    public async Task Deleted_KeepsItsSubscriptions_WhoeverNoticesFirst()
    {
        var (platform, worker) = (Open(), Open());
        await platform.Subscribe("events", "platform", Cancel);
        await worker.Count("runs-cpu", Cancel);
        TemporaryFolder.Delete(BusFolder);
        await worker.Publish("events", new("ended", "{}"), Cancel);
        Assert.Equal(["ended"], await All(platform, "events/platform"));
    }

    [Fact]
    public async Task Deleted_WhileAReceiverWaits_WakesItWithWhatIsSentToTheNewOne()
    {
        var (platform, worker) = (Open(), Open());
        var waiting = Receives();
        foreach (var bus in opened) await bus.Count("runs-cpu", Cancel);
        TemporaryFolder.Delete(BusFolder);

        // The one that waits may just be making the new file in the folder that goes: then nothing is known, and either of them tries again.
        await Eventually.True(async () =>
        {
            try
            {
                await platform.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
                return true;
            }
            catch (BusUnavailableException)
            {
                return false;
            }
        }, TimeSpan.FromSeconds(30), () => "there is a new file");
        await Eventually.True(() =>
        {
            time.Advance(new SqliteBusOptions().Poll);
            return waiting.IsCompleted;
        }, TimeSpan.FromSeconds(30), () => "the receiver notices the new file");
        Assert.Equal("one", (await waiting)?.Message.Id);

        async Task<ReceivedMessage?> Receives()
        {
            while (true)
            {
                try
                {
                    return await worker.Receive("runs-cpu", TimeSpan.FromHours(1), Cancel);
                }
                catch (BusUnavailableException)
                {
                    // As every receiver does.
                }
            }
        }
    }

    [Fact]
    public async Task Began_SaysSinceWhenTheFileIsInItsPlace()
    {
        var bus = Open();
        Assert.Equal(Noon, await bus.Began(Cancel));
        await bus.Send("runs-cpu", new("kept", "{}"), cancel: Cancel);
        bus.Dispose();
        File.Copy(BusFile, folder["copy"]);

        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(Noon, await Open().Began(Cancel));
        opened.ForEach(one => one.Dispose());

        // A copy is another file, and nobody knows what was sent after it was made.
        File.Delete(BusFile);
        File.Move(folder["copy"], BusFile);
        var restored = Open();
        Assert.Equal(Noon + TimeSpan.FromHours(1), await restored.Began(Cancel));
        Assert.Equal(1, await restored.Count("runs-cpu", Cancel));

        TemporaryFolder.Delete(BusFolder);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(Noon + TimeSpan.FromHours(2), await restored.Began(Cancel));
    }

    [Fact]
    public async Task TheFolderAboveItGone_IsSaid_AndNothingIsMadeInItsPlace()
    {
        var platform = folder["platform"];
        Directory.CreateDirectory(platform);
        var bus = Open(Path.Combine(platform, "bus", "bus.db"));
        await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Directory.Move(platform, folder["renamed"]);
        var gone = await Assert.ThrowsAsync<BusUnavailableException>(() => bus.Send("runs-cpu", new("two", "{}"), cancel: Cancel));
        Assert.Contains("gone", gone.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(platform));
        Directory.Move(folder["renamed"], platform);
        Assert.Equal(1, await bus.Count("runs-cpu", Cancel));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(5000)]
    public async Task CutOff_NothingHangs_AndItWorksAgainWithoutARestart(int length)
    {
        var bus = Open();
        for (var i = 0; i < 200; i++) await bus.Send("runs-cpu", new($"m{i}", new string('x', 200)), cancel: Cancel);
        bus.Dispose();
        bus = Open();
        using (var file = File.OpenWrite(BusFile)) file.SetLength(length);
        try
        {
            await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        }
        catch (BusUnavailableException e)
        {
            Assert.Contains(BusFolder, e.Message, StringComparison.Ordinal);
            TemporaryFolder.Delete(BusFolder);
            await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        }

        Assert.Contains("one", await All(bus, "runs-cpu"));
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(2)]
    [InlineData(24 * 365)]
    public async Task ClockSet_DelaysAndLocksTakeTheirTime_NeitherMoreNorLess(int hours)
    {
        var bus = Open();
        await bus.Send("runs-cpu", new("locked", "{}"), cancel: Cancel);
        await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel);
        await bus.Send("runs-cpu", new("delayed", "{}"), LockLength, Cancel);
        time.Set(TimeSpan.FromHours(hours));
        Assert.Null(await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel));
        time.Advance(LockLength);
        Assert.Equal(["locked", "delayed"], await All(Open(), "runs-cpu"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(60 * 60 * 24 * 30)]
    public async Task MachineStartedAgain_DelaysOfBeforeAreNotWaitedForLonger(int uptimeSeconds)
    {
        var bus = Open();
        await bus.Send("runs-cpu", new("delayed", "{}"), TimeSpan.FromMinutes(1), Cancel);
        bus.Dispose();
        var afterwards = new SettableClock(Noon, TimeSpan.FromSeconds(uptimeSeconds));
        using var again = new SqliteMessageBus(BusFile, afterwards, new SystemIds(afterwards));
        afterwards.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(["delayed"], await All(again, "runs-cpu"));
    }

    /// <summary>Nobody who had a lock lives, and what was sent is not remembered: an id means nothing after a restart.</summary>
    [Fact]
    public async Task MachineStartedAgain_LocksAreOver_AndIdsMayBeSentAgain()
    {
        var bus = Open();
        await bus.Send("runs-cpu", new("locked", "{}"), cancel: Cancel);
        await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel);
        bus.Dispose();
        var afterwards = new SettableClock(Noon, TimeSpan.FromSeconds(1));
        using var again = new SqliteMessageBus(BusFile, afterwards, new SystemIds(afterwards));
        Assert.Equal(["locked"], await All(again, "runs-cpu"));
        await again.Send("runs-cpu", new("locked", "{}"), cancel: Cancel);
        Assert.Equal(["locked"], await All(again, "runs-cpu"));
        Assert.Equal(Noon, await again.Began(Cancel));
    }

    [Fact]
    public async Task Redelivered_ComesBeforeWhatWasSentAfterIt()
    {
        var bus = Open();
        await bus.Send("runs-cpu", new("lost", "{}", Noon), cancel: Cancel);
        Assert.Equal("lost", (await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel))?.Message.Id);
        for (var i = 0; i < 1000; i++) await bus.Send("runs-cpu", new($"m{i}", "{}", Noon.AddSeconds(i)), cancel: Cancel);
        time.Advance(LockLength);
        Assert.Equal("lost", (await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel))?.Message.Id);
    }

    [Fact]
    public async Task SentAgain_ComesBeforeWhatWaitsForLessLong()
    {
        var bus = Open();
        for (var i = 1; i <= 1000; i++) await bus.Send("runs-cpu", new($"m{i}", "{}", Noon.AddSeconds(i)), cancel: Cancel);
        await bus.Send("runs-cpu", new("lost", "{}", Noon), cancel: Cancel);
        Assert.Equal("lost", (await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel))?.Message.Id);
    }

    [Fact]
    public async Task GivenBack_ComesBehindWhatIsReady()
    {
        var bus = Open();
        foreach (var id in (string[])["poison", "one", "two"]) await bus.Send("runs-cpu", new(id, "{}", Noon), cancel: Cancel);
        await bus.Abandon((await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel))!, Cancel);
        Assert.Equal(["one", "two", "poison"], await All(bus, "runs-cpu"));
    }

    [Fact]
    public async Task OfAnEarlierVersion_KeepsItsMessages()
    {
        Directory.CreateDirectory(BusFolder);
        await using (var old = new SqliteConnection($"Data Source={BusFile};Pooling=False"))
        {
            await old.OpenAsync(Cancel);
            await using var make = old.CreateCommand();
            make.CommandText = """
                CREATE TABLE messages (
                    number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
                    due INTEGER NOT NULL, lock TEXT, deliveries INTEGER NOT NULL);
                CREATE INDEX messages_next ON messages (queue, due);
                CREATE TABLE dead_letters (
                    number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
                    reason TEXT NOT NULL, at INTEGER NOT NULL, deliveries INTEGER NOT NULL);
                CREATE INDEX dead_letters_queue ON dead_letters (queue);
                CREATE TABLE subscriptions (topic TEXT NOT NULL, subscription TEXT NOT NULL, PRIMARY KEY (topic, subscription)) WITHOUT ROWID;
                CREATE TABLE sent (queue TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
                CREATE INDEX sent_at ON sent (at);
                INSERT INTO messages (queue, id, body, due, deliveries) VALUES ('runs-cpu', 'old', '{}', 638000000000000000, 0);
                INSERT INTO subscriptions VALUES ('events', 'platform');
                PRAGMA user_version=1;
                """;
            await make.ExecuteNonQueryAsync(Cancel);
        }

        var bus = Open();
        Assert.Equal(["old"], await All(bus, "runs-cpu"));
        await bus.Publish("events", new("ended", "{}"), Cancel);
        Assert.Equal(["ended"], await All(bus, "events/platform"));
    }

    public void Dispose()
    {
        opened.ForEach(bus => bus.Dispose());
        folder.Dispose();
    }

    private static async Task<List<string>> All(SqliteMessageBus bus, string queue)
    {
        List<string> all = [];
        while (await bus.Receive(queue, TimeSpan.Zero, Cancel) is { } message)
        {
            all.Add(message.Message.Id);
            await bus.Complete(message, Cancel);
        }

        return all;
    }

    private SqliteMessageBus Open(string? file = null)
    {
        var bus = new SqliteMessageBus(file ?? BusFile, time, new SystemIds(time));
        opened.Add(bus);
        return bus;
    }
}
