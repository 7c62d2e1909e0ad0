using System.Globalization;
using System.Runtime.CompilerServices;
using Serverless.Core.Storage;

namespace Serverless.Tests.Support;

/// <summary>
/// A store in memory that keeps the whole contract, for tests of what uses a store. Its clock
/// is the given one, in steps of <paramref name="resolution"/>.
/// </summary>
sealed class MemoryObjectStore(TimeProvider time, TimeSpan resolution = default) : IObjectStore
{
    private readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);

    /// <summary>In order, so that a listing costs what it lists and not what there is.</summary>
    private readonly SortedSet<string> keys = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private long versions;

    public sealed record Entry(StoredObject Object, byte[] Body);

    /// <summary>Lets others have a turn at each put, as a store that waits for a disk does.</summary>
    public bool Yields { get; init; }

    /// <summary>Called under the store's lock after each change: what was there, and what is.</summary>
    public Action<Entry?, Entry?>? Changed { get; set; }

    public DateTimeOffset Now
    {
        get
        {
            var now = time.GetUtcNow();
            return resolution == default ? now : new(now.UtcTicks - now.UtcTicks % resolution.Ticks, TimeSpan.Zero);
        }
    }

    /// <summary>What is stored now, without a call that could fail.</summary>
    public Entry? Peek(string key)
    {
        lock (gate) return entries.GetValueOrDefault(key);
    }

    public IReadOnlyList<Entry> PeekAll(string prefix)
    {
        lock (gate) return [.. keys.GetViewBetween(prefix, prefix + char.MaxValue).Select(key => entries[key])];
    }

    public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        return Task.FromResult(new StoreAnswer<StoredObject?>(Peek(ObjectKey.Checked(key))?.Object, Now));
    }

    public Task<ObjectReading?> Open(string key, ByteRange? range = null, CancellationToken cancel = default)
    {
        if (Peek(ObjectKey.Checked(key)) is not { } entry) return Task.FromResult<ObjectReading?>(null);
        var offset = (int)Math.Min(range?.Offset ?? 0, entry.Body.Length);
        var length = (int)Math.Min(range?.Length ?? int.MaxValue, entry.Body.Length - offset);
        return Task.FromResult<ObjectReading?>(new(entry.Object, new MemoryStream(entry.Body, offset, length, writable: false), Now));
    }

    public async Task<PutResult> Put(
        string key, Stream body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancel = default)
    {
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, cancel);
        if (Yields) await Task.Yield();
        return Store(ObjectKey.Checked(key), bytes.ToArray(), condition, ObjectMetadata.Checked(metadata));
    }

    public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        if (bytes.Length > Limits.AppendBlockBytes) throw new ArgumentException("more than a block", nameof(bytes));
        lock (gate)
        {
            var body = Peek(ObjectKey.Checked(key))?.Body ?? [];
            if (body.Length != expectedOffset) return Task.FromResult(new AppendResult(false, body.Length));
            Store(key, [.. body, .. bytes.Span], PutCondition.Always, ObjectMetadata.None);
            return Task.FromResult(new AppendResult(true, body.Length + bytes.Length));
        }
    }

    public async IAsyncEnumerable<StoredObject> List(string prefix, string? after = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        foreach (var entry in PeekAll(prefix))
        {
            cancel.ThrowIfCancellationRequested();
            if (string.CompareOrdinal(entry.Object.Key, after) > 0) yield return entry.Object;
        }

        await Task.CompletedTask;
    }

    public Task<DeleteOutcome> Delete(string key, string? ifMatch = null, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        lock (gate)
        {
            if (Peek(ObjectKey.Checked(key)) is not { } entry) return Task.FromResult(DeleteOutcome.Missing);
            if (ifMatch is not null && ifMatch != entry.Object.ETag) return Task.FromResult(DeleteOutcome.Conflict);
            entries.Remove(key);
            keys.Remove(key);
            Changed?.Invoke(entry, null);
            return Task.FromResult(DeleteOutcome.Deleted);
        }
    }

    public Task<PutResult> Copy(string from, string to, PutCondition condition = default, CancellationToken cancel = default)
    {
        lock (gate)
        {
            return Task.FromResult(Peek(ObjectKey.Checked(from)) is { } entry
                ? Store(ObjectKey.Checked(to), entry.Body, condition, entry.Object.Metadata)
                : new(PutOutcome.SourceMissing, null, Now));
        }
    }

    private PutResult Store(string key, byte[] body, PutCondition condition, IReadOnlyDictionary<string, string> metadata)
    {
        lock (gate)
        {
            var before = Peek(key);
            if (condition.MustBeAbsent && before is not null) return new(PutOutcome.Exists, null, Now);
            if (condition.ETag is { } etag && etag != before?.Object.ETag) return new(PutOutcome.Conflict, null, Now);
            var version = (++versions).ToString(CultureInfo.InvariantCulture);
            var entry = new Entry(new(key, version, body.Length, Now, metadata), body);
            entries[key] = entry;
            keys.Add(key);
            Changed?.Invoke(before, entry);
            return new(PutOutcome.Stored, entry.Object, Now);
        }
    }
}
