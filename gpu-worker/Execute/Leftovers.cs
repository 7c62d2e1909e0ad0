using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Ends what a worker that is gone has left running: what is in its control groups, processes that were started with its mark in their environment,
/// and whatever these have started. Descent does not lead to them any more: when worker and runner die at once, their orphans are init's.
/// </summary>
static class Leftovers
{
    /// <summary>The variable that holds the mark.</summary>
    public const string Variable = "EXP_WORKER";

    private const int MaxRounds = 50;

    /// <param name="mark">Of a worker that is known to be gone.</param>
    /// <returns>How many processes were ended.</returns>
    public static int End(string mark)
    {
        if (!OperatingSystem.IsLinux()) return 0;
        var ended = ControlGroups.End(mark);
        var wanted = Encoding.UTF8.GetBytes($"{Variable}={mark}\0");
        var held = new Dictionary<int, SafeHandle>();

        // Stopped first, so that none can fork away while others are looked for.
        for (var round = 0; round < MaxRounds; round++)
        {
            var before = held.Count;
            foreach (var entry in ProcessTree.All())
            {
                if (entry.Zombie || entry.Id == Environment.ProcessId || held.ContainsKey(entry.Id)) continue;
                if (Hold(entry, wanted, held) is not { } found) continue;
                Native.Signal(found, Native.SigStop);
                held.Add(entry.Id, found);
            }

            if (held.Count == before) break;
        }

        foreach (var found in held.Values)
        {
            Native.Signal(found, Native.SigKill);
            found.Dispose();
        }

        return ended + held.Count;
    }

    // The handle comes before the look: an id may be given to another process at any time, a handle means one for ever.
    private static SafeHandle? Hold(ProcessTree.Entry entry, byte[] wanted, Dictionary<int, SafeHandle> held)
    {
        if (!held.ContainsKey(entry.Parent) && !HasMark(entry.Id, wanted)) return null;
        var handle = Native.HoldProcess(entry.Id);
        var isStillIt = HasMark(entry.Id, wanted) || (ProcessTree.EntryOf(entry.Id) is { Parent: var parent } && held.ContainsKey(parent));
        if (handle is not null && isStillIt) return handle;
        handle?.Dispose();
        return null;
    }

    private static bool HasMark(int id, byte[] wanted)
    {
        var environment = ProcessTree.Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/environ")).AsSpan();
        var at = environment.IndexOf(wanted);
        return at == 0 || (at > 0 && environment[at - 1] == 0);
    }
}
