using Serverless.Core.Storage.Folder;

namespace Serverless.Core.Events;

/// <summary>
/// Files that somebody is still writing, each to be looked at again after a while. Where the system says who writes, a file is complete when nobody
/// does; elsewhere when it has not changed for <see cref="Stillness"/>.
/// </summary>
sealed class UnfinishedFiles(TimeProvider time)
{
    /// <summary>What there is no room for is found when all files are looked at the next time.</summary>
    private const int Most = 100_000;
    private static readonly TimeSpan Stillness = TimeSpan.FromSeconds(2), Shortest = TimeSpan.FromMilliseconds(1),
        Longest = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<string, Waiting> files = new(StringComparer.Ordinal);

    // Every file that waits is in it once, by the time at which it is looked at again.
    private readonly PriorityQueue<string, DateTimeOffset> due = new();

    private readonly record struct Waiting(FileVersion Version, DateTimeOffset Began, DateTimeOffset Changed);

    /// <summary>How long until the next one; null when none waits.</summary>
    public TimeSpan? NextIn =>
        due.TryPeek(out _, out var at) ? at - time.GetUtcNow() is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero : null;

    public bool Waits(string key) => files.ContainsKey(key);

    /// <summary>Those whose time has come. Each must be judged, or <see cref="Clear"/> called.</summary>
    public List<string> TakeDue()
    {
        List<string> taken = [];
        while (due.TryPeek(out var key, out var at) && at <= time.GetUtcNow())
        {
            due.Dequeue();
            taken.Add(key);
        }

        return taken;
    }

    /// <summary>Whether the file is there and complete; otherwise it waits.</summary>
    public bool IsComplete(string key, CurrentFile look)
    {
        var known = files.Remove(key, out var before);
        if (look.Version is not { } version) return false;
        if (look.BeingWritten is false) return true;
        var now = time.GetUtcNow();
        var waiting = new Waiting(version, known ? before.Began : now, known && before.Version == version ? before.Changed : now);
        if (look.BeingWritten is null && now - waiting.Changed >= Stillness) return true;
        if (files.Count == Most) return false;

        // Often at first, because what the platform itself puts is complete within milliseconds; in the end twice a second, for what takes hours.
        var pause = look.BeingWritten is null
            ? Stillness
            : TimeSpan.FromTicks(Math.Clamp((now - waiting.Began).Ticks / 4, Shortest.Ticks, Longest.Ticks));
        files[key] = waiting;
        due.Enqueue(key, now + pause);
        return false;
    }

    public void Clear()
    {
        files.Clear();
        due.Clear();
    }
}
