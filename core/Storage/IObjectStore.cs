using System.Runtime.CompilerServices;

namespace Serverless.Core.Storage;

/// <summary>
/// A flat namespace of objects: what all state lives in. Keys are relative paths with '/' (see <see cref="ObjectKey"/>).
/// <para>Contract, the same for every adapter and checked by one suite:</para>
/// <list type="bullet">
/// <item>Body, metadata and ETag of an object change together or not at all, also when the
/// process dies in the middle. A reader sees one whole version.</item>
/// <item>Conditional writes are atomic across processes. Exactly one of many concurrent <see cref="PutCondition.IfAbsent"/> or equal
/// <see cref="PutCondition.IfMatch"/> writes wins; the others get <see cref="PutOutcome.Exists"/> or <see cref="PutOutcome.Conflict"/>.</item>
/// <item>An acknowledged write is durable. After an exception a write may or may not have happened: read, then decide again.</item>
/// <item>A read or list begun after a write was acknowledged sees it.</item>
/// <item><see cref="StoredObject.Modified"/> and every answer's <c>Now</c> come from the same
/// clock, the store's; it may have a resolution of one second.</item>
/// <item>Missing, exists and conflict are values. <see cref="StoreUnavailableException"/> means: nothing is known, try again later.
/// <see cref="StoreFullException"/>: there is no room; nothing changed. <see cref="KeyConflictException"/>: in a folder a name is a file or a folder;
/// callers never use a key that is another key's folder, and an adapter may refuse it. Any other exception is a fault in the caller.</item>
/// </list>
/// </summary>
public interface IObjectStore
{
    /// <summary>Metadata of one object, or null when it is missing.</summary>
    Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel = default);

    /// <summary>
    /// Opens one version of the object for reading, or null when it is missing. A range that begins at or past the end gives an empty body.
    /// </summary>
    Task<ObjectReading?> Open(string key, ByteRange? range = null, CancellationToken cancel = default);

    /// <summary>Writes the whole object. The body is read from its current position to its end, once.</summary>
    Task<PutResult> Put(string key, Stream body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancel = default);

    /// <summary>
    /// Appends when the object is exactly <paramref name="expectedOffset"/> bytes long (0: also when it is missing, which creates it); all of the
    /// bytes or none. Objects are either appended to or put, never both. At most <see cref="Limits.AppendBlockBytes"/> a call and
    /// <see cref="Limits.AppendsPerObject"/> calls.
    /// </summary>
    Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel = default);

    /// <summary>
    /// Objects whose key begins with <paramref name="prefix"/> and is ordinally greater than <paramref name="after"/>, in ordinal order of keys, with
    /// metadata. Objects written while the listing runs may be in it or not.
    /// </summary>
    IAsyncEnumerable<StoredObject> List(string prefix, string? after = null, CancellationToken cancel = default);

    /// <summary>The same, and with them what stands at a key and is no object, where the store can hold such things: folders too.</summary>
    async IAsyncEnumerable<StoredName> ListNames(string prefix, string? after = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var stored in List(prefix, after, cancel)) yield return new(stored.Key, stored);
    }

    /// <summary>Which version of each object there is, for whoever needs no more: the cheapest way to compare many.</summary>
    async IAsyncEnumerable<StoredVersion> ListVersions(string prefix, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var stored in List(prefix, cancel: cancel)) yield return new(stored.Key, stored.ETag);
    }

    /// <summary>
    /// Why no object can be at the key, or below it when it ends in '/', as long as nobody moves something away: as the end of a sentence. Null: one
    /// is, or could be. To those who only ask for the object, it is missing.
    /// </summary>
    string? Obstacle(string key) => null;

    /// <summary>Deletes the object (only at <paramref name="ifMatch"/>, when given).</summary>
    Task<DeleteOutcome> Delete(string key, string? ifMatch = null, CancellationToken cancel = default);

    /// <summary>Copies body and metadata inside the store, without passing them through the caller.</summary>
    Task<PutResult> Copy(string from, string to, PutCondition condition = default, CancellationToken cancel = default);
}

/// <summary>Limits that every adapter keeps, because one of them must.</summary>
public static class Limits
{
    public const int AppendBlockBytes = 4 * 1024 * 1024;
    public const int AppendsPerObject = 50_000;

    /// <summary>All names and values of an object's metadata together. Names are [a-z][a-z0-9]*; values are printable ASCII.</summary>
    public const int MetadataBytes = 4096;
}

/// <summary>An answer and the store's time when it was given.</summary>
public readonly record struct StoreAnswer<T>(T Value, DateTimeOffset Now);

/// <summary>An object without its body.</summary>
/// <param name="ETag">Differs between any two versions of the object; opaque.</param>
public sealed record StoredObject(string Key, string ETag, long LengthBytes, DateTimeOffset Modified, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>
    /// Differs also where somebody beside the store has written another content and set back what the ETag is made of. What remembers contents goes
    /// by both. It may differ where the content does not; null: nothing but the ETag tells.
    /// </summary>
    public string? Change { get; init; }
}

/// <summary>What differs between any two versions of an object.</summary>
public readonly record struct StoredVersion(string Key, string ETag);

/// <summary>Something that has a key's name.</summary>
/// <param name="Object">Null: it is none.</param>
/// <param name="Obstacle">What it is then.</param>
public sealed record StoredName(string Key, StoredObject? Object, string? Obstacle = null);

/// <summary>A range of bytes; <paramref name="Length"/> null means to the end.</summary>
public readonly record struct ByteRange(long Offset, long? Length = null);

/// <summary>An open body of one version of an object.</summary>
public sealed record ObjectReading(StoredObject Object, Stream Body, DateTimeOffset Now) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Body.DisposeAsync();
}

/// <summary>When a write may happen: always (the default), only when the key is free, or only over the version with an ETag.</summary>
public readonly record struct PutCondition
{
    public bool MustBeAbsent { get; private init; }
    public string? ETag { get; private init; }

    public static PutCondition Always => default;
    public static PutCondition IfAbsent => new() { MustBeAbsent = true };
    public static PutCondition IfMatch(string etag) => new() { ETag = etag };
}

public enum PutOutcome
{
    Stored,

    /// <summary>The condition was <see cref="PutCondition.IfAbsent"/> and the key is taken.</summary>
    Exists,

    /// <summary>The condition was <see cref="PutCondition.IfMatch"/> and the object is another version or missing.</summary>
    Conflict,

    /// <summary>Copy only: there is nothing to copy.</summary>
    SourceMissing,
}

/// <param name="Object">The version that is stored now, when this call stored it.</param>
public sealed record PutResult(PutOutcome Outcome, StoredObject? Object, DateTimeOffset Now)
{
    public bool Stored => Outcome == PutOutcome.Stored;
}

/// <param name="Appended">False when the object did not end at the expected offset; nothing changed.</param>
/// <param name="LengthBytes">The object's length after the call, either way.</param>
public readonly record struct AppendResult(bool Appended, long LengthBytes);

public enum DeleteOutcome
{
    Deleted,
    Missing,
    Conflict,
}

/// <summary>The store could not be reached or did not answer; nothing is known about what happened. Try again.</summary>
public class StoreUnavailableException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>This one object cannot be read: its owner forbids it, or the disk has lost it. The store is well otherwise.</summary>
/// <param name="why">The end of a sentence that begins with the object's name.</param>
public sealed class UnreadableObjectException(
    string key, string why, Exception? inner = null) : StoreUnavailableException($"{key} cannot be read: {why}", inner)
{
    public string Why => why;
}

/// <summary>The store has no room left (disk full, quota). Nothing changed. The message says where, not what to do.</summary>
public sealed class StoreFullException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>
/// The key lies below another object, is a folder of other objects, or leads through a link: no object can be there. Choose another key.
/// </summary>
/// <param name="obstacle">The key at which the other thing stands.</param>
public sealed class KeyConflictException(string obstacle, string message) : ArgumentException(message)
{
    public string Obstacle { get; } = obstacle;
}
