namespace Serverless.Core.Storage.Plain;

internal enum FileKind
{
    Missing,
    File,
    Folder,
    Link,
    Pipe,
    Socket,
    Device,
}

/// <summary>What a name stood for at one moment. Links are looked at, not followed.</summary>
/// <param name="AllocatedBytes">What it takes on the disk; less than its length when it has holes.</param>
/// <param name="Device">Which file system it is on; 0 where that is not told.</param>
/// <param name="Mount">Through which mount it was reached; 0 where that is not told.</param>
/// <param name="Names">How many names it has, by hard links; 0 where that is not told.</param>
/// <param name="Owner">Whose it is; 0 where that is not told.</param>
internal readonly record struct FileStat(
    FileKind Kind, FileState State, long AllocatedBytes = 0, ulong Device = 0, ulong Mount = 0, uint Names = 0, uint Owner = 0)
{
    /// <summary>Why what is mounted in a folder that others write to is not read as a part of it.</summary>
    public const string Mounted = "it is mounted; copy what it has";

    /// <summary>
    /// Whether it belongs to a tree by itself, and not because something is mounted there. A mounted folder of the same file system has the same
    /// device: what tells it apart is the mount.
    /// </summary>
    public bool IsMountedLike(FileStat tree) => Mount != 0 ? Mount == tree.Mount : Kind != FileKind.Folder || Device == tree.Device;

    /// <summary>What it is, with its article.</summary>
    public string Noun => Kind switch
    {
        FileKind.File => "a file",
        FileKind.Folder => "a folder",
        FileKind.Link => "a link",
        FileKind.Pipe => "a named pipe",
        FileKind.Socket => "a socket",
        FileKind.Device => "a device",
        FileKind.Missing => "missing",
    };

    /// <summary>Why it cannot be read as a file; null when it can.</summary>
    public string? Problem => Kind switch
    {
        FileKind.File => null,
        FileKind.Link => "it is a link; copy what it points to",
        FileKind.Pipe => "it is a named pipe",
        FileKind.Socket => "it is a socket",
        FileKind.Device => "it is a device",
        FileKind.Folder => "it is a folder",
        _ => "it is gone",
    };
}

/// <summary>What tells whether a file is still the same. A writer can set the time of modification back, but not the time of the change.</summary>
/// <param name="Changed">As <paramref name="Modified"/> where the system keeps no other.</param>
/// <param name="Inode">0 where that is not told.</param>
internal readonly record struct FileState(long LengthBytes, UnixTime Modified, UnixTime Changed, ulong Inode = 0);

/// <summary>Counted from 1970.</summary>
internal readonly record struct UnixTime(long Seconds, uint Nanoseconds)
{
    /// <summary>As <see cref="DateTime"/> counts them.</summary>
    public long Ticks => DateTime.UnixEpoch.Ticks + Seconds * TimeSpan.TicksPerSecond + Nanoseconds / TimeSpan.NanosecondsPerTick;

    public static UnixTime Of(DateTime time)
    {
        var (seconds, ticks) = Math.DivRem((time - DateTime.UnixEpoch).Ticks, TimeSpan.TicksPerSecond);
        return new(seconds, (uint)(Math.Max(0, ticks) * TimeSpan.NanosecondsPerTick));
    }
}

/// <summary>
/// Something that is not a plain file, or may not be read. The message says what, as the end of a sentence that begins with its name.
/// </summary>
internal sealed class NotPlainException(string problem) : IOException(problem);
