using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Runner;

/// <summary>
/// Takes note of dead orphans while the code runs. They became this process's children, and keep their process ids until somebody takes note: code
/// that detaches helpers for hours would use all of the machine's. What the code itself waits for is left to it. Linux only; elsewhere orphans are
/// init's.
/// </summary>
static class OrphanReaper
{
    /// <summary>The runtime takes note of its children at once, and so do C functions that wait for theirs.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private const int LooksBeforeItIsAnOrphan = 5;

    /// <summary>Where this process has started one child and starts no other.</summary>
    public static void ReapAllBut(int child) => Start(() =>
    {
        while (Native.FindDead(wait: true) is { } dead && dead != child) Native.Reap(dead);
    });

    /// <summary>Where the code runs in this process, and may start children in ways that nobody sees: only what stays dead is taken.</summary>
    public static void ReapWhatStaysDead() => Start(() =>
    {
        var seen = new Dictionary<int, int>();
        using var never = new ManualResetEventSlim();
        while (!never.Wait(LookEvery))
        {
            // Most code leaves none, and one call says so.
            if (Native.FindDead(wait: false) is null) seen.Clear();
            else seen = LookAgain(seen);
        }
    });

    private static Dictionary<int, int> LookAgain(Dictionary<int, int> before)
    {
        var seen = new Dictionary<int, int>();
        foreach (var child in ProcessTree.Children(Environment.ProcessId).Where(child => child.Zombie))
        {
            var looks = before.GetValueOrDefault(child.Id) + 1;
            if (looks > LooksBeforeItIsAnOrphan) Native.Reap(child.Id);
            else seen[child.Id] = looks;
        }

        return seen;
    }

    private static void Start(ThreadStart reap)
    {
        if (OperatingSystem.IsLinux()) new Thread(reap, maxStackSize: 256 * 1024) { IsBackground = true, Name = "orphans" }.Start();
    }
}
