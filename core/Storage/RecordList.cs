namespace Serverless.Core.Storage;

/// <summary>One of many records: it was found, or it is damaged.</summary>
/// <param name="Key">Where it is.</param>
public readonly record struct ListedRecord<T>(string Key, T? Found, DamagedRecord? Damage) where T : class;

/// <summary>What listing records came to. Those that can be read are not to be had without the names of those that cannot.</summary>
public sealed record RecordList<T>(IReadOnlyList<T> Found, IReadOnlyList<DamagedRecord> Damaged)
{
    /// <summary>The list was full before all were looked at.</summary>
    public bool HasMore { get; init; }
}

public static class RecordListing
{
    extension(IObjectStore store)
    {
        /// <summary>
        /// The records below a prefix, in order of keys. Damaged ones are among them, and so is whatever stands in the place of one: a folder, a
        /// link, a pipe. One that is deleted meanwhile is not.
        /// </summary>
        /// <param name="prefix">Ends in '/', or in the beginning of a name.</param>
        /// <param name="isOne">Whether a key below the prefix is a record's.</param>
        /// <param name="read">Neither found nor damaged: it went.</param>
        public async IAsyncEnumerable<ListedRecord<T>> Records<T>(
            string prefix, Func<string, bool> isOne, Func<StoredObject, ValueTask<(T? Found, DamagedRecord? Damage)>> read, string? after = null,
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel = default) where T : class
        {
            var folder = prefix[..(prefix.LastIndexOf('/') + 1)];
            if (store.Obstacle(folder) is { } obstacle) yield return new(folder, null, new(folder.TrimEnd('/'), obstacle));
            await foreach (var name in store.ListNames(prefix, after, cancel))
            {
                if (!isOne(name.Key)) continue;
                var (found, damage) = name.Object is { } stored ? await read(stored) : (null, new(name.Key, name.Obstacle ?? "it is no file"));
                if (found is not null || damage is not null) yield return new(name.Key, found, damage);
            }
        }

        /// <summary>The same, each read whole.</summary>
        public IAsyncEnumerable<ListedRecord<StoredRecord<T>>> Records<T>(
            string prefix, Func<string, bool> isOne, CancellationToken cancel = default) => store.Records<StoredRecord<T>>(
            prefix, isOne, async stored => await store.Read<T>(stored.Key, cancel) is var read ? (read.Found, read.Damage) : default, cancel: cancel);
    }

    extension<T>(IAsyncEnumerable<ListedRecord<T>> records) where T : class
    {
        /// <param name="limit">Of those that are found.</param>
        /// <param name="where">Which of them are wanted; null: all.</param>
        public async Task<RecordList<T>> Collect(int limit = int.MaxValue, Func<T, bool>? where = null)
        {
            var (found, damaged) = (new List<T>(), new List<DamagedRecord>());
            await foreach (var record in records)
            {
                if (record.Damage is { } damage) damaged.Add(damage);
                if (record.Found is not { } one || where?.Invoke(one) == false) continue;
                if (found.Count == limit) return new(found, damaged) { HasMore = true };
                found.Add(one);
            }

            return new(found, damaged);
        }
    }
}
