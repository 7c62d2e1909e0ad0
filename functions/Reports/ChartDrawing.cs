using System.Globalization;
using System.Text;
using ScottPlot;
using Serverless.Core.Reports;
using SkiaSharp;

namespace Serverless.Functions.Reports;

public enum SheetForm
{
    Png,
    Svg,
}

/// <summary>Draws a report's charts with ScottPlot.</summary>
public sealed class ChartDrawing : IChartDrawing
{
    private const int Width = 800, Height = 450, Density = 2;

    // Okabe and Ito's palette, which colour-blind people can tell apart, without its yellow
    // and black: one is lost on white, the other on a dark page.
    private static readonly Color[] Palette = [.. new[] { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00",
        "#888888" }.Select(Color.FromHex)];
    private static readonly MarkerShape[] Markers =
    [
        MarkerShape.FilledCircle, MarkerShape.FilledSquare, MarkerShape.FilledTriangleUp, MarkerShape.FilledDiamond,
    ];

    private static readonly Theme Light = new(Color.FromHex("#1C1E21"), Color.FromHex("#D9DDE1"), Color.FromHex("#FFFFFF"));

    // The colours of the dark page in HtmlReport.
    private static readonly Theme Dark = new(Color.FromHex("#E6E8EA"), Color.FromHex("#3A4048"), Color.FromHex("#16181C"));

    private static readonly Lock OneAtATime = new();

    private sealed record Theme(Color Ink, Color Grid, Color Paper);

    public ChartDrawing() => ReportFont.Register();

    public byte[] Png(Chart chart, ChartTheme theme)
    {
        // ScottPlot's caches of fonts are shared by all plots and not made for several threads.
        lock (OneAtATime)
        {
            return Png(Plot(chart, theme == ChartTheme.Dark ? Dark : Light));
        }
    }

    /// <summary>Several charts in one picture, one below the other, on white.</summary>
    /// <param name="charts">At least one.</param>
    public static byte[] Sheet(IReadOnlyList<Chart> charts, SheetForm form)
    {
        ReportFont.Register();
        lock (OneAtATime)
        {
            return form == SheetForm.Png ? PngSheet(charts) : SvgSheet(charts);
        }
    }

    private static byte[] PngSheet(IReadOnlyList<Chart> charts)
    {
        using var surface = SKSurface.Create(new SKImageInfo(Width * Density, Height * Density * charts.Count));
        foreach (var (at, chart) in charts.Index())
        {
            using var drawn = SKImage.FromEncodedData(Png(Plot(chart, Light)));
            surface.Canvas.DrawImage(drawn, 0, at * Height * Density);
        }

        using var sheet = surface.Snapshot();
        using var png = sheet.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }

    private static byte[] Png(Plot plot)
    {
        using (plot)
        {
            plot.ScaleFactor = Density;
            return plot.GetImageBytes(Width * Density, Height * Density, ImageFormat.Png);
        }
    }

    private static byte[] SvgSheet(IReadOnlyList<Chart> charts)
    {
        using var written = new MemoryStream();
        using (var canvas = SKSvgCanvas.Create(SKRect.Create(Width, Height * charts.Count), written))
        {
            foreach (var chart in charts)
            {
                using var plot = Plot(chart, Light);
                plot.RenderManager.ClearCanvasBeforeEachRender = false; // Or each would wipe away those above it.
                canvas.Save();
                plot.Render(canvas, new PixelRect(0, Width, Height, 0));
                canvas.Restore();
                canvas.Translate(0, Height);
            }
        }

        // Whoever opens the file may not have the font.
        return Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(written.ToArray())
            .Replace($"font-family=\"{ReportFont.Name}\"", $"font-family=\"{ReportFont.Name}, system-ui, sans-serif\"", StringComparison.Ordinal));
    }

    private static Plot Plot(Chart chart, Theme theme)
    {
        var plot = new Plot();
        plot.FigureBackground.Color = plot.DataBackground.Color = theme.Paper;
        plot.Axes.Color(theme.Ink);
        plot.Grid.MajorLineColor = theme.Grid;
        plot.Grid.MajorLineWidth = 1;
        plot.Axes.Right.FrameLineStyle.IsVisible = plot.Axes.Top.FrameLineStyle.IsVisible = false;
        plot.Axes.Left.FrameLineStyle.Color = plot.Axes.Bottom.FrameLineStyle.Color = theme.Grid;

        foreach (var line in chart.Lines.Where(line => line.Points.Count > 0)) Add(plot, line);
        foreach (var level in chart.Levels) plot.Add.HorizontalLine(level.Y, 2, ColorOf(level.Color), LinePattern.Dotted).LegendText = level.Label;

        Axes(plot, chart);
        Legend(plot, chart, theme);
        Letter(plot);
        return plot;
    }

    private static void Add(Plot plot, ChartLine line)
    {
        var drawn = plot.Add.Scatter(
            line.Points.Select(point => point.X).ToArray(), line.Points.Select(point => point.Y).ToArray(), ColorOf(line.Color));
        drawn.LegendText = line.Label;
        drawn.LineWidth = line.Dashed ? 1.5f : 2;
        drawn.MarkerSize = line.Markers ? line.Dashed ? 5 : 7 : 0;
        drawn.MarkerShape = Markers[line.Color % Markers.Length];
        // Beyond the palette colours come again, as other patterns.
        drawn.LinePattern = line.Dashed ? LinePattern.Dashed
            : (line.Color / Palette.Length % 3) switch { 0 => LinePattern.Solid, 1 => LinePattern.DenselyDashed, _ => LinePattern.Dotted };
    }

    private static void Axes(Plot plot, Chart chart)
    {
        plot.Title(chart.Title, 16);
        plot.XLabel(chart.XLabel, 13);
        plot.YLabel(chart.YLabel, 13);
        plot.Axes.Margins(0.02, 0.08);
        Func<double, string> label = chart.Percent ? value => (value * 100).ToString("0.##", CultureInfo.InvariantCulture) + " %" : Number;
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = label };
        plot.Axes.Bottom.TickGenerator = chart.XTicks is { } ticks
            ? new ScottPlot.TickGenerators.NumericManual(Apart(ticks).ToArray(), [.. Apart(ticks).Select(label)])
            : new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = label, IntegerTicksOnly = !chart.Percent };
        plot.Axes.Right.MinimumSize = 32; // Half of the last tick's label stands there.
        plot.Axes.Left.MinorTickStyle.Length = plot.Axes.Bottom.MinorTickStyle.Length = 0;
    }

    /// <summary>Ticks whose labels do not run into one another: a twentieth of the axis apart, the last one always.</summary>
    private static List<double> Apart(IReadOnlyList<double> ticks)
    {
        var apart = (ticks[^1] - ticks[0]) / 20;
        List<double> kept = [ticks[^1]];
        foreach (var tick in ticks.Reverse().Skip(1))
        {
            if (kept[^1] - tick >= apart) kept.Add(tick);
        }

        return kept;
    }

    private static void Legend(Plot plot, Chart chart, Theme theme)
    {
        if (chart.Lines.Count + chart.Levels.Count < 2)
        {
            plot.HideLegend();
            return;
        }

        // Beside the data: a curve may pass anywhere.
        plot.ShowLegend(chart.Lines.Count + chart.Levels.Count <= 6 ? Edge.Bottom : Edge.Right);
        var legend = plot.Legend;
        legend.OutlineWidth = 0;
        legend.ShadowColor = Colors.Transparent;
        legend.BackgroundColor = theme.Paper;
        legend.FontColor = theme.Ink;
        legend.FontSize = 12;
        legend.SymbolWidth = 32; // Long enough for two dashes.
        legend.Orientation = chart.Lines.Count + chart.Levels.Count <= 6 ? Orientation.Horizontal : Orientation.Vertical;
        legend.SetBestFontOnEachRender = false;
    }

    private static void Letter(Plot plot)
    {
        plot.Font.Set(ReportFont.Name);
        plot.Legend.FontName = ReportFont.Name;
        plot.Axes.Title.Label.Bold = plot.Axes.Left.Label.Bold = plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Left.TickLabelStyle.FontSize = plot.Axes.Bottom.TickLabelStyle.FontSize = 12;
    }

    private static Color ColorOf(int index) => Palette[index % Palette.Length];

    private static string Number(double value) => Math.Abs(value) switch
    {
        < 1e-12 => "0",
        >= 1e6 or < 1e-3 => value.ToString("0.##e0", CultureInfo.InvariantCulture),
        _ => value.ToString("#,0.####", CultureInfo.InvariantCulture),
    };
}
