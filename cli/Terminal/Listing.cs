using Spectre.Console;
using Spectre.Console.Rendering;

namespace Serverless.Cli.Terminal;

/// <summary>
/// A table without lines, one row a line, as every command shows its tables: columns that matter less are hidden and long cells shortened in the
/// middle where a terminal is too narrow, so that no line is ever wider than it. Without a terminal nothing is.
/// </summary>
sealed class Listing(params Column[] columns)
{
    /// <summary>Where there is room for all of it, one long text moves the rest of its own line only.</summary>
    private const int WidestAligned = 80;

    private readonly List<Cell[]> rows = [];

    /// <summary>Its columns speak for themselves; their titles name those that are hidden.</summary>
    public bool IsUntitled { get; private init; }

    public int Count => rows.Count;

    public static Listing Untitled(params Column[] columns) => new(columns) { IsUntitled = true };

    /// <summary>What each value is, and the value.</summary>
    public static Listing Facts() => Untitled(Column.Text("name"), Column.Text("value"));

    public Listing Add(params Cell[] cells)
    {
        if (cells.Length != columns.Length) throw new ArgumentException($"{cells.Length} cells for {columns.Length} columns", nameof(cells));
        rows.Add([.. cells.Select(cell => cell.Clean())]);
        return this;
    }

    public Listing AddAll(IEnumerable<Cell[]> all)
    {
        foreach (var cells in all) Add(cells);
        return this;
    }

    /// <summary>The listing in lines that are no wider than asked for.</summary>
    /// <param name="width">Columns of the terminal.</param>
    /// <param name="indent">Spaces before each line, part of the width.</param>
    public FittedListing Lay(int width, int indent = 0)
    {
        var filled = Enumerable.Range(0, columns.Length).Where(i => rows.Exists(row => Natural(row[i]) > 0)).ToList();
        var natural = columns.Select((_, i) =>
            Math.Max(IsUntitled ? 0 : columns[i].Title.Length, rows.Select(row => Natural(row[i])).DefaultIfEmpty().Max())).ToList();
        var (shown, widths) = Widths.Share(columns, natural, filled, width - indent);

        var lines = new Paragraph().Overflow(Overflow.Crop);
        if (!IsUntitled && shown.Exists(i => columns[i].Title.Length > 0))
        {
            Line(lines, indent, shown, widths, i => new(columns[i].Title, "dim"), isLast: rows.Count == 0);
        }

        for (var at = 0; at < rows.Count; at++) Line(lines, indent, shown, widths, i => rows[at][i], isLast: at == rows.Count - 1);
        return new(lines, [.. filled.Except(shown).Select(i => columns[i].Title)]);
    }

    private void Line(Paragraph lines, int indent, List<int> shown, int[] widths, Func<int, Cell> cellOf, bool isLast)
    {
        // Blanks are owed until something follows them, so that no line ends in blanks.
        var owed = indent;
        for (var i = 0; i < shown.Count; i++)
        {
            var (cell, right) = (cellOf(shown[i]), columns[shown[i]].IsRight);
            var (lead, text) = Fitted(cell, widths[i]);
            var free = (right ? widths[i] : Math.Min(widths[i], WidestAligned)) - lead.GetCellWidth() - text.GetCellWidth();
            if (right) owed += free;
            if (lead.Length + text.Length > 0)
            {
                lines.Append(new string(' ', owed) + lead);
                lines.Append(text, cell.Style is null ? Style.Plain : Style.Parse(cell.Style));
                owed = 0;
            }

            owed += (right ? 0 : Math.Max(0, free)) + Widths.Gap;
        }

        if (!isLast) lines.Append("\n");
    }

    // Of a deep tree the innermost branches are kept, and half of the room is the text's.
    private static (string Lead, string Text) Fitted(Cell cell, int width)
    {
        if (Natural(cell) <= width) return (cell.Lead, cell.Text);
        var lead = cell.Lead.Length <= width / 2 ? cell.Lead : cell.Lead[^(width / 2)..];
        return (lead, Shortened.Middle(cell.Short ?? cell.Text, width - lead.Length));
    }

    private static int Natural(Cell cell) => cell.Lead.Length + cell.Text.GetCellWidth();
}

/// <summary>A listing as it fits.</summary>
/// <param name="Hidden">Titles of the columns that there was no room for.</param>
readonly record struct FittedListing(IRenderable Lines, IReadOnlyList<string> Hidden);
