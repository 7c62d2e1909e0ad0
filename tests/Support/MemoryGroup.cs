using System.Globalization;

namespace Serverless.Tests.Support;

/// <summary>
/// A control group with little memory, for a kernel that kills for want of it: whichever of the two kinds the machine lets this process make.
/// </summary>
sealed class MemoryGroup : IDisposable
{
    private readonly string folder;

    private MemoryGroup(string folder) => this.folder = folder;

    /// <summary>Write a process id to it, and the process is in the group.</summary>
    public string Processes => Path.Combine(folder, "cgroup.procs");

    /// <summary>Null where this process may not make one.</summary>
    public static MemoryGroup? Make(long bytes)
    {
        if (!OperatingSystem.IsLinux()) return null;
        var own = File.ReadLines("/proc/self/cgroup").Select(line => line.Split(':', 3)).ToList();
        var places = own.Where(group => group[1] == "memory")
            .Select(group => ($"/sys/fs/cgroup/memory{group[2]}", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"))
            .Concat(own.Where(group => group[0] == "0").SelectMany(group => (string[])[group[2], Path.GetDirectoryName(group[2]) ?? "/"])
                .Select(path => ($"/sys/fs/cgroup{path}", "memory.max", "memory.swap.max")));
        foreach (var (parent, limit, swap) in places)
        {
            if (MakeIn(parent, limit, swap, bytes) is { } made) return made;
        }

        return null;
    }

    public void Dispose()
    {
        // Its last processes may still be on their way out.
        for (var tries = 0; tries < 100 && Directory.Exists(folder); tries++)
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (IOException)
            {
                SpinWait.SpinUntil(() => false, TimeSpan.FromMilliseconds(50));
            }
        }
    }

    private static MemoryGroup? MakeIn(string parent, string limit, string swap, long bytes)
    {
        if (!Directory.Exists(parent)) return null;
        var folder = $"{parent.TrimEnd('/')}/exp-test-{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(folder);
            if (!File.Exists(Path.Combine(folder, limit))) throw new IOException($"{parent} gives its groups no memory of their own");
            File.WriteAllText(Path.Combine(folder, limit), bytes.ToString(CultureInfo.InvariantCulture));
            if (File.Exists(Path.Combine(folder, swap)))
            {
                File.WriteAllText(Path.Combine(folder, swap), limit == "memory.max" ? "0" : bytes.ToString(CultureInfo.InvariantCulture));
            }

            return new(folder);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            if (Directory.Exists(folder)) Directory.Delete(folder);
            return null;
        }
    }
}
