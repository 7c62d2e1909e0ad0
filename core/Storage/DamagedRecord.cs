using Microsoft.Extensions.Logging;

namespace Serverless.Core.Storage;

/// <summary>Something was asked for whose record is damaged. Trying again would find the same.</summary>
public sealed class DamagedRecordException(DamagedRecord damage, Exception? inner = null) : Exception($"{damage}", inner)
{
    public DamagedRecord Damage => damage;
}

/// <summary>What was to be stored could not be read again, so it was not stored.</summary>
public sealed class UnfitRecordException(string key, string why, Exception? inner = null) : Exception($"{key} cannot be stored: {why}", inner);

/// <summary>A record as it was read.</summary>
/// <param name="Now">Store time of the read.</param>
public sealed record StoredRecord<T>(T Record, StoredObject Object, DateTimeOffset Now);

/// <summary>What reading a record came to: it was found, it is damaged, or it is missing.</summary>
public readonly record struct RecordReading<T>(StoredRecord<T>? Found, DamagedRecord? Damage)
{
    public bool IsMissing => Found is null && Damage is null;

    /// <summary>Null: it is missing.</summary>
    /// <exception cref="DamagedRecordException">It is damaged.</exception>
    public StoredRecord<T>? OrThrow() => Damage is { } damage ? throw new DamagedRecordException(damage) : Found;
}

/// <summary>Says of each damaged record once that it is: what works by the clock meets it every minute.</summary>
public sealed class DamageNotices(ILogger<DamageNotices> log)
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<DamagedRecord, bool> told = [];

    public void Tell(DamagedRecord damage)
    {
        if (told.TryAdd(damage, true)) log.Damaged(damage);
    }

    /// <summary>Tells about the damage in a failure.</summary>
    /// <returns>What else there is in it.</returns>
    public IReadOnlyList<Exception> Tell(Exception failure)
    {
        if (failure is AggregateException several) return [.. several.InnerExceptions.SelectMany(Tell)];
        if (failure is not DamagedRecordException damaged) return [failure];
        Tell(damaged.Damage);
        return [];
    }
}
