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
        var waiting = bus.Receive("runs-cpu", TimeSpan.FromMinutes(1), Cancel);
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
}
