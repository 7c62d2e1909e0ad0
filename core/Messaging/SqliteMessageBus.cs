using System.Globalization;

namespace Serverless.Core.Messaging;

/// <summary>
/// The embedded bus: one SQLite file that the processes of one machine share. An acknowledged send survives the death of any of them, at any moment;
/// what a power cut may lose is said at <see cref="BusDatabase"/>. Lock lengths and delays are measured as <see cref="BusClock"/> says. When the file
/// is deleted or replaced, every process goes on with the one that is there.
/// </summary>
/// <param name="file">Created, with its folder, at the first call. Beside it lie SQLite's own files and the folder <c>bell/</c>.</param>
public sealed class SqliteMessageBus(string file, TimeProvider time, IIds ids, SqliteBusOptions? options = null) : IMessageBus, IDisposable
{
    private readonly SqliteBusOptions options = options ?? new();
    private readonly BusClock clock = new(time);
    private readonly QueueSignal bell = new(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, "bell"));
    private BusThread? thread;
    private bool disposed;

    public Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(queue, nameof(queue));
        MessageLimits.Check(message);
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);

        // Of wakes the workspace knows, and has them sent again; of a changed file only this message knows once its author was told that it is out.
        return Thread.Write(
            (db, now) => db.Send(queue, message, now + delay, now, options.DuplicateWindow), synced: queue == QueueNames.FileEvents, cancel);
    }

    public async Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(queue, nameof(queue), subscription: true);
        var begun = time.GetTimestamp();
        while (true)
        {
            var rung = bell.Listen(queue);
            var (due, now) = await Thread.Read((db, now) => (db.NextDue(queue), now), cancel);
            if (due <= now)
            {
                var @lock = ids.Nonce();
                if (await Thread.Write((db, now) => db.Take(queue, @lock, now + options.LockLength, now), cancel: cancel) is { } taken)
                {
                    return new(queue, taken.Message, string.Create(CultureInfo.InvariantCulture, $"{taken.Number}.{@lock}"), taken.Deliveries,
                        clock.Now + options.LockLength);
                }

                continue;
            }

            var left = wait - time.GetElapsedTime(begun);
            if (left <= TimeSpan.Zero) return null;
            await Pause(rung, Shortest(left, options.Poll, due is { } at ? at - now : TimeSpan.MaxValue), cancel);
        }
    }

    public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) =>
        IfLocked(message, (db, number, token, now) => db.Renew(number, token, now + options.LockLength, now), cancel);

    public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) =>
        IfLocked(message, (db, number, token, now) => db.Complete(number, token, now), cancel);

    public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) =>
        IfLocked(message, (db, number, token, now) => db.Abandon(message.Queue, number, token, now), cancel);

    public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) =>
        IfLocked(message, (db, number, token, now) => db.DeadLetter(number, token, reason, now, clock.Now), cancel);

    public Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit = 100, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(queue, nameof(queue), subscription: true);
        return Thread.Read((db, _) => db.DeadLetters(queue, limit), cancel);
    }

    public Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(queue, nameof(queue), subscription: true);
        return Thread.Write((db, now) => db.Requeue(queue, messageId, now), cancel: cancel);
    }

    public Task<long> Count(string queue, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(queue, nameof(queue), subscription: true);
        return Thread.Read((db, _) => db.Count(queue), cancel);
    }

    public Task<DateTimeOffset> Began(CancellationToken cancel = default) => Thread.Read((db, _) => db.Began, cancel);

    public Task Publish(string topic, Message message, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(topic, nameof(topic));
        MessageLimits.Check(message);

        // Nobody sends an event again once its author was told that it is out, so it is on the disk before that.
        return Thread.Write((db, now) => db.Publish(topic, message, now, options.DuplicateWindow), synced: true, cancel);
    }

    public Task Subscribe(string topic, string subscription, CancellationToken cancel = default)
    {
        MessageLimits.CheckName(topic, nameof(topic));
        MessageLimits.CheckName(subscription, nameof(subscription));
        return Thread.Write((db, _) => db.Subscribe(topic, subscription), synced: true, cancel);
    }

    /// <summary>Ends what is under way with <see cref="ObjectDisposedException"/>; locks that are held run out.</summary>
    public void Dispose()
    {
        lock (bell)
        {
            if (disposed) return;
            disposed = true;
        }

        thread?.Dispose();
        bell.Dispose();
    }

    private BusThread Thread
    {
        get
        {
            lock (bell)
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                return thread ??= new(file, clock, options, bell);
            }
        }
    }

    private Task<bool> IfLocked(ReceivedMessage message, Func<BusDatabase, long, string, TimeSpan, bool> change, CancellationToken cancel) =>
        message.Lock.Split('.') is [var text, var token] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? Thread.Write((db, now) => change(db, number, token, now), cancel: cancel)
            : Task.FromResult(false);

    private async Task Pause(Task rung, TimeSpan pause, CancellationToken cancel)
    {
        // Timers have a resolution of a millisecond: rounded down, the last one before a message falls due would be spent spinning.
        var delay = TimeSpan.FromMilliseconds(Math.Ceiling(pause.TotalMilliseconds));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny(rung, Task.Delay(delay, time, stop.Token));
        await stop.CancelAsync();
        cancel.ThrowIfCancellationRequested();
    }

    private static TimeSpan Shortest(TimeSpan a, TimeSpan b, TimeSpan c) => TimeSpan.FromTicks(Math.Min(a.Ticks, Math.Min(b.Ticks, c.Ticks)));
}
