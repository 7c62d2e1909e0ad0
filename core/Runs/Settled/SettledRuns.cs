using Serverless.Core.Storage;

namespace Serverless.Core.Runs.Settled;

/// <summary>The index as one manifest has it. Immutable.</summary>
/// <param name="ETag">The manifest's; null: it is not stored.</param>
internal sealed class SettledRuns(string? etag, IReadOnlyList<(RunIndexSegment Segment, SettledEntry[] Entries)> segments)
{
    public string? ETag => etag;
    public IReadOnlyList<(RunIndexSegment Segment, SettledEntry[] Entries)> Segments => segments;

    /// <summary>Newest first; those that are gone are not among them.</summary>
    public SettledEntry[] Runs { get; } =
        [.. segments.Aggregate(Array.Empty<SettledEntry>(), (older, next) => Merge(older, next.Entries)).Where(entry => !entry.IsGone)];

    public IEnumerable<string> ToLookAt => field ??= [.. Runs.Where(entry => entry.MustBeLookedAt).Select(entry => entry.Id)];

    public SettledEntry? Find(string id)
    {
        var at = Array.BinarySearch(Runs, new SettledEntry(id), ById);
        return at < 0 ? null : Runs[at];
    }

    /// <summary>Ids sort newest first.</summary>
    public static IComparer<SettledEntry> ById { get; } =
        Comparer<SettledEntry>.Create(static (a, b) => string.CompareOrdinal(a.Id, b.Id));

    /// <summary>Both in order of ids; of one that is in both the newer.</summary>
    public static SettledEntry[] Merge(SettledEntry[] older, SettledEntry[] newer)
    {
        if (older.Length == 0) return newer;
        if (newer.Length == 0) return older;
        var merged = new List<SettledEntry>(older.Length + newer.Length);
        for (int i = 0, j = 0; i < older.Length || j < newer.Length;)
        {
            var order = i == older.Length ? 1 : j == newer.Length ? -1 : ById.Compare(older[i], newer[j]);
            if (order == 0) i++;
            merged.Add(order < 0 ? older[i++] : newer[j++]);
        }

        return [.. merged];
    }
}

/// <summary>All runs as they are now, newest first: the index, and over it what was looked at anew, everything damaged included.</summary>
internal sealed class RunView(SettledEntry[] settled, SettledEntry[] looked)
{
    /// <param name="after">Those that come after this run.</param>
    public IEnumerable<RunSummary> Runs(string? after = null) => Entries(after).Select(entry => entry.Run).OfType<RunSummary>();

    public IReadOnlyList<DamagedRecord> Damaged(string? after = null) =>
        [.. looked[Start(looked, after)..].Select(entry => entry.Damage).OfType<DamagedRecord>()];

    private IEnumerable<SettledEntry> Entries(string? after)
    {
        var (i, j) = (Start(settled, after), Start(looked, after));
        while (i < settled.Length || j < looked.Length)
        {
            var order = i == settled.Length ? 1 : j == looked.Length ? -1 : SettledRuns.ById.Compare(settled[i], looked[j]);
            if (order == 0) i++;
            var entry = order < 0 ? settled[i++] : looked[j++];
            if (!entry.IsGone) yield return entry;
        }
    }

    private static int Start(SettledEntry[] entries, string? after)
    {
        if (after is null) return 0;
        var at = Array.BinarySearch(entries, new SettledEntry(after), SettledRuns.ById);
        return at < 0 ? ~at : at + 1;
    }
}
