using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// A file of a folder that code writes to, read as it grows. Code that writes the whole of it each time, a list of all epochs say, is not told from
/// code that appends, as long as what was read is still there. Otherwise the file was written anew, and is read from its beginning.
/// </summary>
/// <param name="folder">Where it is, once that is made.</param>
/// <param name="path">From there.</param>
sealed class GrowingFile(Func<string> folder, string path)
{
    /// <summary>
    /// Two files that have the same here, at the same place, are taken for the same: a line of metrics names its step. The last ones that were read,
    /// and the first ones: of a file whose newest line comes first, or that has the newest lines only, the last ones may be as they were.
    /// </summary>
    private const int TailLength = 64, HeadLength = 256;

    private readonly byte[] tail = new byte[TailLength], head = new byte[HeadLength], now = new byte[HeadLength];
    private Func<string> folder = folder;
    private string path = path;
    private long position;
    private int known;

    /// <summary>How much of it has been read.</summary>
    public long Position => position;

    /// <summary>It has another name by now.</summary>
    public void MovedTo(Func<string> folder, string path) => (this.folder, this.path) = (folder, path);

    /// <summary>What was read is read again.</summary>
    public void BeginAgain() => (position, known) = (0, (int)Math.Min(position, HeadLength));

    /// <summary>Its first bytes, as far as they are known.</summary>
    public ReadOnlySpan<byte> Beginning => head.AsSpan(0, Math.Max(known, (int)Math.Min(position, HeadLength)));

    /// <summary>Whether it begins with these bytes, or they with as much of it as has been read.</summary>
    public bool BeginsAs(ReadOnlySpan<byte> bytes)
    {
        var length = (int)Math.Min(Math.Min(position, HeadLength), bytes.Length);
        return length > 0 && bytes[..length].SequenceEqual(head.AsSpan(0, length));
    }

    /// <summary>What is there now at a place.</summary>
    /// <returns>Null: there is no such file any more.</returns>
    public int? ReadAt(long at, Span<byte> into)
    {
        using var file = Open();
        if (file is null) return null;
        file.Content.Position = Math.Min(at, file.LengthBytes);
        return file.Content.ReadAtLeast(into, into.Length, throwOnEndOfStream: false);
    }

    /// <param name="anew">The file is not the one that was read before: what is read is its beginning.</param>
    /// <returns>How much has been read; 0 when there is nothing more, or no plain file.</returns>
    public int Read(byte[] buffer, out bool anew)
    {
        anew = false;
        using var file = Open();
        if (file is null) return 0;
        if (!HasWhatWasRead(file))
        {
            anew = true;
            position = 0;
        }

        file.Content.Position = position;
        var read = file.Content.Read(buffer);
        if (position < HeadLength)
        {
            buffer.AsSpan(0, (int)Math.Min(read, HeadLength - position)).CopyTo(head.AsSpan((int)position));
        }

        position += read;
        KeepTail(buffer.AsSpan(0, read));
        return read;
    }

    private bool HasWhatWasRead(PlainFile file)
    {
        if (file.LengthBytes < position) return false;
        var length = (int)Math.Min(position, TailLength);
        return Has(file, position - length, tail.AsSpan(TailLength - length)) && Has(file, 0, head.AsSpan(0, (int)Math.Min(position, HeadLength)));
    }

    private bool Has(PlainFile file, long at, ReadOnlySpan<byte> bytes)
    {
        file.Content.Position = at;
        return now.AsSpan(0, file.Content.ReadAtLeast(now.AsSpan(0, bytes.Length), bytes.Length, throwOnEndOfStream: false)).SequenceEqual(bytes);
    }

    // At the end of the array, so that a shorter one needs no length of its own.
    private void KeepTail(ReadOnlySpan<byte> read)
    {
        if (read.Length < TailLength) tail.AsSpan(read.Length).CopyTo(tail);
        var last = read[Math.Max(0, read.Length - TailLength)..];
        last.CopyTo(tail.AsSpan(TailLength - last.Length));
    }

    // What is no plain file has no metrics. It is said once, at the end, with everything else that was left out.
    private PlainFile? Open()
    {
        try
        {
            return PlainFile.Open(folder(), path);
        }
        catch (NotPlainException)
        {
            return null;
        }
    }
}
