namespace Serverless.Core.Storage.Folder;

/// <summary>Turns what the system says into what the port promises.</summary>
internal sealed class FolderFaults(FolderLayout layout)
{
    private readonly string folder = layout.Root;

    public T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (Of(e) is { } fault)
        {
            throw fault;
        }
    }

    public void Guard(Action work) => Guard(() =>
    {
        work();
        return true;
    });

    /// <summary>The port's exception for a system error; null for everything else, which passes through.</summary>
    public IOException? Of(Exception e) => e switch
    {
        StoreFullException or StoreUnavailableException => null,
        IOException when IsFull(e.HResult) => new StoreFullException(NoRoom(folder), e),
        IOException when e.HResult == Posix.EROFS => new StoreUnavailableException($"{folder} is read-only", e),
        IOException when e.HResult == Posix.EXDEV =>
            new StoreUnavailableException($"a folder inside {folder} is on another disk: mount the whole of it, not a part", e),
        DirectoryNotFoundException => Gone(e),
        UnauthorizedAccessException => new StoreUnavailableException($"no permission for {folder}: {e.Message}", e),
        IOException => new StoreUnavailableException($"{folder} cannot be used: {e.Message}", e),
        _ => null,
    };

    /// <summary>A disk that is not mounted must not look like an empty store.</summary>
    public StoreUnavailableException Gone(Exception? e = null) =>
        !Directory.Exists(layout.Own) && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()

            // Writers of other processes hold locks in what is gone: made anew, it would let two write at once.
            ? new($"{layout.Own} was removed: stop the platform and start it again, which makes it anew", e)
            : new($"{folder} is gone: was it removed, or its disk unmounted?", e);

    /// <summary>What is short on the disk of a folder, once a write there has failed for want of room.</summary>
    public static string NoRoom(string folder) => Posix.Inodes(folder) is { Free: 0 }
        ? $"there is no room left for {folder}: its disk holds as many files as it can (no inodes are left)"
        : $"there is no room left for {folder}";

    // The last two are ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
    public static bool IsFull(int code) =>
        code == Posix.ENOSPC || code == Posix.EDQUOT || code is unchecked((int)0x80070027) or unchecked((int)0x80070070);
}
