namespace Serverless.Cli.Terminal;

/// <summary>How a width is shared among columns.</summary>
static class Widths
{
    /// <summary>Columns of the terminal between two columns of a table.</summary>
    public const int Gap = 2;

    /// <summary>
    /// Which columns are shown, and how wide each is. While they do not fit at their narrowest, the one that matters least is hidden; what room there
    /// is then goes to those that are left, of which the widest give way first. When even those that are never hidden do not fit, all of them are
    /// shortened.
    /// </summary>
    /// <param name="natural">How wide each column would like to be.</param>
    public static (List<int> Shown, int[] Widths) Share(IReadOnlyList<Column> columns, IReadOnlyList<int> natural, List<int> shown, int room)
    {
        shown = [.. shown];
        while (Needed(shown.Select(Narrowest)) > room && shown.Exists(i => columns[i].Rank > 0))
        {
            shown.Remove(shown.FindLast(i => columns[i].Rank == shown.Max(j => columns[j].Rank)));
        }

        var widths = shown.Select(i => Math.Min(natural[i], Math.Max(1, room))).ToArray();
        GiveWay(widths, [.. shown.Select(Narrowest)], room);
        GiveWay(widths, [.. shown.Select(_ => 1)], room);
        return (shown, widths);

        int Narrowest(int i) => columns[i].Narrowest is { } least ? Math.Min(natural[i], Math.Max(least, columns[i].Title.Length)) : natural[i];
    }

    private static int Needed(IEnumerable<int> widths) => widths.Sum(width => width + Gap) - Gap;

    private static void GiveWay(int[] widths, int[] narrowest, int room)
    {
        while (Needed(widths) > room)
        {
            var widest = Enumerable.Range(0, widths.Length).Where(i => widths[i] > narrowest[i]).OrderByDescending(i => widths[i]).FirstOrDefault(-1);
            if (widest < 0) return;
            widths[widest]--;
        }
    }
}
