using System.Globalization;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.Core.Workspaces;

/// <summary>
/// What must be a folder, and what a file, in the folder that a platform on one machine keeps everything in. Looked at before anything is opened:
/// what fails on the way says neither what is wrong nor what to do, and a pipe in the place of a file is waited for.
/// </summary>
public static class DataFolderLayout
{
    /// <summary>These may be links, to a larger disk perhaps.</summary>
    private static readonly string[] Roots = [LocalWorkspaces.Default, LocalWorkspaces.PlatformFolder, "bus", "worker", "worker/cache"];

    private static readonly string[] OwnFolders = [".store", ".store/tmp", ".store/locks", ".store/meta"];
    private static readonly string[] Files =
    [
        "exp.lock", "exp.alive", "address", "bus/bus.db", "bus/bus.db-wal", "bus/bus.db-shm", "worker/.starting",
        $"{LocalWorkspaces.PlatformFolder}/{PlatformPaths.FilesAnnouncedSince}",
    ];
    private static readonly string[] OwnFiles = [".store/stripes", ".store/swept"];

    private static IEnumerable<string> Folders =>
        ((string[])[LocalWorkspaces.Default, LocalWorkspaces.PlatformFolder]).SelectMany(store => OwnFolders.Select(own => $"{store}/{own}"))
            .Append($"{LocalWorkspaces.PlatformFolder}/{PlatformPaths.Keys.TrimEnd('/')}").Append("bus/bell");

    /// <summary>All paths that a start depends on, each with whether a folder belongs there.</summary>
    public static IReadOnlyList<(string Path, bool IsFolder)> Needed { get; } =
    [
        .. Roots.Concat(Folders).Select(path => (path, true)),
        .. Files.Concat(
            ((string[])[LocalWorkspaces.Default, LocalWorkspaces.PlatformFolder]).SelectMany(store => OwnFiles.Select(own => $"{store}/{own}")))
            .Select(path => (path, false)),
    ];

    /// <summary>Folders of records and files: while one of them is something else, what belongs in it is not served, and the rest is.</summary>
    public static IReadOnlyList<string> Served { get; } =
    [
        .. WorkspacePaths.Folders.Select(folder => $"{LocalWorkspaces.Default}/{folder.TrimEnd('/')}"),
        .. PlatformPaths.Folders.Select(folder => $"{LocalWorkspaces.PlatformFolder}/{folder.TrimEnd('/')}"),
    ];

    /// <summary>Why nothing can work on the folder, a sentence each that says what to do; empty: nothing is known to be wrong.</summary>
    public static IReadOnlyList<string> Problems(string dataFolder)
    {
        var problems = Needed.Select(needed => Problem(dataFolder, needed.Path, needed.IsFolder, mayBeLink: Roots.Contains(needed.Path)))
            .Prepend(UseProblem(dataFolder, isFolder: true)).Prepend(StoreProblem(dataFolder))
            .Append(TimesProblem(WorkspaceIn(dataFolder))).OfType<string>();

        // A read-only disk is one thing, however much lies on it.
        return [.. problems.DistinctBy(problem => problem.EndsWith(ReadOnly, StringComparison.Ordinal) ? ReadOnly : problem)];
    }

    /// <summary>What is not served, a sentence each.</summary>
    public static IReadOnlyList<string> Warnings(string dataFolder) =>
        [.. Served.Except(Needed.Select(needed => needed.Path)).Select(path => Problem(dataFolder, path, isFolder: true, mayBeLink: false))
            .OfType<string>()];

    private const string ReadOnly = "is on a disk that is read-only: make that writable, or name a folder elsewhere";

    // It may be on another disk.
    private static string WorkspaceIn(string dataFolder) =>
        Path.Combine(dataFolder, LocalWorkspaces.Default) is var workspace && Directory.Exists(workspace) ? workspace : dataFolder;

    /// <summary>
    /// What has been replaced is told from what replaced it by the time of its file, to a ten-millionth of a second. Some file systems keep whole
    /// seconds: there a version would have the name of one before it.
    /// </summary>
    /// <param name="folder">There may be none yet.</param>
    /// <param name="set">Sets a file's time; null: as it is done.</param>
    internal static string? TimesProblem(string folder, Action<string, DateTime>? set = null)
    {
        if (!Directory.Exists(folder)) return null;
        var file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $".times-{Environment.ProcessId}"));
        var time = new DateTime(2024, 2, 3, 4, 5, 6, DateTimeKind.Utc).AddTicks(1_234_567);
        try
        {
            File.WriteAllBytes(file, []);
            (set ?? File.SetLastWriteTimeUtc)(file, time);
            return File.GetLastWriteTimeUtc(file) == time
                ? null
                : $"{folder} is on a file system that keeps the times of files too coarsely to tell their versions apart (ext4 with inodes of 128 "
                    + "bytes, ext3 and FAT do): name a folder elsewhere";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Full, or not this user's: that is found, and said, by who writes there.
            return null;
        }
        finally
        {
            Remove(file);
        }
    }

    private static void Remove(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It was not made.
        }
    }

    private static string? StoreProblem(string dataFolder) =>
        Directory.Exists(Path.Combine(dataFolder, OwnFolders[0]))
            ? $"{dataFolder} is itself a workspace, or a platform's own folder: name the folder that it is in"
            : null;

    private static string? Problem(string dataFolder, string relative, bool isFolder, bool mayBeLink)
    {
        var path = Path.Combine(dataFolder, relative);
        Storage.Plain.FileStat look;
        try
        {
            look = FileCalls.LookAt(path);
        }
        catch (UnauthorizedAccessException)
        {
            // So is the folder that it is in.
            return null;
        }

        var wanted = isFolder ? "a folder" : "a file";
        return look.Kind switch
        {
            FileKind.Missing => null,
            FileKind.Folder when isFolder => UseProblem(path, isFolder),
            FileKind.File when !isFolder => UseProblem(path, isFolder),
            FileKind.Link when mayBeLink => Directory.Exists(path)
                ? UseProblem(path, isFolder)
                : $"{path} is a link to {new FileInfo(path).LinkTarget}, which is no folder: is its disk mounted?",
            FileKind.Link => $"{path} is a link, where {wanted} belongs: put {wanted} there itself, or move the link away",
            _ => $"{path} is {look.Noun}, where {wanted} belongs: move it away",
        };
    }

    private static string? UseProblem(string path, bool isFolder) => Posix.UseProblem(path, isFolder) switch
    {
        0 => null,
        Posix.EROFS => $"{path} {ReadOnly}",
        Posix.EACCES =>
            $"{path} cannot be read and written by this user: give the right with chmod u+rw{(isFolder ? "x" : "")}, or start as its owner",
        _ => null,
    };
}
