using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Files that are being written. Each opener of the store has a folder of its own for them, and a lock file beside it for as long as it lives; a
/// folder whose lock is free belonged to a process that ended, and is removed by the next one.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The lock is held for as long as anybody can write: to the end of the process, as a rule.")]
internal sealed class TemporaryFiles(FolderLayout layout)
{
    private const string LockEnding = ".lock";
    private const int NameBytes = 8;
    private readonly Lock claiming = new();
    private string? folder;
    private FileStream? life;
    private long made;

    public TemporaryFile Create() => new($"{Folder()}/{Interlocked.Increment(ref made)}");

    public void RemoveLeftovers()
    {
        if (!Directory.Exists(layout.Temporary)) return;
        foreach (var lockFile in Directory.EnumerateFiles(layout.Temporary, "*" + LockEnding))
        {
            var left = lockFile[..^LockEnding.Length];
            if (left == folder || !IsName(Path.GetFileName(left))) continue;
            try
            {
                using var dead = new FileStream(lockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                if (OperatingSystem.IsLinux()) FolderRemoval.Remove(layout.Temporary, Path.GetFileName(left));
                else if (Directory.Exists(left)) Directory.Delete(left, recursive: true);
                File.Delete(lockFile);
            }
            catch (IOException)
            {
                // Its owner lives, or another process is removing it.
            }
        }
    }

    // Something else of this ending may have been put, or mounted, here.
    private static bool IsName(string name) => name.Length == 2 * NameBytes && name.All(char.IsAsciiHexDigitLower);

    private string Folder()
    {
        if (folder is { } mine) return mine;
        lock (claiming)
        {
            while (folder is null)
            {
                var name = $"{layout.Temporary}/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NameBytes))}";
                try
                {
                    life = new FileStream(name + LockEnding, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
                }
                catch (IOException e) when (e is not DirectoryNotFoundException && File.Exists(name + LockEnding))
                {
                    // Another process looked at it between its making and its locking.
                    continue;
                }

                Posix.MakeFolder(name);
                folder = name;
            }

            return folder;
        }
    }
}

/// <summary>A file on its way to its name; removed by Dispose when it has not got there.</summary>
internal sealed class TemporaryFile(string path) : IDisposable
{
    private bool placed;

    // Shared, as a reader may open it under its new name while this handle is still open.
    public SafeFileHandle Handle { get; } = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    public long LengthBytes { get; private set; }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(Handle, bytes, LengthBytes);
        LengthBytes += bytes.Length;
    }

    /// <summary>
    /// Gives the file a time of at least <paramref name="ticks"/>, later than <paramref name="floor"/> even where the file system keeps seconds only.
    /// </summary>
    public FileVersion Stamp(long ticks, long floor = 0) => Stamp(Handle, LengthBytes, ticks, floor);

    public static FileVersion Stamp(SafeFileHandle file, long lengthBytes, long ticks, long floor)
    {
        for (var step = 1L; ; step *= 10)
        {
            File.SetLastWriteTimeUtc(file, new DateTime(ticks, DateTimeKind.Utc));
            var kept = File.GetLastWriteTimeUtc(file).Ticks;
            if (kept > floor || floor == 0) return new(kept, lengthBytes);
            ticks = floor + step;
        }
    }

    /// <summary>Returns 0 or the error number.</summary>
    public int MoveTo(string target)
    {
        var error = Posix.Rename(path, target);
        placed |= error == 0;
        return error;
    }

    public void Dispose()
    {
        Handle.Dispose();
        if (placed) return;
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The disk went away while it was written, which its writer is told. It goes with this process's folder.
        }
    }
}
