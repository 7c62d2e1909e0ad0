using System.Collections.Concurrent;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.Tests.Support;

/// <summary>
/// Counts the writes of a store and a bus, and lets one of them fail as a death of the caller would: with the write done, or not. From then on
/// everything fails, as the caller is dead.
/// </summary>
sealed class FailingWrites(IObjectStore store, IMessageBus bus)
{
    private readonly Lock gate = new();
    private int count;

    /// <summary>The write at this place, counted from 0, is the last; null: none fails.</summary>
    public int? FailAt { get; set; }

    /// <summary>Whether the failing write happens before it fails.</summary>
    public bool AfterWriting { get; set; }

    /// <summary>Only the one write fails, as when the network does.</summary>
    public bool Recovers { get; set; }

    public int Count => count;

    /// <summary>Keys whose bodies were opened.</summary>
    public ConcurrentQueue<string> Opened { get; } = [];

    /// <summary>Called before a body is opened, to change what is there.</summary>
    public Action<string>? Opening { get; set; }

    /// <summary>Called before a body is put.</summary>
    public Action<string>? Writing { get; set; }
    public bool Failed { get; private set; }
    public IObjectStore Store => new FailingStore(this, store);
    public IMessageBus Bus => new FailingBus(this, bus);

    private async Task<T> Write<T>(Func<Task<T>> write)
    {
        bool fails;
        lock (gate)
        {
            Alive();
            fails = count++ == FailAt;
            Failed = fails && !Recovers;
        }

        if (fails && !AfterWriting) throw new StoreUnavailableException("died before the write");
        var written = await write();
        return fails ? throw new StoreUnavailableException("died after the write") : written;
    }

    private void Alive()
    {
        if (Failed) throw new StoreUnavailableException("dead");
    }

    private sealed class FailingStore(FailingWrites writes, IObjectStore inner) : IObjectStore
    {
        public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel) => Read(() => inner.Head(key, cancel));
        public Task<ObjectReading?> Open(string key, ByteRange? range, CancellationToken cancel) => Read(() =>
        {
            writes.Opened.Enqueue(key);
            writes.Opening?.Invoke(key);
            return inner.Open(key, range, cancel);
        });
        public IAsyncEnumerable<StoredObject> List(string prefix, string? after, CancellationToken cancel) =>
            Read(() => inner.List(prefix, after, cancel));
        public Task<PutResult> Put(
            string key, Stream body, PutCondition condition, IReadOnlyDictionary<string, string>? metadata, CancellationToken cancel) =>
            writes.Write(() =>
            {
                writes.Writing?.Invoke(key);
                return inner.Put(key, body, condition, metadata, cancel);
            });
        public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
            writes.Write(() => inner.Append(key, expectedOffset, bytes, cancel));
        public Task<DeleteOutcome> Delete(string key, string? ifMatch, CancellationToken cancel) =>
            writes.Write(() => inner.Delete(key, ifMatch, cancel));
        public Task<PutResult> Copy(string from, string to, PutCondition condition, CancellationToken cancel) =>
            writes.Write(() => inner.Copy(from, to, condition, cancel));

        private T Read<T>(Func<T> read)
        {
            writes.Alive();
            return read();
        }
    }

    private sealed class FailingBus(FailingWrites writes, IMessageBus inner) : IMessageBus
    {
        public Task Send(string queue, Message message, TimeSpan delay, CancellationToken cancel) => writes.Write(async () =>
        {
            await inner.Send(queue, message, delay, cancel);
            return true;
        });

        public Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel) => inner.Receive(queue, wait, cancel);
        public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel) => inner.Renew(message, cancel);
        public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel) => inner.Complete(message, cancel);
        public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel) => inner.Abandon(message, cancel);
        public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel) => inner.DeadLetter(message, reason, cancel);
        public Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit, CancellationToken cancel) =>
            inner.DeadLetters(queue, limit, cancel);
        public Task<bool> Requeue(string queue, string messageId, CancellationToken cancel) => inner.Requeue(queue, messageId, cancel);
        public Task<long> Count(string queue, CancellationToken cancel) => inner.Count(queue, cancel);
        public Task<DateTimeOffset> Began(CancellationToken cancel) => inner.Began(cancel);
        public Task Publish(string topic, Message message, CancellationToken cancel) => writes.Write(async () =>
        {
            await inner.Publish(topic, message, cancel);
            return true;
        });

        public Task Subscribe(string topic, string subscription, CancellationToken cancel) => inner.Subscribe(topic, subscription, cancel);
    }
}
