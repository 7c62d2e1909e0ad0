using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Storage.Plain;

/// <summary>The system calls that look at and open a name without following it and without waiting for anybody.</summary>
internal static unsafe partial class FileCalls
{
    private const int EACCES = 13, ELOOP = 40, ENXIO = 6;
    private const int RemoveFolder = 0x200, PathOnly = 0x200000;

    private static readonly int AtWorkingFolder = OperatingSystem.IsMacOS() ? -2 : Statx.AtWorkingFolder;
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;
    private static readonly int CloseOnExec = OperatingSystem.IsLinux() ? 0x80000 : OperatingSystem.IsFreeBSD() ? 0x100000 : 0x1000000;
    private static readonly int DoNotWait = OperatingSystem.IsLinux() ? 0x800 : 4;
    private static readonly int NoFollow = !OperatingSystem.IsLinux() ? 0x100 : IsArm ? 0x8000 : 0x20000;
    private static readonly int FolderOnly = !OperatingSystem.IsLinux() ? 0x100000 : IsArm ? 0x4000 : 0x10000;

    public static byte[] Bytes(string name) => [.. Encoding.UTF8.GetBytes(name), 0];

    /// <summary>What a path stands for. Elsewhere than on Linux a pipe cannot be told from a file before it is opened.</summary>
    /// <exception cref="UnauthorizedAccessException">It is in a folder that may not be searched.</exception>
    public static FileStat LookAt(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                return Look(null, Bytes(path));
            }
            catch (NotPlainException denied)
            {
                throw new UnauthorizedAccessException($"access to {path} is denied", denied);
            }
        }

        var info = new FileInfo(path);
        var attributes = info.Attributes;
        if ((int)attributes == -1) return default;
        if ((attributes & FileAttributes.ReparsePoint) != 0) return new(FileKind.Link, default);
        if ((attributes & FileAttributes.Directory) != 0) return new(FileKind.Folder, default);
        var written = UnixTime.Of(info.LastWriteTimeUtc);
        return new(FileKind.File, new(info.Length, written, written), info.Length);
    }

    /// <summary>What the name stands for. Linux only.</summary>
    /// <param name="folder">Where the name is; null: it is a path.</param>
    public static FileStat Look(SafeFileHandle? folder, ReadOnlySpan<byte> name)
    {
        using var at = new Borrowed(folder);
        fixed (byte* start = name) return Look(at.Descriptor, start, Statx.NoFollowing | Statx.NoMounting | Statx.WithoutAsking);
    }

    /// <summary>What an open file is. Linux only.</summary>
    public static FileStat Look(SafeFileHandle file)
    {
        using var at = new Borrowed(file);
        byte nothing = 0;
        return Look(at.Descriptor, &nothing, Statx.OfDescriptor);
    }

    /// <summary>Opens a name for reading; null with the error number when that is not possible.</summary>
    /// <param name="follow">Whether the name itself may be a link.</param>
    public static SafeFileHandle? Open(SafeFileHandle? folder, ReadOnlySpan<byte> name, bool isFolder, bool follow, out int error)
    {
        if (OperatingSystem.IsWindows()) return OpenOnWindows(Encoding.UTF8.GetString(name[..^1]), out error);
        using var at = new Borrowed(folder);
        var flags = CloseOnExec | DoNotWait | (isFolder ? FolderOnly : 0) | (follow ? 0 : NoFollow);
        fixed (byte* start = name)
        {
            var opened = OpenAt(at.Descriptor, start, flags);
            error = opened >= 0 ? 0 : Marshal.GetLastPInvokeError();
            return opened >= 0 ? new(opened, ownsHandle: true) : null;
        }
    }

    /// <summary>Opens a file by its path, never through a link at its end. What it is, is for the caller to see.</summary>
    /// <exception cref="FileNotFoundException">There is none, or a link.</exception>
    public static SafeFileHandle OpenPath(string path)
    {
        if (Open(null, Bytes(path), isFolder: false, follow: false, out var error) is { } opened) return opened;
        if (IsMissing(error) || error == ELOOP) throw new FileNotFoundException(null, path);
        throw error == EACCES ? new UnauthorizedAccessException($"access to {path} is denied") : Posix.Error(error, path);
    }

    /// <summary>Makes an empty file share the blocks of another until one of them is written to; false where the file system cannot.</summary>
    public static bool Share(SafeFileHandle from, SafeFileHandle to)
    {
        const nuint Clone = 0x40049409;
        if (!OperatingSystem.IsLinux()) return false;
        using var source = new Borrowed(from);
        using var target = new Borrowed(to);
        return Control(target.Descriptor, Clone, source.Descriptor) == 0;
    }

    /// <summary>Removes a name: a folder when it is empty. Linux only.</summary>
    public static bool Remove(SafeFileHandle folder, ReadOnlySpan<byte> name, bool isFolder)
    {
        using var at = new Borrowed(folder);
        fixed (byte* start = name) return UnlinkAt(at.Descriptor, start, isFolder ? RemoveFolder : 0) == 0;
    }

    public static bool Move(SafeFileHandle from, ReadOnlySpan<byte> name, SafeFileHandle to, ReadOnlySpan<byte> newName)
    {
        using var source = new Borrowed(from);
        using var target = new Borrowed(to);
        fixed (byte* start = name, newStart = newName) return RenameAt(source.Descriptor, start, target.Descriptor, newStart) == 0;
    }

    /// <summary>
    /// Holds what a name stands for, whatever it is and whatever its rights are, without opening it; null when it is gone. Linux only.
    /// </summary>
    public static SafeFileHandle? Hold(SafeFileHandle folder, ReadOnlySpan<byte> name)
    {
        using var at = new Borrowed(folder);
        fixed (byte* start = name)
        {
            return OpenAt(at.Descriptor, start, CloseOnExec | PathOnly | NoFollow) is >= 0 and var held ? new(held, ownsHandle: true) : null;
        }
    }

    /// <summary>Gives the owner every right to a folder, whatever was taken away from it. Linux only.</summary>
    public static void Allow(SafeFileHandle folder)
    {
        using var at = new Borrowed(folder);
        fixed (byte* path = Bytes(LinkTo(at.Descriptor))) _ = ChangeMode(path, Convert.ToUInt32("700", 8));
    }

    /// <summary>Makes what is held stand for another open file, whoever uses its descriptor meanwhile. Linux only.</summary>
    public static void Replace(SafeFileHandle held, SafeFileHandle by)
    {
        using var at = new Borrowed(held);
        using var other = new Borrowed(by);
        if (Duplicate(other.Descriptor, at.Descriptor, CloseOnExec) < 0) throw Failure(Marshal.GetLastPInvokeError());
    }

    /// <summary>Where something that is held is now; null when it is nowhere. Linux only.</summary>
    public static string? PathOf(SafeFileHandle held)
    {
        using var at = new Borrowed(held);
        return new FileInfo(LinkTo(at.Descriptor)).LinkTarget;
    }

    /// <summary>Through which mount something was opened, as kernels before 5.8 tell it; 0 when this one does not. Linux only.</summary>
    public static ulong MountOf(SafeFileHandle opened)
    {
        using var at = new Borrowed(opened);
        return MountOf(at.Descriptor);
    }

    /// <summary>A stream of a folder's names, to be read by <see cref="NextName"/> and closed by <see cref="CloseNames"/>.</summary>
    public static nint OpenNames(SafeFileHandle folder)
    {
        using var at = new Borrowed(folder);
        // A descriptor of its own: the stream closes it, and has a position.
        fixed (byte* self = "."u8)
        {
            var again = OpenAt(at.Descriptor, self, CloseOnExec | FolderOnly);
            if (again < 0) throw Failure(Marshal.GetLastPInvokeError());
            var names = OpenFolderStream(again);
            if (names == 0) _ = Close(again);
            return names != 0 ? names : throw Failure(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>The next name, as its bytes are, with the 0 at its end; null at the end of the folder.</summary>
    public static byte[]? NextName(nint names)
    {
        // struct dirent of Linux: inode, offset, length of the entry, type, name.
        const int NameAt = 8 + 8 + 2 + 1;
        while (true)
        {
            var entry = ReadFolderStream(names);
            if (entry is null) return null;
            var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + NameAt);
            if (name is [(byte)'.'] or [(byte)'.', (byte)'.']) continue;
            return [.. name, 0];
        }
    }

    public static void CloseNames(nint names) => _ = CloseFolderStream(names);

    public static bool IsMissing(int error) => error is Posix.ENOENT or Posix.ENOTDIR;

    public static Exception Failure(int error) => error switch
    {
        EACCES or 1 => new NotPlainException("it may not be read"),
        ELOOP => new NotPlainException(new FileStat(FileKind.Link, default).Problem!),
        ENXIO => new NotPlainException(new FileStat(FileKind.Socket, default).Problem!),
        _ => new IOException($"it cannot be read: {Marshal.GetPInvokeErrorMessage(error)}", error),
    };

    private static SafeFileHandle? OpenOnWindows(string path, out int error)
    {
        error = 0;
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception refused) when (refused is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            error = refused is UnauthorizedAccessException ? EACCES : Posix.ENOENT;
            return null;
        }
    }

    private static FileStat Look(int folder, byte* name, int flags)
    {
        if (Statx.Ask(folder, name, flags, Statx.BasicFacts | Statx.MountFact, out var facts) is not 0 and var error)
        {
            return IsMissing(error) ? default : throw Failure(error);
        }

        var kind = (facts.Mode & 0xf000) switch
        {
            0x8000 => FileKind.File,
            0x4000 => FileKind.Folder,
            0xa000 => FileKind.Link,
            0x1000 => FileKind.Pipe,
            0xc000 => FileKind.Socket,
            _ => FileKind.Device,
        };
        var mount = (facts.Mask & Statx.MountFact) != 0 ? facts.Mount : (flags & Statx.OfDescriptor) != 0 ? MountOf(folder) : 0;
        var state = new FileState((long)facts.Size, facts.Modified.Time, facts.Changed.Time, facts.Inode);
        return new(kind, state, (long)facts.Blocks * 512, facts.Device, mount, facts.Names, facts.Owner);
    }

    private static ulong MountOf(int descriptor)
    {
        const string Name = "mnt_id:";
        try
        {
            var lines = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{descriptor}"));
            var mount = lines.FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal))?[Name.Length..];
            return ulong.TryParse(mount, NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var number) ? number : 0;
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    // Leads to what is held itself, also when something was mounted over it since.
    private static string LinkTo(int descriptor) => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{descriptor}");

    // A handle that is lent to a call must not be closed meanwhile.
    private readonly ref struct Borrowed
    {
        private readonly SafeFileHandle? handle;

        public Borrowed(SafeFileHandle? handle)
        {
            var added = false;
            handle?.DangerousAddRef(ref added);
            this.handle = handle;
            Descriptor = handle is null ? AtWorkingFolder : (int)handle.DangerousGetHandle();
        }

        public int Descriptor { get; }

        public void Dispose() => handle?.DangerousRelease();
    }

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAt(int folder, byte* name, int flags);

    [LibraryImport("libc", EntryPoint = "dup3", SetLastError = true)]
    private static partial int Duplicate(int from, int to, int flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static partial int UnlinkAt(int folder, byte* name, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    private static partial int RenameAt(int from, byte* name, int to, byte* newName);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true)]
    private static partial int ChangeMode(byte* path, uint mode);

    [LibraryImport("libc", EntryPoint = "fdopendir", SetLastError = true)]
    private static partial nint OpenFolderStream(int folder);

    [LibraryImport("libc", EntryPoint = "readdir", SetLastError = true)]
    private static partial byte* ReadFolderStream(nint names);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int CloseFolderStream(nint names);

    // Variadic, which on Linux makes no difference to how one number is passed.
    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int file, nuint command, int argument);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
