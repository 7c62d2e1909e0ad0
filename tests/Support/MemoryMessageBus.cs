using System.Globalization;
using Serverless.Core.Messaging;

namespace Serverless.Tests.Support;

/// <summary>A bus in memory that keeps the whole contract, for tests of what uses a bus.</summary>
/// <param name="pick">Chooses which of so many ready messages is delivered: the contract promises no order. Default: the first.</param>
sealed class MemoryMessageBus(TimeProvider time, TimeSpan lockLength, Func<int, int>? pick = null) : IMessageBus
{
    private static readonly TimeSpan DuplicateWindow = TimeSpan.FromMinutes(10);

    private readonly List<Held> messages = [];
    private readonly List<DeadLetter> deadLetters = [];
    private readonly HashSet<(string Topic, string Subscription)> subscriptions = [];
    private readonly Dictionary<(string Queue, string Id), DateTimeOffset> sent = [];
    private readonly Lock gate = new();

    // Its continuations run where it is set, outside the lock, and never on the thread pool: a simulation on one thread stays on it.
    private TaskCompletionSource changed = new();
    private long deliveries;
    private DateTimeOffset began = time.GetUtcNow();

    private sealed class Held(string queue, Message message)
    {
        public string Queue => queue;
        public Message Message => message;
        public DateTimeOffset Due { get; set; }
        public string? Lock { get; set; }
        public int Deliveries { get; set; }
    }

    /// <summary>What is in the queue, locked and delayed included.</summary>
    public IReadOnlyList<Message> Peek(string queue)
    {
        lock (gate) return [.. messages.Where(held => held.Queue == queue).Select(held => held.Message)];
    }

    /// <summary>Ends the locks of a queue before their time, as a broker that restarts does.</summary>
    public void BreakLocks(string queue)
    {
        lock (gate)
        {
            foreach (var held in messages.Where(held => held.Queue == queue && held.Lock is not null))
            {
                (held.Lock, held.Due) = (null, time.GetUtcNow());
            }
        }

        Ring();
    }

    /// <summary>Loses one message, as a power cut does.</summary>
    public void Lose(string queue, int which)
    {
        lock (gate)
        {
            var those = messages.Where(held => held.Queue == queue).ToList();
            if (those.Count > 0) messages.Remove(those[which % those.Count]);
        }
    }

    /// <summary>Loses all wakes, as when somebody deletes the embedded bus. What subscriptions have stays: nobody sends it again.</summary>
    public void LoseWakes()
    {
        lock (gate)
        {
            messages.RemoveAll(held => !held.Queue.Contains('/', StringComparison.Ordinal));
            sent.Clear();
            began = time.GetUtcNow();
        }
    }

    public Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        if (queue.Length == 0 || !queue.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '/'))
        {
            throw new ArgumentException($"'{queue}' is no name", nameof(queue));
        }

        if (message.Id.Length is 0 or > 128) throw new ArgumentException("an id has 1 to 128 characters", nameof(message));
        if (message.Body.Length > 64 * 1024) throw new ArgumentException("a body has at most 64 KiB", nameof(message));
        lock (gate)
        {
            var now = time.GetUtcNow();
            if (sent.TryGetValue((queue, message.Id), out var before) && now - before < DuplicateWindow) return Task.CompletedTask;
            sent[(queue, message.Id)] = now;
            messages.Add(new(queue, message) { Due = now + delay });
        }

        Ring();
        return Task.CompletedTask;
    }

    public async Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default)
    {
        var until = time.GetUtcNow() + wait;
        while (true)
        {
            Task bell;
            TimeSpan pause;
            lock (gate)
            {
                if (Take(queue) is { } taken) return taken;
                var now = time.GetUtcNow();
                if (now >= until) return null;
                bell = changed.Task;
                pause = messages.Where(held => held.Queue == queue).Select(held => held.Due).Append(until).Min() - now;
            }

            var waited = new TaskCompletionSource();
            using (time.CreateTimer(
                _ => waited.TrySetResult(), null, TimeSpan.FromMilliseconds(Math.Ceiling(pause.TotalMilliseconds)), Timeout.InfiniteTimeSpan))
            using (cancel.Register(() => waited.TrySetResult()))
            {
                await Task.WhenAny(bell, waited.Task);
            }

            cancel.ThrowIfCancellationRequested();
        }
    }

    public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) =>
        IfLocked(message, held => held.Due = time.GetUtcNow() + lockLength);

    public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) => IfLocked(message, held => messages.Remove(held));

    public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) =>
        IfLocked(message, held => (held.Lock, held.Due) = (null, time.GetUtcNow()));

    public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) => IfLocked(message, held =>
    {
        messages.Remove(held);
        deadLetters.Add(new(held.Queue, held.Message, reason, time.GetUtcNow(), held.Deliveries));
    });

    public Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit = 100, CancellationToken cancel = default)
    {
        lock (gate) return Task.FromResult<IReadOnlyList<DeadLetter>>([.. deadLetters.Where(letter => letter.Queue == queue).Take(limit)]);
    }

    public Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default)
    {
        lock (gate)
        {
            if (deadLetters.Find(letter => letter.Queue == queue && letter.Message.Id == messageId) is not { } letter) return Task.FromResult(false);
            deadLetters.Remove(letter);
            messages.Add(new(queue, letter.Message) { Due = time.GetUtcNow() });
        }

        Ring();
        return Task.FromResult(true);
    }

    public Task<long> Count(string queue, CancellationToken cancel = default) => Task.FromResult((long)Peek(queue).Count);

    public Task<DateTimeOffset> Began(CancellationToken cancel = default) => Task.FromResult(began);

    public async Task Publish(string topic, Message message, CancellationToken cancel = default)
    {
        foreach (var (_, subscription) in subscriptions.Where(known => known.Topic == topic).ToList())
        {
            await Send(QueueNames.Subscription(topic, subscription), message, cancel: cancel);
        }
    }

    public Task Subscribe(string topic, string subscription, CancellationToken cancel = default)
    {
        lock (gate) subscriptions.Add((topic, subscription));
        return Task.CompletedTask;
    }

    private ReceivedMessage? Take(string queue)
    {
        var now = time.GetUtcNow();
        var ready = messages.Where(held => held.Queue == queue && held.Due <= now).OrderBy(held => held.Message.Since ?? DateTimeOffset.MinValue)
            .ToList();
        if (ready.Count == 0) return null;
        var held = ready[pick?.Invoke(ready.Count) ?? 0];
        held.Lock = (++deliveries).ToString(CultureInfo.InvariantCulture);
        held.Due = now + lockLength;
        return new(queue, held.Message, held.Lock, ++held.Deliveries, held.Due);
    }

    private Task<bool> IfLocked(ReceivedMessage message, Action<Held> change)
    {
        lock (gate)
        {
            if (messages.Find(held => held.Lock == message.Lock && held.Due > time.GetUtcNow()) is not { } held) return Task.FromResult(false);
            change(held);
        }

        Ring();
        return Task.FromResult(true);
    }

    private void Ring()
    {
        TaskCompletionSource rung;
        lock (gate) (rung, changed) = (changed, new());
        rung.SetResult();
    }
}
