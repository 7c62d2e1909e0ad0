using System.Runtime.InteropServices;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

static class Folders
{
    /// <summary>Far from what people make, and from what a stack has room for.</summary>
    private const int MaxDepth = 1000;

    private static readonly EnumerationOptions OwnFiles =
        new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };

    /// <summary>
    /// Deletes a folder that code had in its hands, or still has: whatever it did to permissions, whatever is gone already, following no link. Best
    /// effort.
    /// </summary>
    public static void Delete(string folder)
    {
        try
        {
            if (!Directory.Exists(folder)) return;
            if (new DirectoryInfo(folder).LinkTarget is not null)
            {
                File.Delete(folder);
                return;
            }

            if (OperatingSystem.IsLinux()) Empty(folder, depth: 0);
            Directory.Delete(folder, recursive: !OperatingSystem.IsLinux());
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            // The next start of an agent tries again.
        }
    }

    /// <summary>Copies what is in a folder, without links; copies are writable.</summary>
    public static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var entry in new DirectoryInfo(from).EnumerateFileSystemInfos())
        {
            if (entry.LinkTarget is not null) continue;
            var target = Path.Combine(to, entry.Name);
            if (entry is DirectoryInfo) Copy(entry.FullName, target);
            else File.Copy(entry.FullName, target);
        }
    }

    /// <summary>Of all files in a folder. Links are not followed: what they lead to is somebody else's.</summary>
    public static long Size(DirectoryInfo folder) => folder.EnumerateFiles("*", OwnFiles).Sum(file => file.Length);

    // Through a handle on each folder: a name may lead elsewhere in the next moment, when code puts a link in its place.
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private static void Empty(string folder, int depth)
    {
        if (depth > MaxDepth) throw new IOException($"{folder} is nested too deeply");
        using var held = OpenUp(folder);
        if (held is null) return;
        var here = Native.PathThrough(held);
        foreach (var entry in new DirectoryInfo(here).GetFileSystemInfos())
        {
            var path = Path.Combine(here, entry.Name);
            if (entry is DirectoryInfo { LinkTarget: null })
            {
                Empty(path, depth + 1);
                Directory.Delete(path);
            }
            else
            {
                File.Delete(path);
            }
        }
    }

    // Root needs no rights. Others may have taken them from themselves.
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private static SafeHandle? OpenUp(string folder)
    {
        if (!Environment.IsPrivilegedProcess) File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return Native.HoldFolder(folder);
    }
}
