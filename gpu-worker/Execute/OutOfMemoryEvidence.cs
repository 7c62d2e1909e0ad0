using System.Globalization;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Whether the kernel killed something for want of memory since this was made: the counter of this process's control group, else of the whole
/// machine. A process that was killed looks the same whoever did it.
/// </summary>
sealed class OutOfMemoryEvidence
{
    private const string Counter = "oom_kill ", Groups = "/sys/fs/cgroup";

    private readonly string? file = FileOfCounter();
    private readonly long before;

    public OutOfMemoryEvidence() => before = Count();

    public bool Found => Count() > before;

    private long Count()
    {
        if (file is null) return 0;
        try
        {
            foreach (var line in File.ReadLines(file))
            {
                if (!line.StartsWith(Counter, StringComparison.Ordinal)) continue;
                return long.Parse(line.AsSpan(Counter.Length), NumberStyles.None, CultureInfo.InvariantCulture);
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }

        return 0;
    }

    // Both generations of control groups; a container sees its own group at the top. The
    // machine's counter would blame this code for what was killed beside it.
    private static string? FileOfCounter()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            var own = File.ReadLines("/proc/self/cgroup").Select(line => line.Split(':', 3)).Where(group => group.Length == 3).ToList();
            var candidates = own.Where(group => group[0] == "0").Select(group => $"{Groups}{group[2].TrimEnd('/')}/memory.events")
                .Concat(own.Where(group => group[1].Split(',').Contains("memory"))
                    .SelectMany(
                        group => (string[])[$"{Groups}/memory{group[2].TrimEnd('/')}/memory.oom_control", $"{Groups}/memory/memory.oom_control"]));
            return candidates.FirstOrDefault(
                candidate => File.Exists(candidate) && File.ReadLines(candidate).Any(line => line.StartsWith(Counter, StringComparison.Ordinal)))
                ?? "/proc/vmstat";
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return "/proc/vmstat";
        }
    }
}
