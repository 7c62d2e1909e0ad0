namespace Serverless.Core.Versions;

/// <summary>
/// What this process knows of one experiment's versions, and which numbers it is writing. The number of a definition is the lowest that has it, and
/// it may be told only when every lower number is known:
/// versions never change and never go, so from then on nobody can arrive at another. Several numbers can be written at once under this rule, and a
/// number that a failure left free is taken next.
/// </summary>
internal sealed class VersionNumbers
{
    private readonly Lock gate = new();

    /// <summary>Null: its record is damaged or lost, so that nothing but its number is known.</summary>
    private readonly SortedDictionary<int, VersionInfo?> known = [];
    private readonly Dictionary<string, int> lowest = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, TaskCompletionSource> writing = [];
    private readonly Dictionary<string, int> written = new(StringComparer.Ordinal);
    private int through;

    /// <summary>All numbers up to this are known.</summary>
    public int Through
    {
        get
        {
            lock (gate) return through;
        }
    }

    /// <summary>Oldest first, each definition once.</summary>
    public IReadOnlyList<VersionInfo> All
    {
        get
        {
            lock (gate) return [.. known.Values.OfType<VersionInfo>().Where(version => lowest[version.Hash] == version.Number)];
        }
    }

    /// <summary>Numbers that were given, and of which nothing else is known.</summary>
    public IReadOnlyList<int> Unread
    {
        get
        {
            lock (gate) return [.. known.Where(version => version.Value is null).Select(version => version.Key)];
        }
    }

    public bool Knows(int number)
    {
        lock (gate) return known.ContainsKey(number);
    }

    public void Learn(VersionInfo version)
    {
        lock (gate)
        {
            if (known.GetValueOrDefault(version.Number) is not null) return;
            known[version.Number] = version;
            if (!lowest.TryGetValue(version.Hash, out var number) || version.Number < number) lowest[version.Hash] = version.Number;
            while (known.ContainsKey(through + 1)) through++;
        }
    }

    /// <summary>The number is taken by something that cannot be read, or was lost.</summary>
    public void LearnTaken(int number)
    {
        lock (gate)
        {
            if (!known.TryAdd(number, null)) return;
            while (known.ContainsKey(through + 1)) through++;
        }
    }

    /// <summary>
    /// What to do for a definition: take the answer, wait for a task and ask again, or write it under the number that is now reserved.
    /// </summary>
    public (int? Answer, Task? Wait, int Write) Next(string hash)
    {
        lock (gate)
        {
            if (lowest.TryGetValue(hash, out var number))
            {
                if (number <= through) return (number, null, 0);
                if (writing.Count > 0 && writing.First() is var first && first.Key < number) return (null, first.Value.Task, 0);
            }
            else if (written.TryGetValue(hash, out var mine))
            {
                return (null, writing[mine].Task, 0);
            }

            var free = through + 1;
            while (known.ContainsKey(free) || writing.ContainsKey(free)) free++;
            writing[free] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            written[hash] = free;
            return (null, null, free);
        }
    }

    /// <summary>The write of a reserved number is over, whatever came of it; what was stored has been learned.</summary>
    public void Settle(string hash, int number)
    {
        TaskCompletionSource? done;
        lock (gate)
        {
            writing.Remove(number, out done);
            written.Remove(hash);
        }

        done?.SetResult();
    }
}
