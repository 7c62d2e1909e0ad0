using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>Where the caches of a machine are, and how much they may take together.</summary>
sealed class CacheFolders
{
    private const long UsualLimitBytes = 50L << 30;

    /// <param name="limitBytes">Null: half of the disk, at most 50 GiB. The disk of a container may have one.</param>
    /// <param name="user">Whom code runs as; null: as this process does.</param>
    public CacheFolders(string root, long? limitBytes, CodeUser? user)
    {
        (Code, Builds) = (Path.Combine(root, "code"), Path.Combine(root, "build"));
        (Setups, Inputs) = (Path.Combine(root, "setup"), Path.Combine(root, "inputs"));
        LimitBytes = limitBytes ?? Math.Min(UsualLimitBytes, new DriveInfo(Directory.CreateDirectory(root).FullName).TotalSize / 2);
        if (user is null) return;

        // A run gets copies of its code, links to its inputs, and the paths of what was built or set up for it. Of others it cannot learn the names,
        // which are hashes of what they hold.
        foreach (var closed in (string[])[Code, Inputs]) CodeUser.Close(closed);
        foreach (var passable in (string[])[root, Builds, Setups]) CodeUser.LetThrough(passable);
    }

    public string Code { get; }
    public string Builds { get; }
    public string Setups { get; }
    public string Inputs { get; }

    /// <summary>What was not used for longest goes first when they take more, never what a run has in use.</summary>
    public long LimitBytes { get; }
}
