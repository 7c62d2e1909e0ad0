using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Folders that are made once and then only read, shared by all agents of the machine. A folder is made at the place where it stays, because virtual
/// environments and the like hold absolute paths. It is whole when a seal beside it says so, whose own time is the last use, and it is checked
/// against the seal whenever somebody takes it: what is not as it was made is made again. A lock beside it is held alone by whoever makes or removes
/// the folder, and together by all who use it.
/// </summary>
/// <param name="what">What the cache is of, for people: <c>build</c>.</param>
sealed class FolderCache(string root, string what, TimeProvider time)
{
    private const string SealSuffix = ".seal", LockSuffix = ".lock";

    /// <summary>For one attempt: what does not stay then will not stay the next time either.</summary>
    private const int MostMade = 3;

    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(20), WaitSaid = TimeSpan.FromSeconds(2);

    private readonly OwnFolder own = new(root);

    /// <param name="key">A file name.</param>
    /// <param name="make">Fills the empty folder; when it throws, nothing is cached.</param>
    /// <param name="say">Takes a line when what there was could not be used, and why.</param>
    /// <param name="waiting">For a folder that takes long to make; null: none does.</param>
    /// <exception cref="PreparationException">
    /// Something is mounted there: a mount cannot be kept, and what it has is somebody else's. Or another run took too long to make it.
    /// </exception>
    public async Task<CacheEntry> GetOrMake(
        string key, Func<string, Task> make, Action<string> say, CancellationToken cancel, Waiting? waiting = null)
    {
        own.Check(root);
        Folders.MakeCache(root);
        for (var turn = 0; ; turn++)
        {
            // What is not as it was and still in use stays: those who use it may go on for days. The next place is free.
            var folder = Path.Combine(root, turn == 0 ? key : string.Create(CultureInfo.InvariantCulture, $"{key}.{turn}"));
            foreach (var beside in (string[])[folder + SealSuffix, folder + LockSuffix]) Folders.MendFile(beside);
            if (await GetOrMakeAt(folder, make, say, waiting, cancel) is { } entry) return entry;
        }
    }

    /// <summary>What there is, but for what is being made. What was never finished is removed by the way.</summary>
    public IEnumerable<CacheItem> Items()
    {
        if (!Directory.Exists(root) || own.MountOnTheWayTo(root) is not null) yield break;
        Folders.MakeCache(root);
        foreach (var folder in Directory.GetDirectories(root).Where(IsOurs))
        {
            var seal = new FileInfo(folder + SealSuffix);
            if (!IsSealed(folder)) Remove(folder);
            else yield return new(Seal.Read(seal.FullName)?.LengthBytes ?? 0, seal.LastWriteTimeUtc, () => Remove(folder));
        }
    }

    // What has neither was never begun here.
    private static bool IsOurs(string folder) =>
        FileCalls.LookAt(folder + LockSuffix).Kind != FileKind.Missing || FileCalls.LookAt(folder + SealSuffix).Kind != FileKind.Missing;

    private static bool IsSealed(string folder) => FileCalls.LookAt(folder + SealSuffix).Kind == FileKind.File;

    // Null when it is of no use, and somebody uses it, or may still write there.
    private async Task<CacheEntry?> GetOrMakeAt(
        string folder, Func<string, Task> make, Action<string> say, Waiting? waiting, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        var isWaitSaid = false;
        for (var made = 0; ;)
        {
            if (Find(folder) is { } found) return found;
            if (LockFile.Try(folder + LockSuffix) is { } alone)
            {
                await using (alone)
                {
                    // Whoever began it is dead; what it had started may not be, and would write into a new one as well.
                    if (made == 0 && !IsSealed(folder) && FileCalls.LookAt(folder).Kind == FileKind.Folder) return null;

                    // Somebody else may have made it since.
                    var difference = IsSealed(folder) ? Seal.Difference(folder, folder + SealSuffix, contents: true) : null;
                    if (difference is not null) say($"the {what} in the worker's cache is not what was put there, and is made again: {difference}");
                    if (difference is null && IsSealed(folder)) continue;
                    if (made == MostMade)
                    {
                        var why = difference ?? "somebody removes it";
                        throw new PreparationException(
                            Cause.WorkerLost, $"the {what} cannot be kept in the worker's cache {root}, made {made} times: {why}");
                    }

                    await Make(folder, make);
                    made++;
                }
            }
            else if (LockFile.TryShared(folder + LockSuffix) is { } shared)
            {
                // Nobody is making it.
                await using (shared)
                {
                    if (Seal.Difference(folder, folder + SealSuffix, contents: true) is not null) return null;
                }
            }
            else
            {
                var waited = time.GetElapsedTime(began);
                if (waited >= WaitSaid && !isWaitSaid)
                {
                    isWaitSaid = true;
                    waiting?.Say($"waits for the {what}, which another run is making");
                }

                if (waited >= waiting?.Limit)
                {
                    throw new PreparationException(Cause.Timeout, $"waited {waiting.Limit} for the {what}, which another run is making");
                }

                await Task.Delay(LockPoll, time, cancel);
            }
        }
    }

    /// <summary>Removes a part of a folder that is being made.</summary>
    public void Delete(string folder) => own.Delete(folder);

    private CacheEntry? Find(string folder)
    {
        var seal = folder + SealSuffix;
        if (!IsSealed(folder) || LockFile.TryShared(folder + LockSuffix) is not { } hold) return null;
        if (Seal.Difference(folder, seal, contents: true) is null && Seal.Read(seal) is { } facts)
        {
            File.SetLastWriteTimeUtc(seal, time.GetUtcNow().UtcDateTime);
            return new(what, folder, seal, facts, hold);
        }

        hold.Dispose();
        return null;
    }

    private async Task Make(string folder, Func<string, Task> make)
    {
        File.Delete(folder + SealSuffix);
        own.Delete(folder);
        Posix.MakeFolder(folder);
        if (Folders.MountIn(folder) is { } stays)
        {
            var what = $"the worker's machine has a mount at {stays}, which an earlier run left; unmount it there";
            throw new PreparationException(Cause.WorkerLost, what);
        }

        try
        {
            var left = Directory.EnumerateFileSystemEntries(folder).FirstOrDefault();
            if (left is not null) throw new IOException($"{left} cannot be removed; remove it by hand");
            await make(folder);
            if (Folders.MountIn(folder) is { } mounted)
            {
                var what = $"{Path.GetRelativePath(folder, mounted)} is mounted, which cannot be kept for later runs";
                throw new PreparationException(Cause.Build, $"{what}; unmount it at the end of the set-up or build, or mount it in the command");
            }

            Folders.Close(folder);
            WriteSeal(folder);
            File.SetLastWriteTimeUtc(folder + SealSuffix, time.GetUtcNow().UtcDateTime);
        }
        catch
        {
            File.Delete(folder + SealSuffix);
            own.Delete(folder);
            throw;
        }
    }

    private void WriteSeal(string folder)
    {
        try
        {
            Seal.Write(folder, folder + SealSuffix);
        }
        catch (InvalidDataException endless)
        {
            throw new PreparationException(Cause.Build, $"the {what} cannot be kept for later runs: {endless.Message}");
        }
    }

    private bool Remove(string folder)
    {
        foreach (var beside in (string[])[folder + SealSuffix, folder + LockSuffix]) Folders.MendFile(beside);
        using var alone = LockFile.Try(folder + LockSuffix);
        if (alone is null) return false;
        File.Delete(folder + SealSuffix);
        own.Delete(folder);
        return true;
    }
}

/// <summary>Of one run for what another one is making.</summary>
/// <param name="Limit">Null: none.</param>
/// <param name="Say">Takes a line for the run's log.</param>
sealed record Waiting(TimeSpan? Limit, Action<string> Say);
