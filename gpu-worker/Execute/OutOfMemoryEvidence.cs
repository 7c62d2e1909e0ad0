using System.Globalization;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Whether the kernel killed something for want of memory since this was made: the counter of this process's control group, else of the whole
/// machine. A process that was killed looks the same whoever did it.
/// </summary>
sealed class OutOfMemoryEvidence
{
    private const string Counter = "oom_kill ";

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

    private static string? FileOfCounter()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            var group = File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal))?[3..];
            if (group is not null && $"/sys/fs/cgroup{group.TrimEnd('/')}/memory.events" is var events && File.Exists(events)) return events;
        }
        catch (IOException)
        {
            return "/proc/vmstat";
        }

        return "/proc/vmstat";
    }
}
