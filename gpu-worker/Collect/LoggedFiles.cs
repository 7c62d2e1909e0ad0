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
    private readonly Dictionary<(int Root, string Path), FileState> given = [];
    private readonly HashSet<string> said = new(StringComparer.Ordinal);
    private long nextLook;

    /// <summary>What is there now came with the code.</summary>
    public void NoteGiven()
    {
        foreach (var (root, path, state) in Look()) given[(root, path)] = state;
    }

    /// <param name="isWhole">Whatever there is now is wanted.</param>
    /// <returns>Whether there may be more at once.</returns>
    public bool Read(byte[] buffer, bool isWhole, List<LoggedPoint> into)
    {
        if (isWhole || time.GetTimestamp() >= nextLook) Find();
        var more = false;
        Log? unread = null;
        foreach (var log in inOrder)
        {
            // What is in the next file of the folder came after what is left in this one.
            if (unread is not null && unread.Place == log.Place && unread.Kind == log.Kind) continue;
            if (!Read(log, buffer, into)) continue;
            more = true;
            unread = log;
        }

        return more;
    }

    /// <summary>The code has ended: last lines without their ends count.</summary>
    public void End(List<LoggedPoint> into)
    {
        foreach (var log in inOrder) Add(log, into, points => log.Format.End(time.GetUtcNow(), points));
    }

    private bool Read(Log log, byte[] buffer, List<LoggedPoint> into)
    {
        if (log.Format.Problem is not null) return false;
        var read = log.File.Read(buffer, out var anew);
        if (anew)
        {
            log.History.BeginAgain();
            log.Format = log.NewFormat();
        }

        if (read == 0) return false;
        Add(log, into, points => log.Format.Add(buffer.AsSpan(0, read), time.GetUtcNow(), points));
        if (log.Format.Problem is { } problem) SayOnce(log.Path, $"{log.Path} is not read further: {problem}");
        return read == buffer.Length;
    }

    private void Add(Log log, List<LoggedPoint> into, Action<List<MetricPoint>> read)
    {
        var points = new List<MetricPoint>();
        read(points);
        foreach (var point in points)
        {
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
        nextLook = time.GetTimestamp() + Math.Max(Ticks(LookEvery), (time.GetTimestamp() - began) * Seldom);
        var folders = found.Where(one => IsEvents(one.Path)).Select(one => (one.Root, Folder: FolderOf(one.Path))).ToHashSet();
        foreach (var (root, path, state) in found.OrderBy(one => one, Begun))
        {
            if (logs.ContainsKey((root, path))) continue;
            if (given.TryGetValue((root, path), out var before) && before.Inode == state.Inode && before.LengthBytes <= state.LengthBytes)
            {
                if (before != state) SayOnce(path, $"{path} came with the code, so what is added to it is not read; write to a new file");
                continue;
            }

            if (logs.Count == MaxFiles)
            {
                SayOnce("many", $"more than {MaxFiles} files have metrics; {path} and further ones are not read");
                break;
            }

            var prefix = IsEvents(path) ? Prefix(root, FolderOf(path), folders) : "";
            logs[(root, path)] = new(root, path, IsEvents(path) ? EventsKind : TableKind, new(roots[root], path),
                () => IsEvents(path) ? new EventFile(prefix) : new CsvLog());
        }

        inOrder = [.. logs.Values.OrderBy(log => (log.Place.Root, log.Path, default(FileState)), Begun)];
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

    private sealed class Log(int root, string path, string kind, GrowingFile file, Func<LoggedFormat> newFormat)
    {
        public (int Root, string Folder) Place { get; } = (root, FolderOf(path));
        public string Path => path;
        public string Kind => kind;
        public GrowingFile File => file;
        public RewrittenHistory History { get; } = new();
        public Func<LoggedFormat> NewFormat => newFormat;
        public LoggedFormat Format { get; set; } = newFormat();
    }
}
