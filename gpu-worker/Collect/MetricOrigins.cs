using System.Globalization;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// What becomes of a metric that the code both prints and writes to a file. The file has all digits, so from its first point there on, what is
/// printed of that name is left out; a step that had been kept from what was printed before is not kept a second time. The log of a library,
/// which may count steps in another way, has only those metrics that come from nowhere else, each from one kind of log.
/// </summary>
sealed class MetricOrigins
{
    /// <summary>How many names, and how many printed points, are remembered.</summary>
    private const int MaxNames = 10_000, MaxPoints = 1 << 16;

    private readonly HashSet<string> written = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Counts> printedNames = new(StringComparer.Ordinal);
    private readonly HashSet<(string Name, long Step)> printed = [];
    private readonly Dictionary<string, string> logged = new(StringComparer.Ordinal);

    /// <summary>A file has the metric, from now on.</summary>
    public void NoteWritten(string name)
    {
        if (written.Count < MaxNames) written.Add(name);
    }

    public bool KeepsWritten(string name, long step)
    {
        NoteWritten(name);
        return printed.Count == 0 || !printed.Contains((name, step));
    }

    public bool KeepsPrinted(string name, long step)
    {
        if (written.Contains(name) || logged.ContainsKey(name)) return false;
        if (printedNames.TryGetValue(name, out var counts)) counts.Printed++;
        else if (printedNames.Count < MaxNames) printedNames[name] = new() { Printed = 1 };
        if (printed.Count == MaxPoints) printed.Clear();
        printed.Add((name, step));
        return true;
    }

    /// <param name="kind">Of the log.</param>
    public bool KeepsLogged(string kind, string name)
    {
        if (written.Contains(name)) return false;
        if (printedNames.TryGetValue(name, out var counts))
        {
            (counts.Logged, counts.Kind) = (counts.Logged + 1, kind);
            return false;
        }

        if (logged.TryGetValue(name, out var owner)) return owner == kind;
        if (logged.Count < MaxNames) logged[name] = kind;
        return true;
    }

    /// <summary>Metrics of which so few points were printed that what a log has of them would have been the curve.</summary>
    public IEnumerable<string> Overruled() =>
        from one in printedNames
        where one.Value.Logged > 2 * one.Value.Printed + 2
        orderby one.Key
        select string.Create(CultureInfo.InvariantCulture,
            $"'{one.Key}' is taken from what is printed, {one.Value.Printed} {(one.Value.Printed == 1 ? "point" : "points")}, and not from its "
            + $"{one.Value.Kind} log, {one.Value.Logged}: print all of it, or nothing beside a step");

    private sealed class Counts
    {
        public long Printed { get; set; }
        public long Logged { get; set; }
        public string Kind { get; set; } = "";
    }
}
