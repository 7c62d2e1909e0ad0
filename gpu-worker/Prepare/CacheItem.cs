namespace Serverless.GpuWorker.Prepare;

/// <summary>Something that a cache keeps.</summary>
/// <param name="Remove">False when it is in use.</param>
sealed record CacheItem(long LengthBytes, DateTimeOffset LastUse, Func<bool> Remove)
{
    /// <summary>Removes what was not used for longest until the rest is within the limit. What is in use stays, and counts.</summary>
    public static void Trim(IEnumerable<CacheItem> items, long limitBytes)
    {
        var oldestFirst = items.OrderBy(item => item.LastUse).ToList();
        var left = oldestFirst.Sum(item => item.LengthBytes);
        foreach (var item in oldestFirst)
        {
            if (left <= limitBytes) return;
            if (item.Remove()) left -= item.LengthBytes;
        }
    }
}
