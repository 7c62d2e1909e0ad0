namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Makes folders below one that is never made: a platform's or a worker's own. Where that was renamed, removed or unmounted, a folder of its name
/// with a part of what belongs in it would be taken for it.
/// </summary>
internal static class NestedFolder
{
    /// <summary>Fine when it is there already.</summary>
    /// <exception cref="DirectoryNotFoundException"><paramref name="below"/> is gone.</exception>
    public static void Make(string below, string folder)
    {
        if (Directory.Exists(folder)) return;
        if (folder.Length <= below.Length)
        {
            throw new DirectoryNotFoundException($"{below} is gone: was it removed or renamed, or its disk unmounted?");
        }

        Make(below, Path.GetDirectoryName(folder)!);
        Posix.MakeFolder(folder);
    }
}
