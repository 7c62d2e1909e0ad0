using System.Globalization;

namespace Serverless.Checkpoints;

/// <summary>What disk and memory still have for this process.</summary>
internal static class FreeSpace
{
    private const long Kilo = 1024;

    /// <summary>Bytes free on the disk that holds a folder; null where the system does not say.</summary>
    public static long? OnDisk(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// Bytes that this process may still take before the kernel ends it: what the machine has, and what each memory limit (control group, version 1
    /// or 2) above it leaves, without
    /// what can be dropped. Null where the system does not say.
    /// </summary>
    /// <param name="root">Where <c>proc</c> and <c>sys</c> are.</param>
    public static long? InMemory(string root = "/")
    {
        long? least = null;
        foreach (var free in Limits(root).Prepend(OfMachine(root)))
        {
            if (free < least || least is null) least = free ?? least;
        }

        return least;
    }

    // MemAvailable:   22483212 kB
    private static long? OfMachine(string root) => Field(Path.Combine(root, "proc/meminfo"), "MemAvailable:") * Kilo;

    // 0::/user.slice or 4:memory:/docker/1f3a: the group of this process, which is limited by each of its parents too. In a container the path may
    // lead outside of what is mounted; the mount's root is then the container's own group.
    private static IEnumerable<long?> Limits(string root)
    {
        foreach (var line in Lines(Path.Combine(root, "proc/self/cgroup")))
        {
            if (line.Split(':', 3) is not [_, var controllers, var path]) continue;
            var second = controllers.Length == 0;
            if (!second && !controllers.Split(',').Contains("memory")) continue;
            var mount = Path.Combine(root, second ? "sys/fs/cgroup" : "sys/fs/cgroup/memory");
            for (var group = path.Trim('/'); ; group = Path.GetDirectoryName(group) ?? "")
            {
                var folder = Path.Combine(mount, group);
                yield return second
                    ? Left(folder, "memory.max", "memory.current", "inactive_file")
                    : Left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
                if (group.Length == 0) break;
            }
        }
    }

    private static long? Left(string folder, string limit, string used, string droppable) =>
        Number(Path.Combine(folder, limit)) is { } most && Number(Path.Combine(folder, used)) is { } taken
            ? Math.Max(0, most - taken + (Field(Path.Combine(folder, "memory.stat"), droppable) ?? 0))
            : null;

    private static long? Number(string file) =>
        Lines(file) is [var only, ..] && long.TryParse(only, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static long? Field(string file, string name)
    {
        foreach (var line in Lines(file))
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var first, var value, ..] && first == name)
                return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        }

        return null;
    }

    private static string[] Lines(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllLines(file) : [];
        }
        catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
