using System.Text;

namespace Serverless.Cli.Terminal;

/// <summary>Bytes of a text that somebody else wrote, on their way to a terminal: see <see cref="TerminalFilter"/>.</summary>
sealed class TerminalStream(Stream terminal, bool colours) : Stream
{
    private readonly TerminalFilter filter = new(colours);

    // A character may be cut between two writes.
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var characters = new char[decoder.GetCharCount(buffer, flush: false)];
        decoder.GetChars(buffer, characters, flush: false);
        terminal.Write(Encoding.UTF8.GetBytes(filter.Add(characters)));
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => terminal.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (filter.IsColoured) terminal.Write(Encoding.ASCII.GetBytes(TerminalFilter.Uncoloured));
            terminal.Dispose();
        }

        base.Dispose(disposing);
    }
}
