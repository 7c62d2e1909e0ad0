using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Serverless.Core.Storage.Folder;

/// <summary>
/// Which process holds a lock file, in words for whoever has to end the wait: the kernel of
/// Linux tells. Elsewhere, and where it hides other processes, null.
/// </summary>
internal static class LockHolder
{
    public static string? Of(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            return InodeOf(file) is { } inode && HolderOf(inode) is { } process ? Describe(process) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }

    private static string? InodeOf(SafeFileHandle file)
    {
        const string label = "ino:";
        var line = File.ReadLines($"/proc/self/fdinfo/{file.DangerousGetHandle()}")
            .FirstOrDefault(line => line.StartsWith(label, StringComparison.Ordinal));
        return line?[label.Length..].Trim();
    }

    // "1: FLOCK  ADVISORY  WRITE 20248 fe:00:11658618 0 EOF"
    private static int? HolderOf(string inode)
    {
        foreach (var line in File.ReadLines("/proc/locks"))
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, "FLOCK", _, "WRITE", var process, var place, ..]
                && place.EndsWith($":{inode}", StringComparison.Ordinal))
            {
                return int.Parse(process, CultureInfo.InvariantCulture);
            }
        }

        return null;
    }

    private static string Describe(int process)
    {
        if (process == Environment.ProcessId) return "it is this process itself";

        // "20248 (name) T …": the name may hold anything.
        var status = File.ReadAllText($"/proc/{process}/stat");
        var end = status.LastIndexOf(')');
        var name = status[(status.IndexOf('(') + 1)..end];
        return status[end + 2] is 'T' or 't'
            ? $"it is process {process} ({name}), which is stopped: continue it (kill -CONT {process}) or end it"
            : $"it is process {process} ({name}): if it does not go on by itself, end it";
    }
}
