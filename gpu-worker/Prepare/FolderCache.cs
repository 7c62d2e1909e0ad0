using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Core.Storage.Folder;

namespace Serverless.GpuWorker.Prepare;

/// <summary>A folder of a cache that stays for as long as somebody keeps this.</summary>
sealed class CacheEntry(string folder, IDisposable hold) : IDisposable
{
    public string Folder => folder;

    public void Dispose() => hold.Dispose();
}

/// <summary>
/// Folders that are made once and then only read, shared by all agents of the machine. A folder is made at the place where it stays, because virtual
/// environments and the like hold absolute
/// paths; it is whole when a file beside it says so, which holds its size, and whose own time is the last use. A lock beside it is held alone by
/// whoever makes or removes the folder, and
/// together by all who use it.
/// </summary>
sealed class FolderCache(string root, TimeProvider time)
{
    private const string DoneSuffix = ".done", LockSuffix = ".lock";
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(20);

    private readonly OwnFolder own = new(root);

    /// <param name="key">A file name.</param>
    /// <param name="make">Fills the empty folder; when it throws, nothing is cached.</param>
    /// <exception cref="PreparationException">Something is mounted there: a mount cannot be kept, and what it has is somebody else's.</exception>
    public async Task<CacheEntry> GetOrMake(string key, Func<string, Task> make, CancellationToken cancel)
    {
        own.Check(root);
        Folders.MakeCache(root);
        var folder = Path.Combine(root, key);
        while (true)
        {
            if (Find(folder) is { } found) return found;
            if (LockFile.Try(folder + LockSuffix) is { } alone)
            {
                await using (alone)
                {
                    if (!File.Exists(folder + DoneSuffix)) await Make(folder, make);
                }
            }
            else
            {
                await Task.Delay(LockPoll, time, cancel);
            }
        }
    }

    /// <summary>Removes a part of a folder that is being made.</summary>
    public void Delete(string folder) => own.Delete(folder);

    /// <summary>
    /// What there is, but for what is being made. What was never finished is removed by the way; what has no lock was never begun, and is not this
    /// cache's.
    /// </summary>
    public IEnumerable<CacheItem> Items()
    {
        if (!Directory.Exists(root) || own.MountOnTheWayTo(root) is not null) yield break;
        foreach (var folder in Directory.GetDirectories(root).Where(folder => File.Exists(folder + LockSuffix)))
        {
            var done = new FileInfo(folder + DoneSuffix);
            if (!done.Exists) Remove(folder);
            else if (SizeIn(done.FullName) is { } size) yield return new(size, done.LastWriteTimeUtc, () => Remove(folder));
        }
    }

    private CacheEntry? Find(string folder)
    {
        var done = folder + DoneSuffix;
        if (!File.Exists(done) || LockFile.TryShared(folder + LockSuffix) is not { } hold) return null;
        if (File.Exists(done))
        {
            File.SetLastWriteTimeUtc(done, time.GetUtcNow().UtcDateTime);
            return new(folder, hold);
        }

        hold.Dispose();
        return null;
    }

    private async Task Make(string folder, Func<string, Task> make)
    {
        own.Delete(folder);
        Posix.MakeFolder(folder);
        if (Folders.MountIn(folder) is { } stays)
        {
            var what = $"the worker's machine has a mount at {stays}, which an earlier run left; unmount it there";
            throw new PreparationException(Cause.WorkerLost, what);
        }

        try
        {
            await make(folder);
            if (Folders.MountIn(folder) is { } mounted)
            {
                var what = $"{Path.GetRelativePath(folder, mounted)} is mounted, which cannot be kept for later runs";
                throw new PreparationException(Cause.Build, $"{what}; unmount it at the end of the set-up or build, or mount it in the command");
            }

            await File.WriteAllTextAsync(folder + DoneSuffix, Folders.Size(new(folder)).ToString(CultureInfo.InvariantCulture));
            File.SetLastWriteTimeUtc(folder + DoneSuffix, time.GetUtcNow().UtcDateTime);
        }
        catch
        {
            File.Delete(folder + DoneSuffix);
            own.Delete(folder);
            throw;
        }
    }

    private bool Remove(string folder)
    {
        using var alone = LockFile.Try(folder + LockSuffix);
        if (alone is null) return false;
        File.Delete(folder + DoneSuffix);
        own.Delete(folder);
        return true;
    }

    private static long? SizeIn(string done)
    {
        try
        {
            return long.TryParse(File.ReadAllText(done), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : 0;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
