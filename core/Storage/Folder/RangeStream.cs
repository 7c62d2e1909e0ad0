using Microsoft.Win32.SafeHandles;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// A part of an open file. Bytes appended to the file later are not in it. What is read comes at once, from a disk or from memory, so whoever reads
/// much would keep its thread to itself: between two pieces, <see cref="ReadAsync(Memory{byte}, CancellationToken)"/> lets others have it.
/// </summary>
/// <param name="key">Of the object that it is; null: it is none.</param>
internal sealed class RangeStream(SafeFileHandle file, long start, long length, FolderFaults? faults, string? key = null) : Stream
{
    private const int PieceBytes = 32 * 1024;

    private long position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => position;
        set => position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    public override int Read(Span<byte> buffer)
    {
        var wanted = Wanted(buffer.Length);
        if (wanted == 0) return 0;
        try
        {
            var read = RandomAccess.Read(file, buffer[..wanted], start + position);
            position += read;
            return read;
        }
        catch (IOException e) when (key is not null && e.HResult == Posix.EIO)
        {
            throw new UnreadableObjectException(key, "its disk cannot read it", e);
        }
        catch (Exception e) when (faults?.Of(e) is { } fault)
        {
            throw fault;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (position + Wanted(buffer.Length) > PieceBytes) await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        return Read(buffer.Span);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => position + offset,
        _ => length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }

    private int Wanted(int room) => (int)Math.Min(room, Math.Max(0, length - position));
}
