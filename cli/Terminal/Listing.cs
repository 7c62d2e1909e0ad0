using Spectre.Console;
using Spectre.Console.Rendering;

namespace Serverless.Cli.Terminal;

/// <param name="Style">Spectre's name of a style, or null.</param>
readonly record struct Cell(string Text, string? Style = null)
{
    public static implicit operator Cell(string? text) => new(text ?? "");
}

/// <summary>
/// A table without lines, one row a line: columns that may give way lose their ends until it fits the width. A title ending in '>' aligns right, one ending in
/// '~' gives way (several: the widest first).
/// </summary>
sealed class Listing(params string[] titles)
{
    private const int Gap = 2, NarrowestColumn = 6;
    private readonly List<Cell[]> rows = [];

    public int Count => rows.Count;

    public Listing Add(params Cell[] cells)
    {
        if (cells.Length != titles.Length) throw new ArgumentException($"{cells.Length} cells for {titles.Length} columns", nameof(cells));
        rows.Add(cells);
        return this;
    }

    public Listing AddAll(IEnumerable<Cell[]> all)
    {
        foreach (var cells in all) Add(cells);
        return this;
    }

    public IRenderable Render(int width)
    {
        var shown = Enumerable.Range(0, titles.Length).Where(column => rows.Any(row => row[column].Text.Length > 0)).ToList();
        var widths = shown.Select(column => Math.Max(Title(column).Length, rows.Max(row => row[column].Text.GetCellWidth()))).ToArray();
        Fit(widths, [.. shown.Select(column => titles[column].EndsWith('~'))], width);

        var table = new Table().Border(TableBorder.None);
        table.ShowHeaders = titles.Any(title => title.Length > 0);
        for (var i = 0; i < shown.Count; i++)
        {
            var column = new TableColumn(new Text(Title(shown[i]), new Style(decoration: Decoration.Dim))) { NoWrap = true, Padding = new(0, 0, i == shown.Count - 1 ? 0 : Gap, 0), Width = widths[i] };
            if (titles[shown[i]].EndsWith('>')) column.Alignment = Justify.Right;
            table.AddColumn(column);
        }

        foreach (var row in rows)
        {
            table.AddRow(shown.Select((column, i) => (IRenderable)new Text(Cut(row[column].Text, widths[i]), row[column].Style is { } style ? Style.Parse(style) : Style.Plain)));
        }

        return table;
    }

    private string Title(int column) => titles[column].TrimEnd('>', '~');

    private static void Fit(int[] widths, bool[] givesWay, int width)
    {
        while (widths.Sum() + (Gap * (widths.Length - 1)) is var needed && needed > width)
        {
            var widest = Enumerable.Range(0, widths.Length).Where(i => givesWay[i] && widths[i] > NarrowestColumn).OrderByDescending(i => widths[i]).FirstOrDefault(-1);
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
