namespace Serverless.Core.Spec;

/// <summary>"Did you mean …?"</summary>
public static class Suggestion
{
    /// <summary>The candidate that <paramref name="written"/> most likely stands for, or null.</summary>
    public static string? For(string written, IEnumerable<string> candidates)
    {
        var nearest = candidates
            .Select(candidate => new { Text = candidate, Distance = Distance(written.ToLowerInvariant(), candidate.ToLowerInvariant()) })
            .MinBy(pair => pair.Distance);
        return nearest is not null && nearest.Distance <= Math.Max(1, Math.Min(written.Length, nearest.Text.Length) / 3) ? nearest.Text : null;
    }

    /// <summary>A clause to put behind a message, or nothing.</summary>
    public static string Clause(string written, IEnumerable<string> candidates) =>
        For(written, candidates) is { } found ? $"; did you mean '{found}'?" : "";

    /// <summary>Inserted, deleted, changed and swapped characters between two words.</summary>
    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > 3 || a.Length > 100) return int.MaxValue;
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
