namespace Serverless.Core.Storage;

/// <summary>A whole small object.</summary>
public sealed record ObjectContent(StoredObject Object, byte[] Body, DateTimeOffset Now)
{
    /// <exception cref="DamagedRecordException">It is no such record.</exception>
    public T Json<T>() => RecordFormat.Read<T>(Object.Key, Body);
}

public static class ObjectStoreExtensions
{
    extension(IObjectStore store)
    {
        /// <summary>Reads a whole object into memory; null when it is missing.</summary>
        public async Task<ObjectContent?> Get(string key, ByteRange? range = null, CancellationToken cancel = default)
        {
            await using var reading = await store.Open(key, range, cancel);
            if (reading is null) return null;
            using var body = new MemoryStream();
            await reading.Body.CopyToAsync(body, cancel);
            return new(reading.Object, body.ToArray(), reading.Now);
        }

        /// <summary>Reads a record. What finds one damaged among many goes on with the others.</summary>
        public async Task<RecordReading<T>> Read<T>(string key, CancellationToken cancel = default)
        {
            try
            {
                if (await store.Get(key, cancel: cancel) is not { } content)
                {
                    return store.Obstacle(key) is { } obstacle ? new(null, new(key, obstacle)) : default;
                }

                return new(new(content.Json<T>(), content.Object, content.Now), null);
            }
            catch (DamagedRecordException damaged)
            {
                return new(null, damaged.Damage);
            }
            catch (UnreadableObjectException unreadable)
            {
                return new(null, new(key, unreadable.Why, IsClosed: true));
            }
        }

        /// <summary>The one record that is asked for; null when it is missing.</summary>
        /// <exception cref="DamagedRecordException">It is damaged.</exception>
        public async Task<T?> Find<T>(string key, CancellationToken cancel = default) where T : class =>
            (await store.Read<T>(key, cancel)).OrThrow()?.Record;

        /// <summary>Deletes a record, whether or not it can be read.</summary>
        /// <returns>False: there is none.</returns>
        /// <exception cref="DamagedRecordException">Something else stands in its place.</exception>
        public async Task<bool> DeleteRecord(string key, CancellationToken cancel = default)
        {
            if (await store.Delete(key, cancel: cancel) == DeleteOutcome.Deleted) return true;
            return store.Obstacle(key) is { } obstacle ? throw new DamagedRecordException(new(key, obstacle)) : false;
        }

        public Task<PutResult> Put(string key, ReadOnlySpan<byte> body, PutCondition condition = default,
            IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancel = default) =>
            store.Put(key, new MemoryStream(body.ToArray()), condition, metadata, cancel);

        /// <exception cref="UnfitRecordException">It could not be read again.</exception>
        public Task<PutResult> PutJson<T>(string key, T value, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
            CancellationToken cancel = default) =>
            store.Put(key, RecordFormat.Write(key, value), condition, metadata, cancel);
    }
}
