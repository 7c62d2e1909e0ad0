using System.Runtime.CompilerServices;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.Tests.Simulation;

/// <summary>The store as one process reaches it.</summary>
sealed class SimStore(SimProcess process, IObjectStore store) : IObjectStore
{
    public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel = default) =>
        process.Call($"head {key}", () => store.Head(key, cancel));

    public Task<ObjectReading?> Open(string key, ByteRange? range = null, CancellationToken cancel = default) =>
        process.Call($"get {key}", () => store.Open(key, range, cancel));

    public async Task<PutResult> Put(
        string key, Stream body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancel = default)
    {
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, cancel);
        return await process.Call(
            $"put {key} {condition.ETag}", () => store.Put(key, new MemoryStream(bytes.ToArray()), condition, metadata, cancel));
    }

    public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel = default) =>
        process.Call($"append {key}", () => store.Append(key, expectedOffset, bytes, cancel));

    public async IAsyncEnumerable<StoredObject> List(string prefix, string? after = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var found = await process.Call($"list {prefix}", async () =>
        {
            var all = new List<StoredObject>();
            await foreach (var one in store.List(prefix, after, cancel)) all.Add(one);
            return all;
        });

        // What a listing says of an object may be old by the time that the caller looks at it.
        foreach (var one in found) yield return one;
    }

    public Task<DeleteOutcome> Delete(string key, string? ifMatch = null, CancellationToken cancel = default) =>
        process.Call($"delete {key}", () => store.Delete(key, ifMatch, cancel));

    public Task<PutResult> Copy(string from, string to, PutCondition condition = default, CancellationToken cancel = default) =>
        process.Call($"copy {from}", () => store.Copy(from, to, condition, cancel));
}

/// <summary>The bus as one process reaches it.</summary>
sealed class SimBus(SimProcess process, IMessageBus bus) : IMessageBus
{
    public Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default) =>
        Done($"bus send {message.Id}", () => bus.Send(queue, message, delay, cancel));

    public Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default) =>
        process.Call("bus receive", () => bus.Receive(queue, wait, cancel));
    public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) =>
        process.Call("bus renew", () => bus.Renew(message, cancel));
    public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) =>
        process.Call("bus complete", () => bus.Complete(message, cancel));
    public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) =>
        process.Call("bus abandon", () => bus.Abandon(message, cancel));

    public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) =>
        process.Call("bus dead-letter", () => bus.DeadLetter(message, reason, cancel));

    public Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit = 100, CancellationToken cancel = default) =>
        process.Call("bus dead-letters", () => bus.DeadLetters(queue, limit, cancel));

    public Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default) =>
        process.Call("bus requeue", () => bus.Requeue(queue, messageId, cancel));
    public Task<long> Count(string queue, CancellationToken cancel = default) => process.Call("bus count", () => bus.Count(queue, cancel));
    public Task<DateTimeOffset> Began(CancellationToken cancel = default) => process.Call("bus began", () => bus.Began(cancel));
    public Task Publish(string topic, Message message, CancellationToken cancel = default) =>
        Done($"bus publish {message.Id}", () => bus.Publish(topic, message, cancel));
    public Task Subscribe(string topic, string subscription, CancellationToken cancel = default) =>
        Done("bus subscribe", () => bus.Subscribe(topic, subscription, cancel));

    private Task<bool> Done(string what, Func<Task> apply) => process.Call(what, async () =>
    {
        await apply();
        return true;
    });
}

sealed class SimIds(Random random) : IIds
{
    public string NewestFirst() => Nonce();
    public string Nonce() => random.NextInt64().ToString("x16");
}
