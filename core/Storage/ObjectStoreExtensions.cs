using System.Text.Json;

namespace Serverless.Core.Storage;

/// <summary>A whole small object.</summary>
public sealed record ObjectContent(StoredObject Object, byte[] Body, DateTimeOffset Now)
{
    public T Json<T>() => JsonSerializer.Deserialize<T>(Body, CoreJson.Options) ?? throw new InvalidDataException($"{Object.Key} holds JSON null");
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

        public Task<PutResult> Put(string key, ReadOnlySpan<byte> body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancel = default) =>
            store.Put(key, new MemoryStream(body.ToArray()), condition, metadata, cancel);

        public Task<PutResult> PutJson<T>(string key, T value, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancel = default) =>
            store.Put(key, JsonSerializer.SerializeToUtf8Bytes(value, CoreJson.Options), condition, metadata, cancel);
    }
}
