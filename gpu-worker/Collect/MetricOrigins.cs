namespace Serverless.GpuWorker.Collect;

/// <summary>
/// What becomes of a metric that the code both prints and writes to a file. The file has all digits, so from its first point there on, what is
/// printed of that name is left out; a step that had been kept from what was printed before is not kept a second time.
/// </summary>
sealed class MetricOrigins
{
    /// <summary>How many names, and how many printed points, are remembered.</summary>
    private const int MaxNames = 10_000, MaxPoints = 1 << 16;

    private readonly HashSet<string> written = new(StringComparer.Ordinal);
    private readonly HashSet<(string Name, long Step)> printed = [];

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
        if (written.Contains(name)) return false;
        if (printed.Count == MaxPoints) printed.Clear();
        printed.Add((name, step));
        return true;
    }
}
