namespace Serverless.Tests.Support;

/// <summary>
/// Stops a process where it stands in nobody's way. Stopped in the microseconds for which it holds a lock of the store or the bus, it would keep
/// everybody else from writing, which is a fault of its own (see docs/guarantees.md) and not the one that tests want.
/// </summary>
static class WriteLocks
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="stop">Sends SIGSTOP.</param>
    /// <param name="resume">Sends SIGCONT.</param>
    public static async Task StopWithout(int process, Action stop, Action resume)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            stop();
            while (!IsStopped(process))
            {
                Assert.True(TimeProvider.System.GetElapsedTime(begun) < Patience, $"process {process} does not stop");
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
            }

            var held = Of(process);
            if (held.Count == 0) return;
            Assert.True(
                TimeProvider.System.GetElapsedTime(begun) < Patience, $"process {process} is never without a lock: {string.Join(", ", held)}");
            resume();
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }

    /// <summary>The files of the store and the bus that the process has locked for writing.</summary>
    public static List<string> Of(int process)
    {
        var held = new List<string>();
        foreach (var info in Directory.GetFiles($"/proc/{process}/fdinfo"))
        {
            // "lock:	1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 120 120"
            if (!Read(info).Split('\n').Any(
                line => line.StartsWith("lock:", StringComparison.Ordinal) && line.Contains(" WRITE ", StringComparison.Ordinal)))
            {
                continue;
            }

            var file = new FileInfo($"/proc/{process}/fd/{Path.GetFileName(info)}").LinkTarget ?? "";
            if (file.Contains("/.store/locks/", StringComparison.Ordinal) || file.Contains("/bus/bus.db", StringComparison.Ordinal)) held.Add(file);
        }

        return held;
    }

    private static bool IsStopped(int process) => Directory.GetDirectories($"/proc/{process}/task").All(thread =>
    {
        var status = Read(Path.Combine(thread, "stat"));
        return status.Length == 0 || status[status.LastIndexOf(')') + 2] is 'T' or 't';
    });

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            // The thread or the file is no more.
            return "";
        }
    }
}
