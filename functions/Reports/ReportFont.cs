using ScottPlot;
using SkiaSharp;

namespace Serverless.Functions.Reports;

/// <summary>
/// The font that plots are lettered in, carried along: a server often has no fonts at all, and Skia then draws no text without a word.
/// Inter, Latin, Greek and Cyrillic only; other scripts appear when the machine has a font for them.
/// </summary>
sealed class ReportFont : IFontResolver
{
    public const string Name = "Report";

    public static SKTypeface Typeface { get; } = Read();

    private ReportFont() { }

    public static void Register()
    {
        lock (Fonts.FontResolvers)
        {
            if (!Fonts.FontResolvers.OfType<ReportFont>().Any()) Fonts.FontResolvers.Insert(0, new ReportFont());
        }
    }

    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) => fontName == Name ? Typeface : null;

    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => fontName == Name ? Typeface : null;

    private static SKTypeface Read()
    {
        using var resource = typeof(ReportFont).Assembly.GetManifestResourceStream("Serverless.Functions.Inter-Regular.ttf")!;
        return SKTypeface.FromStream(resource);
    }
}
