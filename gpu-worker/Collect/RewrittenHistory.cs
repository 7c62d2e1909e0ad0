namespace Serverless.GpuWorker.Collect;

/// <summary>
/// Which points of a file that was written anew are new. Nearly always it has what it had before, and more, in whatever order: of each metric as many
/// points are left out as were taken before, of those that are not beyond the greatest step until then. After that everything counts again.
/// </summary>
sealed class RewrittenHistory
{
    /// <summary>How many names are remembered; points of others are taken as they come.</summary>
    private const int MaxNames = 10_000;

    private readonly Dictionary<string, Curve> curves = new(StringComparer.Ordinal);

    /// <summary>For a file that has all of this one's, and goes on.</summary>
    public RewrittenHistory ForALongerCopy()
    {
        var copy = new RewrittenHistory();
        foreach (var (name, curve) in curves)
        {
            copy.curves[name] = new() { Greatest = curve.Greatest, Taken = curve.Taken, Before = curve.Greatest, ToSkip = curve.Taken };
        }

        return copy;
    }

    /// <summary>The file is read from its beginning again.</summary>
    public void BeginAgain()
    {
        foreach (var curve in curves.Values) (curve.Before, curve.ToSkip) = (curve.Greatest, curve.Taken);
    }

    public bool IsNew(string name, long step)
    {
        if (!curves.TryGetValue(name, out var curve))
        {
            if (curves.Count == MaxNames) return true;
            curves[name] = curve = new() { Greatest = step };
        }

        if (curve.ToSkip > 0 && step <= curve.Before)
        {
            curve.ToSkip--;
            return false;
        }

        curve.Greatest = Math.Max(curve.Greatest, step);
        curve.Taken++;
        return true;
    }

    private sealed class Curve
    {
        public long Greatest { get; set; }

        public long Taken { get; set; }

        /// <summary>The greatest step when the file was begun again.</summary>
        public long Before { get; set; }

        public long ToSkip { get; set; }
    }
}
