using Serverless.Core.Runs;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// A folder of this worker's as it was when the worker started, before any code of a run. Code that may mount things can do so on it, in it and above
/// it: then its path leads to somebody else's files, where nothing is made and nothing removed.
/// </summary>
/// <param name="path">It need not be there: then what is above it counts.</param>
sealed class OwnFolder(string path)
{
    private readonly FileStat tree = Nearest(path).Look;

    public string Path => path;

    /// <exception cref="PreparationException">Something is mounted on the way to a folder at or below this one, or on the folder.</exception>
    public void Check(string folder)
    {
        if (MountOnTheWayTo(folder) is not { } mount) return;
        throw new PreparationException(Cause.WorkerLost, $"the worker's machine has a mount at {mount}, which an earlier run left; unmount it there");
    }

    /// <summary>The first place where something is mounted, from this folder to one at or below it; null when there is none.</summary>
    public string? MountOnTheWayTo(string folder)
    {
        if (!OperatingSystem.IsLinux()) return null;
        var (nearest, look) = Nearest(path);
        if (!look.IsMountedLike(tree)) return nearest;
        var at = path;
        foreach (var name in System.IO.Path.GetRelativePath(path, folder).Split(System.IO.Path.DirectorySeparatorChar))
        {
            look = Look(at = System.IO.Path.Combine(at, name));
            if (look.Kind == FileKind.Missing) return null;
            if (!look.IsMountedLike(tree)) return at;
        }

        return null;
    }

    /// <summary>Deletes a folder below this one: see <see cref="Folders.Delete"/>.</summary>
    /// <param name="say">Told what is mounted in it, or on the way to it.</param>
    public void Delete(string folder, Action<string>? say = null) => Folders.Delete(path, System.IO.Path.GetRelativePath(path, folder), say, tree);

    // Through a link at the end, if it is one.
    private static FileStat Look(string folder) => FileCalls.LookAt(folder + "/.");

    private static (string Path, FileStat Look) Nearest(string path)
    {
        for (var at = path; ; at = System.IO.Path.GetDirectoryName(at)!)
        {
            if (Look(at) is { Kind: not FileKind.Missing } look || System.IO.Path.GetDirectoryName(at) is null) return (at, Look(at));
        }
    }
}
