using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Storage.Plain;

/// <summary>
/// The one way to the content of files that somebody else wrote: what code, a set-up command or a person left. Only plain files are opened, nothing
/// waits for a pipe, and there is never more to read than the file had when it was opened.
/// </summary>
internal sealed class PlainFile : IDisposable
{
    /// <summary>
    /// Above this a file must not be almost nothing but holes: to read it takes as long as to read data, and storing it takes room that it never had.
    /// </summary>
    private const long MaxHollowBytes = 16L << 30;
    private const int HollowFactor = 100;

    private readonly SafeFileHandle handle;

    private PlainFile(SafeFileHandle handle, FileStat look)
    {
        (this.handle, State) = (handle, look.State);
        Content = new RangeStream(handle, 0, look.State.LengthBytes, faults: null);
    }

    public FileState State { get; }

    public long LengthBytes => State.LengthBytes;

    /// <summary>Who may do what with it.</summary>
    [UnsupportedOSPlatform("windows")]
    public UnixFileMode Mode => File.GetUnixFileMode(handle);

    /// <summary>Seekable; closed with this.</summary>
    public Stream Content { get; }

    /// <summary>Whether somebody wrote to it since it was opened.</summary>
    public bool HasChanged => LookAt(handle).State != State;

    /// <summary>A file below a folder that others write to, without following any link; null when it is missing.</summary>
    /// <exception cref="NotPlainException">It is no plain file, or may not be read; or a folder on the way is none.</exception>
    public static PlainFile? Open(string root, string relative)
    {
        var split = relative.LastIndexOf('/');
        using var top = PlainFolder.Open(root);
        using var folder = top?.Folder(split < 0 ? "" : relative[..split]);
        return folder?.File(relative[(split + 1)..]);
    }

    /// <summary>A file that its owner named: a link is followed.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="NotPlainException">It is no plain file, or may not be read.</exception>
    public static PlainFile Open(string path)
    {
        var opened = FileCalls.Open(null, FileCalls.Bytes(path), isFolder: false, follow: true, out var error);
        return opened is not null ? Of(opened)
            : throw (FileCalls.IsMissing(error) ? new FileNotFoundException($"there is no file {path}", path) : FileCalls.Failure(error));
    }

    /// <summary>Why a file that its owner named cannot be read; null when it can.</summary>
    public static string? Problem(string path)
    {
        try
        {
            Open(path).Dispose();
            return null;
        }
        catch (FileNotFoundException)
        {
            return "it is gone, or its name is not UTF-8";
        }
        catch (IOException problem)
        {
            return problem.Message;
        }
    }

    /// <summary>Makes an empty file a copy that takes no room of its own; false where the file system cannot, and nothing was done.</summary>
    public bool ShareWith(SafeFileHandle empty) => FileCalls.Share(handle, empty);

    /// <exception cref="NotPlainException">It is longer.</exception>
    public byte[] ReadAll(int maxBytes)
    {
        if (LengthBytes > maxBytes) throw new NotPlainException($"it has {LengthBytes} bytes, at most {maxBytes} are read");
        var bytes = new byte[LengthBytes];
        Content.Position = 0;
        Content.ReadExactly(bytes);
        return bytes;
    }

    public void Dispose() => Content.Dispose();

    /// <param name="folder">Whose file it is to be; null: any.</param>
    internal static PlainFile Of(SafeFileHandle opened, FileStat? folder = null)
    {
        try
        {
            var look = LookAt(opened);
            if (look.Problem is { } problem) throw new NotPlainException(problem);
            if (folder is { } tree && !look.IsMountedLike(tree)) throw new NotPlainException(FileStat.Mounted);
            var length = look.State.LengthBytes;
            if (length > MaxHollowBytes && look.AllocatedBytes < length / HollowFactor)
            {
                throw new NotPlainException($"it is {length >> 30} GiB of almost nothing but holes");
            }

            return new(opened, look);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private static FileStat LookAt(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux()) return FileCalls.Look(file);
        try
        {
            var written = UnixTime.Of(File.GetLastWriteTimeUtc(file));
            var length = RandomAccess.GetLength(file);
            return new(FileKind.File, new(length, written, written), length);
        }
        catch (NotSupportedException)
        {
            return new(FileKind.Pipe, default);
        }
    }
}
