using Serverless.Core;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Folders that are made once and then only read, shared by all agents of the machine. A folder is whole when it has its name: it is made under
/// another one and renamed. A lock file per key makes the others wait for the first instead of making it again.
/// </summary>
sealed class FolderCache(string root, IIds ids, TimeProvider time)
{
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(20);

    /// <param name="key">A file name.</param>
    /// <param name="make">Fills the folder; when it throws, nothing is cached.</param>
    /// <returns>The folder's path.</returns>
    public async Task<string> GetOrMake(string key, Func<string, Task> make, CancellationToken cancel)
    {
        var folder = Path.Combine(root, key);
        if (Directory.Exists(folder)) return Used(folder);
        Directory.CreateDirectory(root);
        await using var one = await Lock(folder + ".lock", LockPoll, time, cancel);
        if (Directory.Exists(folder)) return Used(folder);
        var making = Path.Combine(root, $".{key}.{ids.Nonce()}");
        Directory.CreateDirectory(making);
        try
        {
            await make(making);
            Directory.Move(making, folder);
        }
        catch
        {
            Folders.Delete(making);
            throw;
        }

        return folder;
    }

    /// <summary>Makes room: removes what was not used for longest until the rest fits. What was used within <paramref name="keep"/> stays.</summary>
    public void Trim(long maxBytes, TimeSpan keep)
    {
        if (!Directory.Exists(root)) return;
        var left = maxBytes;
        foreach (var folder in new DirectoryInfo(root).EnumerateDirectories().OrderByDescending(folder => folder.LastWriteTimeUtc).ToList())
        {
            left -= Folders.Size(folder);
            var abandoned = folder.Name.StartsWith('.');
            if ((left < 0 || abandoned) && time.GetUtcNow() - folder.LastWriteTimeUtc > keep) Folders.Delete(folder.FullName);
        }
    }

    // The folder's own time is its last use: nothing is written into it any more.
    private string Used(string folder)
    {
        Directory.SetLastWriteTimeUtc(folder, time.GetUtcNow().UtcDateTime);
        return folder;
    }

    /// <summary>Waits until no process holds the file. It is let go when its holder dies.</summary>
    public static async Task<FileStream> Lock(string file, TimeSpan poll, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                return new(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException held) when (held is not DirectoryNotFoundException)
            {
                await Task.Delay(poll, time, cancel);
            }
        }
    }
}
