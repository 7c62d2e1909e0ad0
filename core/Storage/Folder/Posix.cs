using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// The libc calls that .NET has no equal for. Only fixed arguments: a variadic one is passed
/// differently on some machines. On Windows the nearest thing.
/// </summary>
internal static partial class Posix
{
    public const int ENOENT = 2, EINTR = 4, EIO = 5, EAGAIN = 11, EACCES = 13, EEXIST = 17, EXDEV = 18, ENOTDIR = 20, EISDIR = 21, ENOSPC = 28,
        EROFS = 30;
    public static readonly int EDQUOT = OperatingSystem.IsLinux() ? 122 : 69;
    public static readonly int ENOTEMPTY = OperatingSystem.IsLinux() ? 39 : 66;

    private const int LockShared = 1, LockExclusive = 2, LockNoWait = 4, Unlock = 8;

    // Linux only, the same on every architecture that .NET runs on.
    private const int DoNotWait = 0x800, SetSignal = 10, SetLease = 1024, LeaseForReading = 0, UrgentSignal = 23;

    // Where statvfs has them, in words of 64 bits: those that are not kept for root are the free ones.
    private const int InodesInAll = 5, InodesFree = 7;

    // Without it a child process would share the lock, and keep it when this process is killed.
    private static readonly int CloseOnExec = OperatingSystem.IsLinux() ? 0x80000 : OperatingSystem.IsFreeBSD() ? 0x100000 : 0x1000000;

    /// <summary>
    /// Replaces <paramref name="to"/> in one step. Never falls back to copying, as File.Move does between disks. Returns 0 or the error number.
    /// </summary>
    public static int Rename(string from, string to)
    {
        if (!OperatingSystem.IsWindows()) return RenameFile(from, to) == 0 ? 0 : Marshal.GetLastPInvokeError();
        try
        {
            File.Move(from, to, overwrite: true);
            return 0;
        }
        catch (DirectoryNotFoundException)
        {
            return ENOENT;
        }
    }

    /// <summary>Makes one folder, and none above it: where a disk was unmounted, nothing may appear. Fine when it is there already.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no folder above it.</exception>
    public static void MakeFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            if (!Directory.Exists(Path.GetDirectoryName(folder))) throw new DirectoryNotFoundException(folder);
            Directory.CreateDirectory(folder);
            return;
        }

        if (NewFolder(folder, Convert.ToUInt32("777", 8)) == 0) return;
        var error = Marshal.GetLastPInvokeError();
        if (error == ENOENT) throw new DirectoryNotFoundException(folder);
        if (error != EEXIST) throw Error(error, folder);
    }

    /// <summary>Removes an empty folder; false when it is not empty, missing or not ours to remove.</summary>
    public static bool RemoveEmpty(string folder)
    {
        if (!OperatingSystem.IsWindows()) return RemoveFolder(folder) == 0;
        try
        {
            Directory.Delete(folder);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Makes a folder's names durable. False when the folder is gone.</summary>
    public static bool SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return true;
        using var handle = Open(folder);
        if (handle is null) return false;
        RandomAccess.FlushToDisk(handle);
        return true;
    }

    /// <summary>Makes a file's bytes durable, without its times where the system can tell them apart.</summary>
    public static void SyncData(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux()) RandomAccess.FlushToDisk(file);
        else if (DataSync(file) != 0) throw Error(Marshal.GetLastPInvokeError(), "fdatasync");
    }

    /// <summary>Opens (creates) a file to lock; never through a link. The kernel frees the lock when the process ends, however it ends.</summary>
    /// <exception cref="IOException">Something else than a file stands there.</exception>
    public static SafeFileHandle OpenLock(string path)
    {
        if (OperatingSystem.IsWindows()) return new SafeFileHandle();
        for (var tries = 0; tries < 2; tries++)
        {
            OwnFile.Check(path);
            try
            {
                return FileCalls.OpenPath(path);
            }
            catch (FileNotFoundException)
            {
                try
                {
                    OwnFile.Create(path).Dispose();
                }
                catch (IOException) when (File.Exists(path))
                {
                    // Somebody else made it meanwhile.
                }
            }
        }

        throw Error(ENOENT, path);
    }

    /// <summary>0 when this user may read and write what is at the path, and enter it; else the error number.</summary>
    public static int UseProblem(string path, bool isFolder)
    {
        if (OperatingSystem.IsWindows()) return 0;
        return Access(path, isFolder ? 7 : 6) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Takes the lock unless another process (or another opening in this one) has it; null then. Dispose frees it.</summary>
    public static IDisposable? TryLock(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
            {
                return null;
            }
        }

        while (Flock(handle, LockExclusive | LockNoWait) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error is 11 or 35) return null;
            if (error != EINTR) throw Error(error, path);
        }

        return new Held(handle);
    }

    /// <summary>Whether somebody has taken the lock. Whoever else asks at the same time is not taken for one.</summary>
    /// <exception cref="IOException">The file's disk cannot tell.</exception>
    public static bool IsLocked(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            try
            {
                new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete).Dispose();
                return false;
            }
            catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
            {
                return true;
            }
        }

        while (Flock(handle, LockShared | LockNoWait) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error is 11 or 35) return true;
            if (error != EINTR) throw Error(error, path);
        }

        _ = Flock(handle, Unlock);
        return false;
    }

    /// <summary>
    /// Asks the kernel for a read lease, which it gives only while nobody has the file open for writing; until it is disposed, whoever opens the file
    /// for writing waits. Null with <paramref name="written"/> true: somebody is writing. Null with null: this
    /// system cannot tell (no Linux, another person's file, a network disk).
    /// </summary>
    public static IDisposable? TryLease(string path, out bool? written)
    {
        written = null;
        if (!OperatingSystem.IsLinux()) return null;
        var opened = OpenFile(path, CloseOnExec | DoNotWait);
        if (opened < 0)
        {
            if (Marshal.GetLastPInvokeError() == EAGAIN) written = true;
            return null;
        }

        // The kernel asks for a lease back with a signal; the usual one would end the process,
        // this one is ignored. Closing the file gives the lease back.
        var file = new SafeFileHandle(opened, ownsHandle: true);
        if (FileControl(file, SetSignal, UrgentSignal) == 0 && FileControl(file, SetLease, LeaseForReading) == 0)
        {
            written = false;
            return file;
        }

        if (Marshal.GetLastPInvokeError() == EAGAIN) written = true;
        file.Dispose();
        return null;
    }

    /// <summary>The user that this process is.</summary>
    public static uint Me => OperatingSystem.IsWindows() ? 0 : EffectiveUser();

    /// <summary>How many files this process may have open at once; null without a limit.</summary>
    public static long? MostOpenFiles()
    {
        if (OperatingSystem.IsWindows()) return null;
        Span<ulong> nowAndMost = stackalloc ulong[2];
        return GetLimit(OperatingSystem.IsLinux() ? 7 : 8, nowAndMost) == 0 && nowAndMost[0] < long.MaxValue ? (long)nowAndMost[0] : null;
    }

    /// <summary>How many files the disk can still take, and how many it takes in all; null where it has no such limit, or does not say.</summary>
    public static (long Free, long Most)? Inodes(string path)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess) return null;
        Span<ulong> numbers = stackalloc ulong[32];
        if (LookAtDisk(path, numbers) != 0 || numbers[InodesInAll] == 0) return null;
        return ((long)numbers[InodesFree], (long)numbers[InodesInAll]);
    }

    public static IOException Error(int error, string what) => new($"{Marshal.GetPInvokeErrorMessage(error)}: {what}", error);

    private static SafeFileHandle? Open(string path)
    {
        var opened = OpenFile(path, CloseOnExec);
        if (opened >= 0) return new(opened, ownsHandle: true);
        var error = Marshal.GetLastPInvokeError();
        return error == ENOENT ? null : throw Error(error, path);
    }

    private sealed class Held(SafeFileHandle handle) : IDisposable
    {
        public void Dispose() => _ = Flock(handle, Unlock);
    }

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameFile(string from, string to);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NewFolder(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "rmdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveFolder(string path);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);

    // Variadic, which on Linux makes no difference to how one number is passed.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(SafeFileHandle file, int command, int argument);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, Span<ulong> nowAndMost);

    [LibraryImport("libc", EntryPoint = "statvfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LookAtDisk(string path, Span<ulong> numbers);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);
}
