using System.Buffers.Text;
using System.Globalization;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Ends everything that a run started. A process that detached itself (double fork, a session of its own) has still an ancestor: runner and agent
/// both adopt orphans, so whatever a run leaves behind is below one of them.
/// </summary>
static class ProcessTree
{
    /// <summary>A process that forks faster than it is found is stopped first; this bounds the chase.</summary>
    private const int MaxRounds = 50;

    // A kernel may be built without lists of children; then everything that runs is looked through, which costs a hundred times as much.
    private static readonly bool HasLists = File.Exists($"/proc/self/task/{Environment.ProcessId}/children");

    /// <param name="Group">Its process group.</param>
    /// <param name="Zombie">It is dead, but nobody took note of it yet.</param>
    public readonly record struct Entry(int Id, int Parent, int Group, bool Zombie);

    /// <summary>
    /// Ends all processes below <paramref name="root"/>, except the <paramref name="spared"/> children of it and what is below those.
    /// </summary>
    /// <returns>The ids of those that were running.</returns>
    public static IReadOnlySet<int> KillBelow(int root, IReadOnlySet<int> spared)
    {
        if (!OperatingSystem.IsLinux()) return new HashSet<int>();
        var stopped = new HashSet<int>();
        for (var round = 0; round < MaxRounds; round++)
        {
            var more = Below(root, spared).Where(entry => !entry.Zombie && stopped.Add(entry.Id)).ToList();
            if (more.Count == 0) break;
            foreach (var entry in more) Native.Kill(entry.Id, Native.SigStop);
        }

        foreach (var id in stopped) Native.Kill(id, Native.SigKill);
        return stopped;
    }

    /// <summary>Takes note of dead children that nobody else waits for.</summary>
    /// <returns>Whether some are still to come: killed, but not dead yet.</returns>
    public static unsafe bool Reap(int root, IReadOnlySet<int> spared)
    {
        if (!OperatingSystem.IsLinux()) return false;
        var left = Below(root, spared);
        left.RemoveAll(entry => entry.Parent == root && Native.WaitFor(entry.Id, null, Native.NoHang) == entry.Id);
        return left.Count > 0;
    }

    /// <summary>All processes below <paramref name="root"/>, except the <paramref name="spared"/> children of it and what is below those.</summary>
    public static List<Entry> Below(int root, IReadOnlySet<int> spared)
    {
        var all = HasLists ? null : All().ToLookup(entry => entry.Parent);
        var found = new List<Entry>();
        var open = new Stack<int>([root]);
        while (open.TryPop(out var parent))
        {
            foreach (var child in all?[parent] ?? Listed(parent))
            {
                if (parent == root && spared.Contains(child.Id)) continue;
                found.Add(child);
                open.Push(child.Id);
            }
        }

        return found;
    }

    public static IEnumerable<Entry> Children(int parent) => HasLists ? Listed(parent) : All().Where(entry => entry.Parent == parent);

    // A process has a list of children for each of its threads.
    private static IEnumerable<Entry> Listed(int parent)
    {
        string[] threads;
        try
        {
            threads = Directory.GetDirectories($"/proc/{parent}/task");
        }
        catch (IOException)
        {
            yield break;
        }

        foreach (var thread in threads)
        {
            var list = System.Text.Encoding.ASCII.GetString(Read($"{thread}/children") ?? []);
            foreach (var word in list.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && EntryOf(id) is { } entry) yield return entry;
            }
        }
    }

    public static IEnumerable<Entry> All()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && EntryOf(id) is { } entry) yield return entry;
        }
    }

    // "/proc/{id}/stat" is `id (name) state parent group …`; the name may hold anything, also ')'.
    public static Entry? EntryOf(int id)
    {
        if (Read($"/proc/{id}/stat") is not { } stat) return null;
        var rest = stat.AsSpan(stat.AsSpan().LastIndexOf((byte)')') + 1);
        if (rest.Length < 4 || !Utf8Parser.TryParse(rest[3..], out int parent, out var length)) return null;
        return Utf8Parser.TryParse(rest[(3 + length + 1)..], out int group, out _) ? new(id, parent, group, rest[1] is (byte)'Z' or (byte)'X') : null;
    }

    /// <summary>A file of /proc; null when its process is gone, or none of ours.</summary>
    public static byte[]? Read(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
