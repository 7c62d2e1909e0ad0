using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;

namespace Serverless.Functions.Hosting;

/// <summary>
/// A file that only takes room. On a full disk even to cancel and to delete needs some, for a moment: then
/// it goes, and comes again when there is enough. See docs/decisions/0172.
/// </summary>
public sealed class Ballast(string folder, TimeProvider time, ILogger<Ballast> log)
{
    public const string FileName = "ballast";

    private const long Most = 8 << 20;

    /// <summary>Of the disk it takes a hundredth at most, and of what is free a quarter.</summary>
    private const int OfTheDisk = 100, OfTheFree = 4;

    /// <summary>Less than this and the disk is full, whatever the error says: SQLite has many words for it.</summary>
    private const long Full = 256 << 10;

    private static readonly TimeSpan MakeEvery = TimeSpan.FromMinutes(1);

    private readonly string file = Path.Combine(folder, FileName);
    private readonly FileIdentity? identity = FileIdentity.Of(folder);

    /// <summary>At the start, for all that is written then.</summary>
    public void GiveUpIfFull()
    {
        if (Free() is < Full) GiveUp();
    }

    /// <summary>Does what may be done twice; once more when it found no room and the ballast has some.</summary>
    public async Task<T> Around<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception fault) when (IsForWantOfRoom(fault) && GiveUp())
        {
            return await work();
        }
    }

    public bool IsForWantOfRoom(Exception fault) =>
        fault is StoreFullException || fault is IOException or UnauthorizedAccessException or BusUnavailableException && Free() is < Full;

    /// <summary>
    /// Has the file whenever there is room for it. The one that is there at the start may be a copy, which takes none: it is made anew.
    /// </summary>
    public async Task Keep(CancellationToken stop)
    {
        Make(anew: true);
        while (!stop.IsCancellationRequested)
        {
            Make(anew: false);
            await Task.WhenAny(Task.Delay(MakeEvery, time, stop));
        }
    }

    private bool GiveUp()
    {
        try
        {
            if (!File.Exists(file)) return false;
            File.Delete(file);
            log.ReserveGivenUp(folder, FileName);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private void Make(bool anew)
    {
        try
        {
            if ((!anew && File.Exists(file)) || FileIdentity.Of(folder) != identity) return;
            var disk = new DriveInfo(folder);
            var length = Math.Min(Most, disk.TotalSize / OfTheDisk);
            if (disk.AvailableFreeSpace / OfTheFree < length) return;
            File.Delete(file + ".new");
            File.OpenHandle(file + ".new", FileMode.CreateNew, FileAccess.Write, preallocationSize: length).Dispose();
            File.Move(file + ".new", file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // No room after all, or a disk that does not say how large it is.
        }
    }

    private long? Free()
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
