using System.Globalization;
using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;

namespace Serverless.Functions.Hosting;

/// <summary>
/// Files that only take room, and inodes. On a full disk even to cancel and to delete needs some, for a moment: then
/// they go, and come again when there is enough. See docs/decisions/0172.
/// </summary>
public sealed class Ballast(string folder, TimeProvider time, ILogger<Ballast> log)
{
    public const string FolderName = "ballast";

    private const long Most = 8 << 20;
    private const int Pieces = 64;

    /// <summary>
    /// Of the disk it takes a hundredth at most, and of what is free a quarter, or nothing: less would take from a full disk what was just given up.
    /// </summary>
    private const int OfTheDisk = 100, OfTheFree = 4;

    /// <summary>Less than this and the disk is full, whatever the error says: SQLite has many words for it.</summary>
    private const long Full = 256 << 10;

    private static readonly TimeSpan MakeEvery = TimeSpan.FromMinutes(1);

    private readonly string place = Path.Combine(folder, FolderName);
    private readonly string unfinished = Path.Combine(folder, FolderName + ".new");
    private readonly FileIdentity? identity = FileIdentity.Of(folder);

    /// <summary>At the start, for all that is written then.</summary>
    public void GiveUpIfFull()
    {
        if (IsFull()) GiveUp();
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
        fault is StoreFullException || fault is IOException or UnauthorizedAccessException or BusUnavailableException && IsFull();

    /// <summary>
    /// Has the files whenever there is room for them. Those that are there at the start may be a copy, which takes none: they are made anew.
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
            if (!Remove(place)) return false;
            log.ReserveGivenUp(FolderFaults.NoRoom(folder), FolderName);
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
            if ((!anew && Directory.Exists(place)) || FileIdentity.Of(folder) != identity) return;
            var disk = new DriveInfo(folder);
            var length = Math.Min(Most, disk.TotalSize / OfTheDisk);
            if (disk.AvailableFreeSpace / OfTheFree < length) return;
            var inodes = Posix.Inodes(folder);
            var pieces = (int)Math.Min(Pieces, inodes?.Most / OfTheDisk ?? Pieces);
            if (pieces == 0 || inodes?.Free / OfTheFree < pieces) return;
            Remove(place);
            Remove(unfinished);
            NestedFolder.Make(folder, unfinished);
            for (var piece = 0; piece < pieces; piece++) Take(Path.Combine(unfinished, NameOf(piece)), length / pieces);
            Directory.Move(unfinished, place);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // No room after all, or a disk that does not say how large it is.
        }
    }

    private static void Take(string file, long length) =>
        File.OpenHandle(file, FileMode.CreateNew, FileAccess.Write, preallocationSize: length).Dispose();

    /// <summary>Nothing but what was made here, and the one file that it used to be.</summary>
    private static bool Remove(string place)
    {
        var there = new FileInfo(place);
        if (!Directory.Exists(place) || there.LinkTarget is not null)
        {
            if (!there.Exists && there.LinkTarget is null) return false;
            there.Delete();
            return true;
        }

        for (var piece = 0; piece < Pieces; piece++) File.Delete(Path.Combine(place, NameOf(piece)));
        return Posix.RemoveEmpty(place);
    }

    private static string NameOf(int piece) => piece.ToString("00", CultureInfo.InvariantCulture);

    private bool IsFull() => Free() is < Full || Posix.Inodes(folder) is { Free: 0 };

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
