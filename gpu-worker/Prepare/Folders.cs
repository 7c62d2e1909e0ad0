using System.Buffers;
using System.IO.Enumeration;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Prepare;

static class Folders
{
    // rwxrwxrwx: a copy has no more rights than who made it.
    private const UnixFileMode Rights = (UnixFileMode)0b111_111_111;
    private const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Writes = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Everything below a folder that can be reached by no link.</summary>
    public static readonly EnumerationOptions Below = new()
    {
        RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true,
    };

    /// <summary>
    /// Deletes a folder that code had in its hands: whatever it did to permissions and names, whatever is gone already. Best effort: the next start
    /// of the agent tries again.
    /// </summary>
    /// <param name="relative">From the root; a link on the way leads nowhere.</param>
    /// <param name="say">Told what is mounted in it, which is left alone.</param>
    /// <param name="tree">What the root was before code could mount something on it; null: it is held by its descriptor.</param>
    public static void Delete(string root, string relative, Action<string>? say = null, Core.Storage.Plain.FileStat? tree = null)
    {
        try
        {
            if (OperatingSystem.IsLinux()) Tell(FolderRemoval.Remove(root, relative, tree), say);
            else if (Directory.Exists(Path.Combine(root, relative))) Directory.Delete(Path.Combine(root, relative), recursive: true);
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            // Somebody holds it.
        }
    }

    /// <summary>
    /// A cache's folder, and that of all caches, usable whatever code made of them: people may delete them while the worker lives, too. Its scratch
    /// folder is not made anew.
    /// </summary>
    public static void MakeCache(string root)
    {
        var all = Path.GetDirectoryName(root)!;
        MakeUsable(all);

        // Code of a run may have put it there; what it leads to stays.
        if (FileCalls.LookAt(root).Kind == FileKind.Link) DeleteName(root);
        MakeUsable(root);
    }

    /// <summary>A folder of the worker's, in one that it can use.</summary>
    public static void MakeUsable(string folder)
    {
        if (Directory.Exists(folder))
        {
            Allow(folder, Owners);
            return;
        }

        DeleteName(folder);
        Posix.MakeFolder(folder);
    }

    private static void DeleteName(string path) => Delete(Path.GetDirectoryName(path)!, Path.GetFileName(path));

    /// <summary>Makes room for a file of the worker's, where there is something else or one that it may not use.</summary>
    public static void MendFile(string file)
    {
        var kind = FileCalls.LookAt(file).Kind;
        if (kind == FileKind.File) Allow(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        else if (kind != FileKind.Missing) DeleteName(file);
    }

    /// <summary>
    /// Takes from every file the right to be written to, and the other names that it may have elsewhere: package managers give files of their own
    /// caches by hard links, and whoever writes to one writes to all. Not to be called while code may be at work in the folder.
    /// </summary>
    public static void Close(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", Below))
        {
            var look = FileCalls.LookAt(file.FullName);
            if (look.Kind != FileKind.File) continue;
            var mode = file.UnixFileMode;
            if (look.Names > 1)
            {
                var copy = file.FullName + ".serverless-copy";
                File.Copy(file.FullName, copy);
                File.Move(copy, file.FullName, overwrite: true);
            }

            if ((mode & Writes) != 0) File.SetUnixFileMode(file.FullName, mode & ~Writes);
        }
    }

    /// <summary>
    /// Copies the plain files in a folder; copies are writable, and share their blocks with the originals where the file system can.
    /// </summary>
    /// <param name="withLinks">Links are copied as links, and not left out.</param>
    /// <param name="leftOut">Takes the path and the problem of everything else.</param>
    /// <exception cref="OperationCanceledException">Cancelled, also within a file: a set-up command can leave long ones.</exception>
    public static void Copy(string from, string to, Action<string, string> leftOut, CancellationToken cancel, bool withLinks = false)
    {
        using var folder = PlainFolder.Open(from) ?? throw new DirectoryNotFoundException(from);
        Copy(folder, "", to, leftOut, withLinks ? from : null, cancel);
    }

    /// <summary>Copies one file, unless it is no plain one.</summary>
    public static void CopyFile(string from, string to, Action<string, string> leftOut, CancellationToken cancel)
    {
        using var folder = PlainFolder.Open(Path.GetDirectoryName(from)!);
        var name = Path.GetFileName(from);
        try
        {
            using var file = folder?.File(name);
            if (file is not null) Copy(file, to, cancel);
        }
        catch (NotPlainException problem)
        {
            leftOut(name, problem.Message);
        }
    }

    private static void Copy(PlainFolder from, string path, string to, Action<string, string> leftOut, string? linksOf, CancellationToken cancel)
    {
        Posix.MakeFolder(to);
        foreach (var entry in from.Entries())
        {
            try
            {
                var link = entry.Look.Kind == FileKind.Link && linksOf is not null ? new FileInfo(Path.Combine(linksOf, path + entry.Name)) : null;
                if (link?.LinkTarget is { } target)
                {
                    File.CreateSymbolicLink(Path.Combine(to, entry.Name), target);
                    continue;
                }

                if (entry.Problem is not null) throw new NotPlainException(entry.Problem);
                using var folder = entry.IsFolder ? from.Folder(entry.Name) : null;
                using var file = entry.IsFolder ? null : from.File(entry.Name);
                if (folder is not null) Copy(folder, path + entry.Name + "/", Path.Combine(to, entry.Name), leftOut, linksOf, cancel);
                else if (file is not null) Copy(file, Path.Combine(to, entry.Name), cancel);
            }
            catch (NotPlainException problem)
            {
                leftOut(path + entry.Name, problem.Message);
            }
        }
    }

    private static void Copy(PlainFile file, string to, CancellationToken cancel)
    {
        using var copy = new FileStream(to, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        if (!file.ShareWith(copy.SafeFileHandle)) CopyContent(file, copy, cancel);
        if (OperatingSystem.IsWindows()) return;
        File.SetUnixFileMode(copy.SafeFileHandle, (file.Mode & Rights) | UnixFileMode.UserRead | UnixFileMode.UserWrite);

        // Python tells by it whether what it has compiled belongs to its source.
        File.SetLastWriteTimeUtc(copy.SafeFileHandle, new(file.State.Modified.Ticks, DateTimeKind.Utc));
    }

    private static void CopyContent(PlainFile file, FileStream copy, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1024 * 1024);
        try
        {
            for (int read; (read = file.Content.Read(buffer)) > 0;)
            {
                cancel.ThrowIfCancellationRequested();
                copy.Write(buffer.AsSpan(0, read));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Allow(string path, UnixFileMode wanted)
    {
        if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & wanted) == wanted || PrivateFolder.BelongsToAnother(path)) return;
        File.SetUnixFileMode(path, File.GetUnixFileMode(path) | wanted);
    }

    /// <summary>The first place in a folder where something is mounted; null when there is none.</summary>
    public static string? MountIn(string folder)
    {
        if (!OperatingSystem.IsLinux()) return null;
        var tree = FileCalls.LookAt(folder);
        return new FileSystemEnumerable<string>(folder, (ref found) => found.ToFullPath(), Below)
        {
            ShouldIncludePredicate = (ref found) => IsMounted(ref found),
            ShouldRecursePredicate = (ref found) => !IsMounted(ref found),
        }.FirstOrDefault();

        bool IsMounted(ref FileSystemEntry found) =>
            FileCalls.LookAt(found.ToFullPath()) is { Kind: not FileKind.Missing } look && !look.IsMountedLike(tree);
    }

    private static void Tell(IReadOnlyList<string> mounts, Action<string>? say)
    {
        if (mounts.Count == 0 || say is null) return;
        var more = mounts.Count > 1 ? $", like {mounts.Count - 1} more below the same folder" : "";
        var then = "unmount it, and the next start of a worker here removes the folders that hold it";
        say($"{mounts[0]} is mounted{more}, and was not touched; {then}");
    }

    /// <summary>Of all files in a folder. Links are not followed: what they lead to is somebody else's.</summary>
    public static long Size(DirectoryInfo folder) => folder.EnumerateFiles("*", Below).Sum(file => file.Length);
}
