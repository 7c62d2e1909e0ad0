namespace Serverless.GpuWorker.Collect;

/// <summary>The newest bytes of a stream, at most <paramref name="capacity"/> of them. Memory is taken as they come.</summary>
sealed class LastBytes(int capacity)
{
    private byte[] ring = [];
    private int start, count;

    public int Count => count;

    /// <returns>How many older bytes were pushed out, or never got in.</returns>
    public long Add(ReadOnlySpan<byte> bytes)
    {
        var skipped = Math.Max(0, bytes.Length - capacity);
        bytes = bytes[skipped..];
        Grow(Math.Min(capacity, count + bytes.Length));
        var pushedOut = Math.Max(0, count + bytes.Length - ring.Length);
        start = ring.Length == 0 ? 0 : (start + pushedOut) % ring.Length;
        count -= pushedOut;
        var at = ring.Length == 0 ? 0 : (start + count) % ring.Length;
        var first = Math.Min(bytes.Length, ring.Length - at);
        bytes[..first].CopyTo(ring.AsSpan(at));
        bytes[first..].CopyTo(ring);
        count += bytes.Length;
        return skipped + pushedOut;
    }

    /// <summary>Takes out the oldest of them, at most <paramref name="most"/>.</summary>
    public byte[] Take(int most)
    {
        var taken = new byte[Math.Min(most, count)];
        var first = Math.Min(taken.Length, ring.Length - start);
        ring.AsSpan(start, first).CopyTo(taken);
        ring.AsSpan(0, taken.Length - first).CopyTo(taken.AsSpan(first));
        count -= taken.Length;
        start = count == 0 ? 0 : (start + taken.Length) % ring.Length;
        return taken;
    }

    private void Grow(int needed)
    {
        if (needed <= ring.Length) return;
        var larger = new byte[(int)Math.Min(capacity, Math.Max(needed, 2L * ring.Length))];
        var kept = Take(count);
        kept.CopyTo(larger, 0);
        (ring, start, count) = (larger, 0, kept.Length);
    }
}
