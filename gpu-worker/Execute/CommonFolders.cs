using System.Globalization;
using System.Text;
using Serverless.Core.Storage.Plain;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// What a user that code runs as leaves in the folders of all users, and in memory that outlives processes. It would take memory and disk for as
/// long as the machine runs, and the next run of that user would find it. So it is removed when a run ends and none of the user is under way: no
/// attempt below the same scratch folder, and no process of the user. What was there when the worker started stays, since a user may be more than
/// one that code runs as.
/// </summary>
sealed class CommonFolders
{
    private static readonly string[] All = ["/dev/shm", "/dev/mqueue", "/run/lock", "/tmp", "/var/tmp"];
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly uint user;
    private readonly string inUse;
    private readonly HashSet<(ulong Device, ulong Inode)> before;
    private readonly HashSet<(string Kind, int Id)> sharedBefore;

    /// <param name="scratch">Where the workers of one platform keep what is theirs.</param>
    public CommonFolders(uint user, string scratch)
    {
        this.user = user;
        inUse = Path.Combine(scratch, string.Create(CultureInfo.InvariantCulture, $".user-{user}.lock"));
        before = [.. All.SelectMany(Looks).Where(look => look.Owner == user).Select(look => (look.Device, look.State.Inode))];
        sharedBefore = [.. SharedMemory.Of(user)];
    }

    /// <summary>An attempt begins; disposing ends it.</summary>
    public async Task<IDisposable> Enter(TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            if (LockFile.TryShared(inUse) is { } held) return new Turn(this, held);
            await Task.Delay(Poll, time, cancel);
        }
    }

    private void Leave(IDisposable held)
    {
        held.Dispose();

        // Alone: no attempt begins meanwhile. Where others are under way, the last of them does it.
        using var alone = LockFile.Try(inUse);
        if (alone is null || HasProcess()) return;
        foreach (var folder in All) FolderRemoval.RemoveFrom(folder, look => look.Owner == user && !before.Contains((look.Device, look.State.Inode)));
        SharedMemory.RemoveOf(user, but: sharedBefore);
    }

    private bool HasProcess() => ProcessTree.All().Any(entry => !entry.Zombie && UserOf(entry.Id) == user);

    private static uint? UserOf(int process)
    {
        // "Uid:\treal\teffective\tsaved\tof the file system"
        if (ProcessTree.Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/status")) is not { } status) return null;
        var line = Encoding.UTF8.GetString(status).Split('\n').FirstOrDefault(line => line.StartsWith("Uid:", StringComparison.Ordinal));
        return line?.Split('\t') is [_, var real, ..]
            && uint.TryParse(real, NumberStyles.None, CultureInfo.InvariantCulture, out var found) ? found : null;
    }

    private static IEnumerable<FileStat> Looks(string folder)
    {
        using var opened = PlainFolder.Open(folder);
        return opened is null ? [] : [.. opened.Entries().Select(entry => entry.Look)];
    }

    private sealed class Turn(CommonFolders folders, IDisposable held) : IDisposable
    {
        public void Dispose() => folders.Leave(held);
    }
}
