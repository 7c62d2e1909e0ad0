using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Appends a stream to numbered objects. Only one attempt writes them, so an append whose outcome is unknown is told from the object's length.
/// </summary>
/// <param name="key">Segment number → key.</param>
sealed class SegmentWriter(IObjectStore store, Func<int, string> key, Retry retry)
{
    private const long RollBytes = 8 * 1024 * 1024;

    /// <summary>Below <see cref="Limits.AppendsPerObject"/>, with room for a batch that is split.</summary>
    private const int RollAppends = 40_000;

    private int segment, appends;
    private long length;

    public StreamCursor End => new(segment, length);

    /// <summary>The segment is long enough; the next bytes should begin another.</summary>
    public bool IsFull => length >= RollBytes || appends >= RollAppends;

    public void Roll()
    {
        segment++;
        length = 0;
        appends = 0;
    }

    public async Task Append(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (bytes.Length > 0)
        {
            var block = bytes[..Math.Min(bytes.Length, Limits.AppendBlockBytes)];
            var result = await retry.Execute(() => store.Append(key(segment), length, block, cancel), cancel);
            if (!result.Appended && result.LengthBytes != length + block.Length)
            {
                var found = $"{key(segment)} has {result.LengthBytes} bytes where this worker wrote {length}";
                throw new StreamTakenException($"{found}: somebody else writes to it");
            }

            length += block.Length;
            appends++;
            bytes = bytes[block.Length..];
        }
    }
}
