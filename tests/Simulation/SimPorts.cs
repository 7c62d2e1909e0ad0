using System.Runtime.CompilerServices;
using System.Text;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Simulation;

/// <summary>The store as one process reaches it. A request that has left is not called back by a cancellation.</summary>
sealed class SimStore(SimWorld world, SimProcess process, IObjectStore store) : IObjectStore
{
    public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel = default) =>
        process.Call($"head {key}", sent => store.Head(key, sent), cancel);

    public async Task<ObjectReading?> Open(string key, ByteRange? range = null, CancellationToken cancel = default)
    {
        var replaced = false;
        var reading = await process.Call($"get {key}", async sent =>
        {
            replaced = world.WorkerLaws.IsReplaced(process, key);
            return await store.Open(key, range, sent);
        }, cancel);
        if (replaced) process.Replaced ??= world.Clock.Now;
        if (reading is null || !process.ReadsGarbage || WorkspacePaths.RunIdOf(key) is null) return reading;
        process.ReadsGarbage = false;
        world.Note(process.Name, $"reads garbage instead of {key}");
        return reading with { Body = new MemoryStream(Encoding.UTF8.GetBytes("{\"id\"")) };
    }

    public async Task<PutResult> Put(
        string key, Stream body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancel = default)
    {
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, cancel);
        return await Write(
            $"put {key} {condition.ETag}", key, sent => store.Put(key, new MemoryStream(bytes.ToArray()), condition, metadata, sent), cancel);
    }

    public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel = default)
    {
        var own = bytes.ToArray();
        return Write($"append {key} {expectedOffset}", key, sent => store.Append(key, expectedOffset, own, sent), cancel);
    }

    public async IAsyncEnumerable<StoredObject> List(string prefix, string? after = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var found = await process.Call($"list {prefix}", async sent =>
        {
            var all = new List<StoredObject>();
            await foreach (var one in store.List(prefix, after, sent)) all.Add(one);
            return all;
        }, cancel);

        // What a listing says of an object may be old by the time that the caller looks at it.
        foreach (var one in found) yield return one;
    }

    public Task<DeleteOutcome> Delete(string key, string? ifMatch = null, CancellationToken cancel = default) =>
        Write($"delete {key}", key, sent => store.Delete(key, ifMatch, sent), cancel);

    public Task<PutResult> Copy(string from, string to, PutCondition condition = default, CancellationToken cancel = default) =>
        Write($"copy {from}", to, sent => store.Copy(from, to, condition, sent), cancel);

    private Task<T> Write<T>(string what, string key, Func<CancellationToken, Task<T>> apply, CancellationToken cancel)
    {
        if (!cancel.IsCancellationRequested) world.WorkerLaws.Writes(process, key);
        return process.Call(what, apply, cancel);
    }
}

/// <summary>The bus as one process reaches it.</summary>
sealed class SimBus(SimWorld world, SimProcess process, IMessageBus bus) : IMessageBus
{
    public async Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default)
    {
        await Done($"bus send {message.Id}", sent => bus.Send(queue, message, delay, sent), cancel);
        world.WorkerLaws.Sent(process, message);
    }

    public async Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default)
    {
        world.WorkerLaws.TakesTheNext(process);
        var message = await process.Call("bus receive", sent => bus.Receive(queue, wait, sent), cancel, waits: true);
        process.ReadsGarbage = message is not null && world.Random.NextDouble() < world.Poison;
        return message;
    }

    public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) =>
        process.Call("bus renew", sent => bus.Renew(message, sent), cancel);
    public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) =>
        process.Call("bus complete", sent => bus.Complete(message, sent), cancel);
    public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) =>
        process.Call("bus abandon", sent => bus.Abandon(message, sent), cancel);
    public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) =>
        process.Call("bus dead-letter", sent => bus.DeadLetter(message, reason, sent), cancel);
    public Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit = 100, CancellationToken cancel = default) =>
        process.Call("bus dead-letters", sent => bus.DeadLetters(queue, limit, sent), cancel);
    public Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default) =>
        process.Call("bus requeue", sent => bus.Requeue(queue, messageId, sent), cancel);
    public Task<long> Count(string queue, CancellationToken cancel = default) => process.Call("bus count", sent => bus.Count(queue, sent), cancel);
    public Task<DateTimeOffset> Began(CancellationToken cancel = default) => process.Call("bus began", sent => bus.Began(sent), cancel);
    public Task Publish(string topic, Message message, CancellationToken cancel = default) =>
        Done($"bus publish {message.Id}", sent => bus.Publish(topic, message, sent), cancel);
    public Task Subscribe(string topic, string subscription, CancellationToken cancel = default) =>
        Done("bus subscribe", sent => bus.Subscribe(topic, subscription, sent), cancel);

    private Task<bool> Done(string what, Func<CancellationToken, Task> apply, CancellationToken cancel) => process.Call(what, async sent =>
    {
        await apply(sent);
        return true;
    }, cancel);
}

/// <summary>The one workspace there is.</summary>
sealed class SimWorkspaces(IObjectStore store) : IWorkspaces
{
    public IObjectStore Platform => throw new NotSupportedException();
    public IObjectStore Open(string workspace) => store;
}

sealed class SimIds(Random random) : IIds
{
    public string NewestFirst() => Nonce();
    public string Nonce() => random.NextInt64().ToString("x16");
}
