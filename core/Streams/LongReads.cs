namespace Serverless.Core.Streams;

/// <summary>
/// Lets a few at once read what is long, so that many readers of long streams leave the processor and the memory to others. Who reads little does not
/// wait: a reader needs a place only from its <see cref="FreeBytes"/> on. Places are given in the order in which they were asked for.
/// </summary>
/// <param name="places">How many read at once what is long.</param>
public sealed class LongReads(int places)
{
    /// <summary>What everybody may read at once: 50,000 points.</summary>
    public const long FreeBytes = 1 << 20;

    private SemaphoreSlim Free { get; } = new(places);

    /// <summary>Of this process: one processor is left to others where there are several.</summary>
    public static LongReads Shared { get; } = new(Math.Max(1, Environment.ProcessorCount - 1));

    public LongRead Begin() => new(Free);
}

/// <summary>One reader's part in <see cref="LongReads"/>. Not safe for threads.</summary>
public sealed class LongRead : IDisposable
{
    private readonly SemaphoreSlim free;
    private long bytes;
    private bool hasPlace;

    internal LongRead(SemaphoreSlim free) => this.free = free;

    /// <summary>Before more is read: waits for a place when this has become a long read and has none.</summary>
    /// <param name="before">Bytes that were read since the last call.</param>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask GoOn(long before, CancellationToken cancel)
    {
        bytes += before;
        if (hasPlace || bytes < LongReads.FreeBytes) return;
        await free.WaitAsync(cancel);
        hasPlace = true;
    }

    /// <summary>Gives the place back. Before whatever may take as long as others like, such as handing over what was read.</summary>
    public void Leave()
    {
        if (!hasPlace) return;
        hasPlace = false;
        free.Release();
    }

    public void Dispose() => Leave();
}
