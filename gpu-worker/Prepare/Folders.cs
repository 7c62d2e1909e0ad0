using System.Buffers;
using System.IO.Enumeration;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Prepare;

static class Folders
{
    // rwxrwxrwx: a copy has no more rights than who made it.
    private const UnixFileMode Rights = (UnixFileMode)0b111_111_111;

    private static readonly EnumerationOptions Below = new()
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
    public static void Delete(string root, string relative, Action<string>? say = null, Core.Storage.Plain.FileLook? tree = null)
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

    /// <summary>A cache's folder, and that of all caches: people may delete them while the worker lives. Its scratch folder is not made anew.</summary>
    public static void MakeCache(string root) => NestedFolder.Make(Path.GetDirectoryName(Path.GetDirectoryName(root)) ?? root, root);

    /// <summary>Copies the plain files in a folder; copies are writable.</summary>
    /// <param name="leftOut">Takes the path and the problem of everything else.</param>
    /// <exception cref="OperationCanceledException">Cancelled, also within a file: a set-up command can leave long ones.</exception>
    public static void Copy(string from, string to, Action<string, string> leftOut, CancellationToken cancel)
    {
        using var folder = PlainFolder.Open(from) ?? throw new DirectoryNotFoundException(from);
        Copy(folder, "", to, leftOut, cancel);
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

    private static void Copy(PlainFolder from, string path, string to, Action<string, string> leftOut, CancellationToken cancel)
    {
        Posix.MakeFolder(to);
        foreach (var entry in from.Entries())
        {
            try
            {
                if (entry.Problem is not null) throw new NotPlainException(entry.Problem);
                using var folder = entry.IsFolder ? from.Folder(entry.Name) : null;
                using var file = entry.IsFolder ? null : from.File(entry.Name);
                if (folder is not null) Copy(folder, path + entry.Name + "/", Path.Combine(to, entry.Name), leftOut, cancel);
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

        if (OperatingSystem.IsWindows()) return;
        File.SetUnixFileMode(copy.SafeFileHandle, (file.Mode & Rights) | UnixFileMode.UserRead | UnixFileMode.UserWrite);
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
