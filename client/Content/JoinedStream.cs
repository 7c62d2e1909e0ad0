namespace Serverless.Client;

/// <summary>What lies in pieces, read from its beginning to its end; each piece is opened when the one before it is used up.</summary>
public sealed class JoinedStream(IReadOnlyList<Func<CancellationToken, Task<Stream>>> pieces) : Stream
{
    private Stream current = Null;
    private int next;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        while ((read = await current.ReadAsync(buffer, cancellationToken)) == 0 && !buffer.IsEmpty && next < pieces.Count)
        {
            await current.DisposeAsync();
            current = await pieces[next++](cancellationToken);
        }

        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read asynchronously");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) current.Dispose();
        base.Dispose(disposing);
    }
}
