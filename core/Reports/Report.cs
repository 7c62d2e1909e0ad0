namespace Serverless.Core.Reports;

/// <summary>What a comparison of runs amounts to, before anything is drawn or written.</summary>
/// <param name="Created">Store time.</param>
public sealed record Report(string Id, string Title, DateTimeOffset Created, IReadOnlyList<ReportSection> Sections);

public sealed record ReportSection(string Heading, IReadOnlyList<ReportBlock> Blocks);

/// <summary>A piece of a section, in plain text: whoever writes it out escapes it.</summary>
public abstract record ReportBlock
{
    private ReportBlock() { }

    public sealed record Paragraph(string Text) : ReportBlock;

    public sealed record Facts(string Heading, IReadOnlyList<(string Name, string Value)> Values) : ReportBlock;

    public sealed record Table(IReadOnlyList<Column> Columns, IReadOnlyList<IReadOnlyList<string>> Rows) : ReportBlock;

    public sealed record Picture(Chart Chart) : ReportBlock;
}

/// <param name="Numeric">Aligned to the right.</param>
public sealed record Column(string Name, bool Numeric = false);

/// <summary>Lines over one pair of axes.</summary>
/// <param name="Name">File name without its ending: lower case letters, digits and '-'; unique in its report.</param>
/// <param name="Lines">Only finite points; at least one line has a point.</param>
/// <param name="Levels">Horizontal lines across the whole width.</param>
public sealed record Chart(string Name, string Title, string XLabel, string YLabel, IReadOnlyList<ChartLine> Lines)
{
    public IReadOnlyList<ChartLevel> Levels { get; init; } = [];

    /// <summary>Where the x axis has its ticks; null leaves it to whoever draws.</summary>
    public IReadOnlyList<double>? XTicks { get; init; }

    /// <summary>Both axes are fractions, shown in per cent.</summary>
    public bool Percent { get; init; }
}

/// <param name="Color">Which colour of the palette; lines of one run share it.</param>
/// <param name="Points">In ascending x.</param>
/// <param name="Markers">Draw the points themselves: for few points.</param>
/// <param name="Dashed">The lesser of two lines of one colour.</param>
public sealed record ChartLine(string Label, int Color, IReadOnlyList<(double X, double Y)> Points, bool Markers = false, bool Dashed = false);

public sealed record ChartLevel(string Label, int Color, double Y);

/// <summary>Draws charts. The same chart gives the same bytes on one machine.</summary>
public interface IChartDrawing
{
    /// <summary>A PNG of 1600 × 900 pixels, for screens of twice the usual density.</summary>
    byte[] Png(Chart chart, ChartTheme theme);
}

public enum ChartTheme
{
    /// <summary>On white: for files, print and mail.</summary>
    Light,

    /// <summary>On the dark page of <see cref="HtmlReport"/>.</summary>
    Dark,
}
