namespace Serverless.Client.Http;

/// <summary>Reads a content and tells how many bytes of it were read.</summary>
sealed class ReportingStream(Stream inner, IProgress<long> progress) : ForwardStream
{
    private long position;

    public override long Length => inner.Length;
    public override long Position { get => position; set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Tell(await inner.ReadAsync(buffer, cancellationToken));

    public override int Read(byte[] buffer, int offset, int count) => Tell(inner.Read(buffer, offset, count));

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }

    private int Tell(int read)
    {
        position += read;
        progress.Report(position);
        return read;
    }
}
