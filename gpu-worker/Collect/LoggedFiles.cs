using System.Globalization;
using Serverless.Contract;
using Serverless.Core.Metrics.Logged;
using Serverless.Core.Storage.Plain;

namespace Serverless.GpuWorker.Collect;

/// <summary>A point of a library's log.</summary>
/// <param name="Kind">Of the log: a metric that is in logs of two kinds is taken from one of them.</param>
internal readonly record struct LoggedPoint(string Kind, MetricPoint Point);

/// <summary>
/// The logs of metrics that libraries write anywhere below the folders that code works in: TensorBoard's event files, and <c>metrics.csv</c>. They
/// are looked for now and then, and read as they grow, those of one folder in the order in which they were begun: whoever trains in several goes each
/// begins another file. A metric that another folder has already given is another one, and has the folder in its name. What came with the code is not
/// the run's.
/// </summary>
/// <param name="roots">The folders.</param>
/// <param name="say">Tells people.</param>
sealed class LoggedFiles(IReadOnlyList<Func<string>> roots, TimeProvider time, Action<string> say)
{
    private const string Events = "events.out.tfevents", Table = "metrics.csv";
    private const string EventsKind = "TensorBoard", TableKind = "CSV";

    /// <summary>Each holds at most a line or an event.</summary>
    private const int MaxFiles = 256;

    /// <summary>Of one reading, some 20 MB; then they are stored.</summary>
    private const int MaxPoints = 200_000, ReadBytes = 64 * 1024, Beginning = 256;

    /// <summary>Events from so long before the code began are somebody else's, whatever clocks are like.</summary>
    private static readonly TimeSpan Foreign = TimeSpan.FromDays(1);
    private const int MaxEntries = 20_000, MaxDepth = 12, MaxNames = 100_000;

    /// <summary>Looking takes a fiftieth of the time at most.</summary>
    private const int Seldom = 50;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>Whoever trains a network keeps others' files there, and thousands of them.</summary>
    private static readonly HashSet<string> PassedOver = new(["node_modules", "site-packages", "__pycache__"], StringComparer.Ordinal);

    /// <summary>Keras logs the same names into two folders.</summary>
    private static readonly HashSet<string> Parts = new(["train", "validation", "val", "test", "eval"], StringComparer.Ordinal);

    private readonly Dictionary<(int Root, string Path), Log> logs = [];

    /// <summary>The same, in the order in which they are read.</summary>
    private List<Log> inOrder = [];

    /// <summary>Whose a metric is: the folder that gave it first.</summary>
    private readonly Dictionary<(string Kind, string Name), (int Root, string Folder)> owners = [];
    private readonly Dictionary<(int Root, string Path), (FileState State, byte[] Beginning)> given = [];
    private readonly HashSet<string> said = new(StringComparer.Ordinal);
    private readonly byte[] buffer = new byte[ReadBytes], other = new byte[ReadBytes];
    private long nextLook, earliest = long.MinValue;

    /// <summary>What is there now came with the code.</summary>
    public void NoteGiven()
    {
        foreach (var (root, path, state) in Look()) given[(root, path)] = (state, BeginningOf(root, path, given.Count < MaxFiles ? Beginning : 0));
        earliest = (time.GetUtcNow() - Foreign).ToUnixTimeMilliseconds() * 1000;
    }

    /// <param name="look">Whatever there is now is wanted.</param>
    /// <returns>Whether there may be more at once.</returns>
    public bool Read(bool look, List<LoggedPoint> into)
    {
        if (look || time.GetTimestamp() >= nextLook) Find();
        var more = false;
        Log? unread = null;
        foreach (var log in inOrder)
        {
            // What is in the next file of the folder came after what is left in this one.
            if (into.Count >= MaxPoints) return true;
            if (unread is not null && unread.Place == log.Place && unread.Kind == log.Kind) continue;
            if (!Read(log, into)) continue;
            more = true;
            unread = log;
        }

        return more;
    }

    private bool Read(Log log, List<LoggedPoint> into)
    {
        if (log.Format.Problem is not null) return false;
        var at = log.File.Position;
        var read = log.File.Read(buffer, out var anew);
        if (anew)
        {
            log.History.BeginAgain();
            log.Format = log.NewFormat();
            (log.Original, log.IsItsOwn) = (null, true);
        }

        if (read == 0) return false;
        if (at == 0 && !log.IsItsOwn) log.Original ??= OriginalOf(log, buffer.AsSpan(0, read));
        if (log.Original is { } original)
        {
            if (HasTheSame(original, at, buffer.AsSpan(0, read), out var isLonger)) return read == buffer.Length;
            BeginAgain(log, original, isLonger);
            return Read(log, into);
        }

        Add(log, into, points => log.Format.Add(buffer.AsSpan(0, read), time.GetUtcNow(), points));
        if (log.Format.Problem is { } problem) SayOnce(log.Path, $"{log.Path} is not read further: {problem}");
        return read == buffer.Length;
    }

    /// <summary>The longest log that begins as this one and may be what it is a copy of.</summary>
    private Log? OriginalOf(Log log, ReadOnlySpan<byte> beginning)
    {
        Log? longest = null;
        foreach (var one in inOrder.Where(one => one != log && one.Kind == log.Kind && one.Original is null && !log.IsNoCopyOf.Contains(one)))
        {
            if (one.File.BeginsAs(beginning) && one.File.Position > (longest?.File.Position ?? 0)) longest = one;
        }

        return longest;
    }

    /// <summary>Whether a copy, or what may be one, goes on as its original.</summary>
    /// <param name="isLonger">It has all of it, and more.</param>
    private bool HasTheSame(Log original, long at, ReadOnlySpan<byte> bytes, out bool isLonger)
    {
        isLonger = false;
        if (original.File.ReadAt(at, other.AsSpan(0, bytes.Length)) is not { } there)
        {
            // Gone, after it was read so far.
            return !(isLonger = at + bytes.Length > original.File.Position);
        }

        isLonger = there < bytes.Length && bytes[..there].SequenceEqual(other.AsSpan(0, there));
        return there == bytes.Length && bytes.SequenceEqual(other.AsSpan(0, there));
    }

    // It is a copy of another one, or has all of this one and goes on, or is a log of its own after all.
    private void BeginAgain(Log log, Log original, bool isLonger)
    {
        log.File.BeginAgain();
        log.IsNoCopyOf.Add(original);
        if (isLonger && original.File.Position >= (log.Continues?.File.Position ?? 0)) log.Continues = original;
        if ((log.Original = OriginalOf(log, log.File.Beginning)) is not null) return;
        (log.IsItsOwn, log.Format) = (true, log.NewFormat());
        if (log.Continues is { } shorter) (log.History, log.Place) = (shorter.History.ForALongerCopy(), shorter.Place);
    }

    private void Add(Log log, List<LoggedPoint> into, Action<List<MetricPoint>> read)
    {
        var points = new List<MetricPoint>();
        read(points);
        foreach (var point in points.Select(point => point with { Name = MetricName.Fit(point.Name) }))
        {
            if (point.UnixMicros < earliest)
            {
                SayOnce($"before {log.Path}", $"{log.Path} has events from {point.At:yyyy-MM-dd}, before the run began: they are not the run's");
                continue;
            }

            if (log.History.IsNew(point.Name, point.Step)) into.Add(new(log.Kind, point with { Name = NameOf(point.Name, log) }));
        }
    }

    /// <summary>The metric's name; that of another folder's, and its own folder before it.</summary>
    private string NameOf(string name, Log log)
    {
        if (Owner(name, log) is not { } owner) return name;
        var apart = FolderApartFrom(owner, log.Place);
        var other = Called(owner.Folder);
        SayOnce(log.Path, $"{log.Path} has metrics of the same names as a log in {other}; they are called {apart}/{name}, and so on");
        name = $"{apart}/{name}";
        return Owner(name, log) is null ? name : $"{Called(log.Place.Folder)}/{name}";
    }

    /// <returns>Null: it is the log's folder itself.</returns>
    private (int Root, string Folder)? Owner(string name, Log log)
    {
        if (!owners.TryGetValue((log.Kind, name), out var owner) && owners.Count < MaxNames) owners[(log.Kind, name)] = owner = log.Place;
        return owner == log.Place ? null : owner;
    }

    // Below the folder that both are in.
    private static string FolderApartFrom((int Root, string Folder) other, (int Root, string Folder) one)
    {
        if (other.Root != one.Root || one.Folder.Length == 0) return Called(one.Folder);
        var (folders, others) = (one.Folder.Split('/'), other.Folder.Split('/'));
        var common = folders.Zip(others).TakeWhile(pair => pair.First == pair.Second).Count();
        return common < folders.Length ? string.Join('/', folders[common..]) : Called(folders[^1]);
    }

    private static string Called(string folder) => folder.Length == 0 ? "." : folder;

    private void Find()
    {
        var began = time.GetTimestamp();
        var found = Look();
        Follow(found);
        nextLook = time.GetTimestamp() + Math.Max(Ticks(LookEvery), (time.GetTimestamp() - began) * Seldom);
        var folders = found.Where(one => IsEvents(one.Path)).Select(one => (one.Root, Folder: FolderOf(one.Path))).ToHashSet();
        foreach (var (root, path, state) in found.OrderBy(one => one, Begun))
        {
            if (logs.ContainsKey((root, path))) continue;
            if (given.TryGetValue((root, path), out var before) && IsWhatItWas(before, root, path, state))
            {
                if (before.State != state) SayOnce(path, $"{path} came with the code, so what is added to it is not read; write to a new file");
                continue;
            }

            if (logs.Count == MaxFiles)
            {
                SayOnce("many", $"more than {MaxFiles} files have metrics; {path} and further ones are not read");
                break;
            }

            var prefix = IsEvents(path) ? Prefix(root, FolderOf(path), folders) : "";
            logs[(root, path)] = new(root, path, state.Inode, IsEvents(path) ? EventsKind : TableKind, new(roots[root], path),
                () => IsEvents(path) ? new EventFile(prefix) : new CsvLog());
        }

        inOrder = [.. logs.Values.OrderBy(log => (log.Place.Root, log.Path, default(FileState)), Begun)];
    }

    // It may have been added to. The system gives the number of a file that was removed to the next one.
    private bool IsWhatItWas((FileState State, byte[] Beginning) before, int root, string path, FileState now) =>
        before.State.Inode == now.Inode && before.State.LengthBytes <= now.LengthBytes
            && BeginningOf(root, path, before.Beginning.Length).AsSpan().SequenceEqual(before.Beginning);

    private byte[] BeginningOf(int root, string path, int length)
    {
        var bytes = new byte[length];
        return length == 0 ? bytes : bytes[..(new GrowingFile(roots[root], path).ReadAt(0, bytes) ?? 0)];
    }

    /// <summary>A log that was given another name is the log that it was.</summary>
    private void Follow(List<(int Root, string Path, FileState State)> found)
    {
        var there = found.Select(one => (one.Root, one.Path)).ToHashSet();
        var missing = logs.Where(log => !there.Contains(log.Key)).ToList();
        foreach (var (root, path, state) in found)
        {
            if (logs.TryGetValue((root, path), out var known)) known.Inode = state.Inode;
            else if (state.Inode != 0 && missing.Find(log => log.Value.Inode == state.Inode) is { Value: { } moved } before)
            {
                logs.Remove(before.Key);
                logs[(root, path)] = moved;
                moved.File.MovedTo(roots[root], path);
            }
        }
    }

    /// <summary>
    /// By the second in an event file's name, which is when it was begun, and otherwise by the name: <c>fold_2</c> before <c>fold_10</c>, and the
    /// file that a writer began first before its second.
    /// </summary>
    private static readonly Comparer<(int Root, string Path, FileState State)> Begun = Comparer<(int Root, string Path, FileState State)>.Create(
        (a, b) => (a.Root, SecondOf(a.Path)).CompareTo((b.Root, SecondOf(b.Path))) is not 0 and var order ? order
            : ByNumbers.Compare(a.Path, b.Path));

    private static long SecondOf(string path) =>
        IsEvents(path) && FileOf(path).Split('.') is [_, _, _, var second, ..] && long.TryParse(second, CultureInfo.InvariantCulture, out var seconds)
            ? seconds
            : 0;

    // As TensorBoard names curves: by the folder below the one that has the others.
    private static string Prefix(int root, string folder, HashSet<(int Root, string Folder)> all)
    {
        for (var above = folder.IndexOf('/'); above >= 0; above = folder.IndexOf('/', above + 1))
        {
            if (all.Contains((root, folder[..above]))) return folder[(above + 1)..] + "/";
        }

        var own = folder[(folder.LastIndexOf('/') + 1)..];
        return Parts.Contains(own) ? own + "/" : "";
    }

    private List<(int Root, string Path, FileState State)> Look()
    {
        var found = new List<(int, string, FileState)>();
        for (var root = 0; root < roots.Count; root++) Look(root, found);
        return found;
    }

    // Those nearest to the root first.
    private void Look(int root, List<(int, string, FileState)> found)
    {
        var entries = 0;
        var folders = new Queue<(string Path, int Depth)>([("", 0)]);
        while (folders.TryDequeue(out var one))
        {
            foreach (var entry in EntriesOf(roots[root](), one.Path))
            {
                if (++entries > MaxEntries) return;
                var path = one.Path.Length == 0 ? entry.Name : $"{one.Path}/{entry.Name}";
                if (entry.Problem is not null || entry.Name.StartsWith('.') || PassedOver.Contains(entry.Name)) continue;
                if (entry.IsFolder && one.Depth < MaxDepth) folders.Enqueue((path, one.Depth + 1));
                else if (!entry.IsFolder && (IsEvents(path) || FileOf(path) == Table)) found.Add((root, path, entry.Look.State));
            }
        }
    }

    // Moved or removed meanwhile, or closed: what is wrong with folders is said by whoever stores what is in them.
    private static List<PlainEntry> EntriesOf(string root, string path)
    {
        try
        {
            using var top = PlainFolder.Open(root);
            using var folder = top?.Folder(path);
            return folder is null ? [] : [.. folder.Entries().Take(MaxEntries)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);

    private void SayOnce(string about, string text)
    {
        if (said.Add(about)) say(text);
    }

    private static bool IsEvents(string path) => FileOf(path).StartsWith(Events, StringComparison.Ordinal);
    private static string FileOf(string path) => path[(path.LastIndexOf('/') + 1)..];
    private static string FolderOf(string path) => path.LastIndexOf('/') is >= 0 and var at ? path[..at] : "";

    private sealed class Log(int root, string path, ulong inode, string kind, GrowingFile file, Func<LoggedFormat> newFormat)
    {
        public ulong Inode { get; set; } = inode;

        /// <summary>As far as it has been read, this is a copy of another log, such as people keep among their artifacts and checkpoints.</summary>
        public Log? Original { get; set; }

        public HashSet<Log> IsNoCopyOf { get; } = [];

        /// <summary>It has all of this one, and more.</summary>
        public Log? Continues { get; set; }

        /// <summary>Known to be a copy of none.</summary>
        public bool IsItsOwn { get; set; }
        /// <summary>The folder whose curves it has.</summary>
        public (int Root, string Folder) Place { get; set; } = (root, FolderOf(path));
        public string Path => path;
        public string Kind => kind;
        public GrowingFile File => file;
        public RewrittenHistory History { get; set; } = new();
        public Func<LoggedFormat> NewFormat => newFormat;
        public LoggedFormat Format { get; set; } = newFormat();
    }
}
