using Serverless.Core.Storage.Folder;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Files whose lock means something between the processes of a machine. A lock is let go when its holder dies. Code that runs as another user cannot
/// open them.
/// </summary>
static class LockFile
{
    private const int WouldBlock = 11, WouldBlockOnMac = 35, SharingViolation = unchecked((int)0x80070020);

    /// <summary>Null when somebody holds it, alone or with others.</summary>
    public static FileStream? Try(string file) => Open(file, FileAccess.ReadWrite, FileShare.None);

    /// <summary>Null when somebody holds it alone.</summary>
    public static FileStream? TryShared(string file) => Open(file, FileAccess.Read, FileShare.Read);

    /// <summary>Waits until nobody holds it.</summary>
    public static async Task<FileStream> Wait(string file, TimeSpan poll, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            if (Try(file) is { } held) return held;
            await Task.Delay(poll, time, cancel);
        }
    }

    private static FileStream? Open(string file, FileAccess access, FileShare share)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = access, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        OwnFile.Check(file);
        try
        {
            return new(file, options);
        }
        catch (IOException held) when (held.HResult is WouldBlock or WouldBlockOnMac or SharingViolation)
        {
            return null;
        }
    }
}
