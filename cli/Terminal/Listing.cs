using Spectre.Console;
using Spectre.Console.Rendering;

namespace Serverless.Cli.Terminal;

/// <param name="Style">Spectre's name of a style, or null.</param>
/// <param name="Short">What to show instead where the text does not fit.</param>
readonly record struct Cell(string Text, string? Style = null, string? Short = null)
{
    public static implicit operator Cell(string? text) => new(text ?? "");
}

/// <summary>
/// A table without lines, one row a line: columns that may give way lose their ends until it fits the width. A title ending in '>' aligns right; one ending in
/// '~' gives way, one in '~~' only after all of those; of several the widest first.
/// </summary>
sealed class Listing(params string[] titles)
{
    // Two spaces between columns, at least ten characters of one that gives way.
    private const int Gap = 2, NarrowestColumn = 10;

    /// <summary>Where there is room for all of it, one long text moves the rest of its own line only.</summary>
    private const int WidestAligned = 80;
    private readonly List<Cell[]> rows = [];

    public int Count => rows.Count;

    public Listing Add(params Cell[] cells)
    {
        if (cells.Length != titles.Length) throw new ArgumentException($"{cells.Length} cells for {titles.Length} columns", nameof(cells));
        rows.Add([.. cells.Select(cell => cell with { Text = TerminalFilter.OneLine(cell.Text), Short = cell.Short is null ? null : TerminalFilter.OneLine(cell.Short) })]);
        return this;
    }

    public Listing AddAll(IEnumerable<Cell[]> all)
    {
        foreach (var cells in all) Add(cells);
        return this;
    }

    /// <param name="indent">Spaces before each line, part of the width.</param>
    public IRenderable Render(int width, int indent = 0)
    {
        var shown = Enumerable.Range(0, titles.Length).Where(column => rows.Any(row => row[column].Text.Length > 0)).ToList();
        var widths = shown.Select(column => Math.Max(Title(column).Length, rows.Max(row => row[column].Text.GetCellWidth()))).ToArray();
        Fit(widths, column => titles[shown[column]].EndsWith('~') && !titles[shown[column]].EndsWith("~~", StringComparison.Ordinal), width - indent);
        Fit(widths, column => titles[shown[column]].EndsWith('~'), width - indent);

        var lines = new Paragraph().Overflow(Overflow.Crop);
        if (shown.Exists(column => Title(column).Length > 0)) Line(lines, indent, shown, widths, column => new(Title(column), "dim"), isLast: false);
        for (var i = 0; i < rows.Count; i++) Line(lines, indent, shown, widths, column => rows[i][column], isLast: i == rows.Count - 1);
        return lines;
    }

    private void Line(Paragraph lines, int indent, List<int> shown, int[] widths, Func<int, Cell> cellOf, bool isLast)
    {
        // Blanks are owed until something follows them, so that no line ends in blanks.
        var owed = indent;
        for (var i = 0; i < shown.Count; i++)
        {
            var (text, style, brief) = cellOf(shown[i]);
            var cut = Cut(brief is not null && text.GetCellWidth() > widths[i] ? brief : text, widths[i]);
            var right = titles[shown[i]].EndsWith('>');
            var free = (right ? widths[i] : Math.Min(widths[i], WidestAligned)) - cut.GetCellWidth();
            if (right) owed += free;
            if (cut.Length > 0)
            {
                lines.Append(new string(' ', owed));
                lines.Append(cut, style is null ? Style.Plain : Style.Parse(style));
                owed = 0;
            }

            owed += (right ? 0 : Math.Max(0, free)) + Gap;
        }

        if (!isLast) lines.Append("\n");
    }

    private string Title(int column) => titles[column].TrimEnd('>', '~');

    private static void Fit(int[] widths, Func<int, bool> givesWay, int width)
    {
        while (widths.Sum() + (Gap * (widths.Length - 1)) is var needed && needed > width)
        {
            var widest = Enumerable.Range(0, widths.Length).Where(i => givesWay(i) && widths[i] > NarrowestColumn).OrderByDescending(i => widths[i]).FirstOrDefault(-1);
            if (widest < 0) return;
            widths[widest]--;
        }
    }

    private static string Cut(string text, int width)
    {
        if (text.GetCellWidth() <= width) return text;
        var end = Math.Min(text.Length, width - 1);
        while (text[..end].GetCellWidth() > width - 1) end--;
        if (end > 0 && char.IsHighSurrogate(text[end - 1])) end--;
        return text[..end] + "…";
    }
}
