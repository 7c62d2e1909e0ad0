using System.Globalization;
using Serverless.Core.Reports;
using Spectre.Console;

namespace Serverless.Cli.Terminal;

/// <summary>A chart of characters: its lines in colours, with a legend where there are several. Without colours each line has a plot.</summary>
static class TerminalPlot
{
    private const int Height = 10, Widest = 100, Narrowest = 10;

    private static readonly string[] Colours = ["blue", "orange3", "green", "magenta", "aqua", "yellow", "grey"];

    /// <param name="value">Writes a value of the vertical axis.</param>
    public static void Draw(Output output, Chart chart, Func<double, string> value)
    {
        var lines = chart.Lines.Select(line => line with { Points = [.. line.Points.Where(point => double.IsFinite(point.Y))] })
            .Where(line => line.Points.Count > 0).ToList();
        if (lines.Count == 0) return;
        if (lines.Count > 1 && output.Out.Profile.Capabilities.ColorSystem == ColorSystem.NoColors)
        {
            foreach (var line in lines)
            {
                output.Line($"{line.Label}");
                Draw(output, [line], chart.XLabel, value);
            }

            return;
        }

        Draw(output, lines, chart.XLabel, value);
        if (lines.Count == 1) return;
        foreach (var line in lines)
        {
            output.Out.Markup($"[{ColourOf(line)}]━━[/] ");
            output.Line($"{line.Label}  [dim]last[/] {value(line.Points[^1].Y)}");
        }
    }

    private static void Draw(Output output, IReadOnlyList<ChartLine> lines, string unit, Func<double, string> value)
    {
        var all = lines.SelectMany(line => line.Points).ToList();
        string[] labels = [value(all.Max(point => point.Y)), value(all.Min(point => point.Y))];
        var margin = labels.Max(label => label.Length);
        var width = Math.Min(output.Width, Widest) - margin - 3;
        if (width < Narrowest) return;
        var rows = Curve.Plot([.. lines.Select(line => line.Points)], width, Height);
        foreach (var (index, row) in rows.Index())
        {
            var label = index == 0 ? labels[0] : index == rows.Length - 1 ? labels[1] : "";
            var text = string.Concat(Stretches(row).Select(stretch =>
                stretch.Line < 0 ? stretch.Dots : $"[{ColourOf(lines[stretch.Line])}]{stretch.Dots}[/]"));
            output.Out.MarkupLine($"[dim]{Markup.Escape(label.PadLeft(margin))} │[/]{text}");
        }

        var (first, last) = (Place(all.Min(point => point.X)), $"{unit} {Place(all.Max(point => point.X))}");
        output.Line($"[dim]{new string(' ', margin)} └{new string('─', width)}[/]");
        output.Line($"[dim]{new string(' ', margin + 2)}{first}{last.PadLeft(Math.Max(0, width - first.Length))}[/]");
    }

    /// <summary>Neighbours of one line as one text.</summary>
    private static IEnumerable<(string Dots, int Line)> Stretches((char Dots, int Line)[] row)
    {
        for (int from = 0, to; from < row.Length; from = to)
        {
            for (to = from + 1; to < row.Length && row[to].Line == row[from].Line;) to++;
            yield return (string.Concat(row[from..to].Select(one => one.Dots)), row[from].Line);
        }
    }

    private static string ColourOf(ChartLine line) => Colours[line.Color % Colours.Length];

    private static string Place(double x) => x.ToString("0.##", CultureInfo.InvariantCulture);
}
