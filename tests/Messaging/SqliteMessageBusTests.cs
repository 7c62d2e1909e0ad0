using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Tests.Support;

namespace Serverless.Tests.Messaging;

public sealed class SqliteMessageBusTests : MessageBusContract, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FakeTimeProvider time = new();
    private readonly SqliteMessageBus bus;

    public SqliteMessageBusTests() => bus = Open();

    protected override IMessageBus Bus => bus;
    protected override TimeSpan LockLength => new SqliteBusOptions().LockLength;
    protected override TimeSpan DuplicateWindow => new SqliteBusOptions().DuplicateWindow;

    private string BusFile => Path.Combine(folder["bus"], "bus.db");

    [Fact]
    public async Task Reopened_HasWhatWasSent()
    {
        await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        await bus.Subscribe("events", "reports", Cancel);
        bus.Dispose();
        using var again = Open();
        Assert.Equal("one", (await again.Receive("runs-cpu", TimeSpan.Zero, Cancel))?.Message.Id);
        await again.Publish("events", new("ended", "{}"), Cancel);
        Assert.Equal(1, await again.Count("events/reports", Cancel));
    }

    [Fact]
    public async Task Receive_ThatWaits_IsWokenByASendThroughAnotherConnection()
    {
        // The clock stands still, so no poll can find the message: only the bell.
        using var sender = Open();
        await sender.Count("runs-cpu", Cancel);
        var waiting = await Waiting(bus);
        await sender.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal("one", (await waiting.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Cancel))?.Message.Id);
    }

    [Fact]
    public async Task Damaged_SaysWhatToDo()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(BusFile)!);
        await File.WriteAllTextAsync(BusFile, new string('x', 8192), Cancel);
        var e = await Assert.ThrowsAsync<BusUnavailableException>(() => bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel));
        Assert.Contains("delete", e.Message, StringComparison.Ordinal);

        // And the bus works again once that was done, without a restart.
        TemporaryFolder.Delete(Path.GetDirectoryName(BusFile)!);
        await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal(1, await bus.Count("runs-cpu", Cancel));
    }

    [Fact]
    public async Task Unreachable_IsBusUnavailable()
    {
        using var nowhere = new SqliteMessageBus("/dev/null/bus/bus.db", time, new SystemIds(time));
        await Assert.ThrowsAsync<BusUnavailableException>(() => nowhere.Send("runs-cpu", new("one", "{}"), cancel: Cancel));
        await Assert.ThrowsAsync<BusUnavailableException>(() => nowhere.Receive("runs-cpu", TimeSpan.Zero, Cancel));
    }

    [Fact]
    public async Task Closed_EndsWaitingReceivers()
    {
        var waiting = bus.Receive("runs-cpu", TimeSpan.FromMinutes(1), Cancel);
        bus.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel));
    }

    [Fact]
    public async Task Names_OfWhateverIsAsked_AreChecked()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Send("a/b", new("one", "{}"), cancel: Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Receive("a/b/c", TimeSpan.Zero, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.DeadLetters("no spaces", cancel: Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Requeue("no spaces", "one", Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Count("no spaces", Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Publish("a/b", new("one", "{}"), Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Publish("events", new("", "{}"), Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Subscribe("no spaces", "reports", Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => bus.Subscribe("events", "a/b", Cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => bus.Send("runs-cpu", new("one", "{}"), TimeSpan.FromTicks(-1), Cancel));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("one.two")]
    [InlineData("-1.two")]
    public async Task ALockThatIsNone_HoldsNothing(string @lock)
    {
        await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        var received = (await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel))!;
        Assert.False(await bus.Complete(received with { Lock = @lock }, Cancel));
        Assert.True(await bus.Complete(received, Cancel));
    }

    [Fact]
    public async Task AReceivedMessage_IsLockedForTheLengthOfALock()
    {
        await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal(time.GetUtcNow() + LockLength, (await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel))!.LockedUntil);
    }

    /// <summary>A sender may die between its commit and the bell.</summary>
    [Fact]
    public async Task AMessageThatNoBellRangFor_IsFoundAtTheNextPoll()
    {
        var waiting = await Waiting(bus);
        Insert("quiet", due: 0);
        await PassUntilDone(waiting, new SqliteBusOptions().Poll);
        Assert.Equal("quiet", (await waiting)?.Message.Id);
    }

    [Fact]
    public async Task AReceiver_WaitsNoLongerThanItWasTold_NorThanTheNextMessageNeeds()
    {
        using var patient = new SqliteMessageBus(BusFile, time, new SystemIds(time), new() { Poll = TimeSpan.FromDays(1) });
        var waiting = patient.Receive("runs-cpu", TimeSpan.FromMilliseconds(500), Cancel);
        await PassUntilDone(waiting, TimeSpan.FromMilliseconds(50), most: 20);
        Assert.Null(await waiting);
        await patient.Send("runs-cpu", new("later", "{}"), TimeSpan.FromMilliseconds(300), Cancel);
        waiting = patient.Receive("runs-cpu", TimeSpan.FromHours(10), Cancel);
        await PassUntilDone(waiting, TimeSpan.FromMilliseconds(50), most: 20);
        Assert.Equal("later", (await waiting)?.Message.Id);
    }

    /// <summary>No watches are left, or somebody put a file there: the processes poll, and one process still hears itself.</summary>
    [Fact]
    public async Task WithoutABell_ReceiversOfTheSameProcessAreWokenAllTheSame()
    {
        await bus.Count("runs-cpu", Cancel);
        var bell = Path.Combine(folder["bus"], "bell");
        if (Directory.Exists(bell)) TemporaryFolder.Delete(bell);
        await File.WriteAllTextAsync(bell, "", Cancel);
        using var deaf = Open();
        await deaf.Count("runs-cpu", Cancel);
        var waiting = await Waiting(deaf);
        await deaf.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal("one", (await waiting.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Cancel))?.Message.Id);
    }

    [Fact]
    public async Task MadeAnew_TheBellRingsInTheNewFolder()
    {
        using var sender = Open();
        await sender.Send("runs-cpu", new("before", "{}"), cancel: Cancel);
        await bus.Complete((await bus.Receive("runs-cpu", TimeSpan.Zero, Cancel))!, Cancel);
        TemporaryFolder.Delete(folder["bus"]);
        await bus.Count("runs-cpu", Cancel);
        await sender.Count("runs-cpu", Cancel);
        var waiting = await Waiting(bus);
        await sender.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal("one", (await waiting.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Cancel))?.Message.Id);
    }

    /// <summary>Rung by a message of another queue, or by nothing, a receiver goes on waiting, and does not look all the time.</summary>
    [Fact]
    public async Task AReceiver_ThatWaits_LooksOnlyWhenThereIsSomethingToSee()
    {
        var counted = new CountedTime();
        using var waits = new SqliteMessageBus(BusFile, counted, new SystemIds(counted), new() { Poll = TimeSpan.FromHours(1) });
        var waiting = await Waiting(waits);
        using var sender = new SqliteMessageBus(BusFile, TimeProvider.System, new SystemIds(TimeProvider.System));
        var before = counted.Looks;
        for (var i = 0; i < 20; i++) await sender.Send("other", new($"m{i}", "{}"), cancel: Cancel);
        Assert.InRange(counted.Looks - before, 0, 10);
        await sender.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal("one", (await waiting.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Cancel))?.Message.Id);
    }

    [Fact]
    public async Task ManyReceivers_OfOneQueueAndOfOthers_AreEachWokenByTheirOwn()
    {
        using var sender = Open();
        await sender.Count("runs-cpu", Cancel);
        var queues = Enumerable.Range(0, 8).Select(i => $"q{i}").ToList();
        var waiting = queues.Select(queue => bus.Receive(queue, TimeSpan.FromMinutes(1), Cancel)).ToList();
        await bus.Count("runs-cpu", Cancel);
        for (var round = 0; round < 5; round++)
        {
            foreach (var queue in queues) await sender.Send(queue, new($"{queue}-{round}", "{}"), cancel: Cancel);
            for (var i = 0; i < queues.Count; i++)
            {
                var message = await waiting[i].WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Cancel);
                Assert.Equal($"{queues[i]}-{round}", message?.Message.Id);
                Assert.True(await bus.Complete(message!, Cancel));
                waiting[i] = bus.Receive(queues[i], TimeSpan.FromMinutes(1), Cancel);
            }

            await bus.Count("runs-cpu", Cancel);
        }

        bus.Dispose();
        foreach (var receiver in waiting) await Assert.ThrowsAsync<ObjectDisposedException>(() => receiver);
    }

    [Fact]
    public async Task IdsThatWereSent_AreForgottenAfterTheirTime()
    {
        for (var i = 0; i < 3; i++) await bus.Send("runs-cpu", new($"m{i}", "{}"), cancel: Cancel);
        Assert.Equal(3L, Scalar("SELECT count(*) FROM sent"));
        time.Advance(DuplicateWindow - TimeSpan.FromSeconds(1));
        await bus.Send("runs-cpu", new("late", "{}"), cancel: Cancel);
        Assert.Equal(4L, Scalar("SELECT count(*) FROM sent"));
        time.Advance(TimeSpan.FromSeconds(1));
        await bus.Send("runs-cpu", new("later", "{}"), cancel: Cancel);
        Assert.Equal(2L, Scalar("SELECT count(*) FROM sent"));
        Assert.Equal(time.GetElapsedTime(0).Ticks, Scalar("SELECT value FROM about WHERE name = 'uptime'"));
    }

    [Fact]
    public async Task KeptBusyByAnother_SaysSo_AndWorksOnceThatIsOver()
    {
        using var impatient = new SqliteMessageBus(BusFile, time, new SystemIds(time), new() { BusyTimeout = TimeSpan.FromMilliseconds(20) });
        await impatient.Count("runs-cpu", Cancel);
        using (var other = Connect())
        {
            Execute(other, "BEGIN IMMEDIATE");
            var busy = await Assert.ThrowsAsync<BusUnavailableException>(() => impatient.Send("runs-cpu", new("one", "{}"), cancel: Cancel));
            Assert.Equal($"other processes kept {BusFile} busy for 0 s; try again", busy.Message);
            Assert.Equal(0, await impatient.Count("runs-cpu", Cancel));
        }

        await impatient.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        Assert.Equal(1, await impatient.Count("runs-cpu", Cancel));
    }

    [Fact]
    public async Task AFolderInItsPlace_SaysThatItCannotBeOpened()
    {
        Directory.CreateDirectory(BusFile);
        var e = await Assert.ThrowsAsync<BusUnavailableException>(() => bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel));
        Assert.Equal(
            $"{BusFile} cannot be opened: is its folder there and writable, and may this process open more files (ulimit -n)?", e.Message);
    }

    [Fact]
    public async Task OfANewerVersion_IsRefused_AndNothingStaysOpen()
    {
        await bus.Count("runs-cpu", Cancel);
        using (var other = Connect()) Execute(other, "PRAGMA user_version=7");
        using var older = Open();
        for (var i = 0; i < 3; i++)
        {
            var e = await Assert.ThrowsAsync<BusUnavailableException>(() => older.Count("runs-cpu", Cancel));
            Assert.Equal($"{BusFile} was made by another version of this program (schema 7)", e.Message);
        }

        bus.Dispose();
        Assert.Empty(OpenHandles());
    }

    [Fact]
    public async Task Disposed_ItHoldsNothingOpen()
    {
        await bus.Send("runs-cpu", new("one", "{}"), cancel: Cancel);
        var waiting = bus.Receive("other", TimeSpan.FromMinutes(1), Cancel);
        Assert.NotEmpty(OpenHandles());
        bus.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        Assert.Empty(OpenHandles());
    }

    [Fact]
    public async Task ManyAtOnce_GoTogether_AndEachIsAnswered()
    {
        var sent = Enumerable.Range(0, 1000).Select(i => bus.Send("runs-cpu", new($"m{i}", "{}"), cancel: Cancel)).ToList();
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bus.Send("runs-cpu", new("cancelled", "{}"), cancel: stop.Token));
        await Task.WhenAll(sent);
        Assert.Equal(1000, await bus.Count("runs-cpu", Cancel));
    }

    public void Dispose()
    {
        bus.Dispose();
        folder.Dispose();
    }

    protected override Task Pass(TimeSpan time)
    {
        this.time.Advance(time);
        return Task.CompletedTask;
    }

    private SqliteMessageBus Open() => new(BusFile, time, new SystemIds(time));

    /// <summary>A receiver that has looked, found nothing, and waits: what is done for one bus is done in the order in which it was asked for.</summary>
    private static async Task<Task<ReceivedMessage?>> Waiting(SqliteMessageBus bus)
    {
        await bus.Count("runs-cpu", Cancel);
        var waiting = bus.Receive("runs-cpu", TimeSpan.FromMinutes(1), Cancel);
        await bus.Count("runs-cpu", Cancel);
        return waiting;
    }

    private async Task PassUntilDone(Task waiting, TimeSpan step, int most = 1000)
    {
        for (var i = 0; i < most && !waiting.IsCompleted; i++)
        {
            time.Advance(step);
            await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel));
        }

        await waiting.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Cancel);
    }

    /// <summary>Files of this bus that this process has open.</summary>
    private List<string> OpenHandles() =>
    [
        .. Directory.GetFiles("/proc/self/fd").Select(fd => new FileInfo(fd).LinkTarget ?? "")
            .Where(target => target.StartsWith(folder["bus"], StringComparison.Ordinal)),
    ];

    /// <summary>Counts how often anybody looks at the clock.</summary>
    private sealed class CountedTime : TimeProvider
    {
        private int looks;

        public int Looks => Volatile.Read(ref looks);

        public override long GetTimestamp()
        {
            Interlocked.Increment(ref looks);
            return base.GetTimestamp();
        }
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection($"Data Source={BusFile};Pooling=False");
        connection.Open();
        return connection;
    }

    private static object? Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    private object? Scalar(string sql)
    {
        using var connection = Connect();
        return Execute(connection, sql);
    }

    private void Insert(string id, long due) =>
        Scalar($"INSERT INTO messages (queue, id, body, due, place, deliveries) VALUES ('runs-cpu', '{id}', '{{}}', {due}, 0, 0)");
}
