namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Which points of a file that was written anew are new. Nearly always it has what it had before, and more: of each metric, what is not beyond the
/// greatest step that was read is left out, until there is something beyond it. From then on everything counts again.
/// </summary>
sealed class RewrittenHistory
{
    /// <summary>How many names are remembered; points of others are taken as they come.</summary>
    private const int MaxNames = 10_000;

    private readonly Dictionary<string, long> greatest = new(StringComparer.Ordinal);
    private readonly HashSet<string> behind = new(StringComparer.Ordinal);

    /// <summary>The file is read from its beginning again.</summary>
    public void BeginAgain() => behind.UnionWith(greatest.Keys);

    public bool IsNew(string name, long step)
    {
        var isKnown = greatest.TryGetValue(name, out var last);
        if (isKnown && step <= last) return !behind.Contains(name);
        behind.Remove(name);
        if (isKnown || greatest.Count < MaxNames) greatest[name] = step;
        return true;
    }
}
