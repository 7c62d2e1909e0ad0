using Serverless.Core.Storage.Folder;
using Serverless.Core.Workspaces;

namespace Serverless.Cli.Platform;

/// <summary>One live platform a data folder. The operating system releases the lock when the process ends, however it ends.</summary>
sealed class PlatformLock : IDisposable
{
    private readonly FileStream file;

    private PlatformLock(FileStream file, string? mended) => (this.file, Mended) = (file, mended);

    /// <summary>What was wrong with the folder and is not any more.</summary>
    public string? Mended { get; }

    /// <exception cref="ExpException">Another platform is live on the folder, or it cannot be written, or not be kept from others.</exception>
    public static PlatformLock Take(DataFolder folder)
    {
        string? mended;
        try
        {
            mended = PrivateFolder.Ensure(folder.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ExpException(ExitCode.NotAllowed,
                e is NotPrivateException ? e.Message : $"{folder.Path} cannot be used as a data folder: {e.Message}");
        }

        if (DataFolderLayout.Problems(folder.Path) is { Count: > 0 } problems) throw ExpException.Usage(problems[0], [.. problems.Skip(1)]);
        try
        {
            var file = new FileStream(folder.LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

            // Somebody may have removed the locked file of a platform that lives.
            if (RunningPlatform.Find(folder.Path) is null) return new(file, mended);
            file.Dispose();
            throw IsLive(folder);
        }
        catch (UnauthorizedAccessException)
        {
            throw new ExpException(ExitCode.NotAllowed, $"{folder.Path} cannot be written; name a folder of your own with --data DIR");
        }
        catch (IOException) when (File.Exists(folder.LockFile))
        {
            throw IsLive(folder);
        }
        catch (IOException e)
        {
            throw ExpException.Usage($"{folder.Path} cannot be used as a data folder: {e.Message}");
        }
    }

    public void Dispose() => file.Dispose();

    private static ExpException IsLive(DataFolder folder)
    {
        var where = RunningPlatform.Find(folder.Path) is { } address ? $" at {address}" : "";
        return ExpException.Usage($"a platform is live on {folder.Path}{where}; use that one, stop it, or name another folder with --data DIR");
    }
}
