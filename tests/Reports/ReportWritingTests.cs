using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Serverless.Core.Metrics;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Functions.Reports;
using SkiaSharp;
using static Serverless.Tests.Reports.ReportSamples;

namespace Serverless.Tests.Reports;

public class ReportWritingTests
{
    const string Hostile = "<script>alert('x')</script> & \"quoted\" | `code` [link](http://evil) ![i](http://evil)\n# heading";

    static readonly Report Example = ReportComposer.Compose("01REPORT", "Pruning digits", Start, DemoRuns);
    static readonly Report Attack = ReportComposer.Compose("01REPORT", Hostile, Start,
    [
        Run("A00001", "net", new { lr = Hostile }, new() { [Hostile] = 1 }, RunState.Failed, Cause.UserCode, Hostile,
            [Curve(Hostile, 20, step => step)]),
        Run("A00002", "net", new { lr = "other" }, series: [Curve(Hostile, 20, step => -step)]),
    ]);

    static string Html(Report report) => HtmlReport.Write(report, new ChartDrawing().Png);

    [Fact]
    public void Html_NeedsNothingBesideIt()
    {
        var html = Html(Example);

        Assert.Equal(3, Regex.Count(html, "<img "));
        Assert.DoesNotMatch("(?i)(src|srcset|href|action)=\"(?!data:image/png;base64,)", html);
        Assert.DoesNotMatch("(?i)url\\(|<script|@import", html);
    }

    [Fact]
    public void Html_FollowsItsReadersTheme_WithTwoDrawingsOfAPlot()
    {
        var html = Html(Example);

        Assert.Contains("prefers-color-scheme: dark", html);
        Assert.Equal(6, Regex.Matches(html, "data:image/png;base64,[^\"]+").Select(match => match.Value).Distinct().Count());
    }

    [Fact]
    public void Html_EscapesWhateverRunsAreCalled()
    {
        var html = Html(Attack);

        Assert.DoesNotContain("<script", html);
        Assert.DoesNotContain("href=\"http", html);
        Assert.Contains("&lt;script&gt;", html);
    }

    [Fact]
    public void Markdown_EscapesWhateverRunsAreCalled()
    {
        var markdown = MarkdownReport.Write(Attack);

        Assert.DoesNotContain("<script", markdown);
        Assert.DoesNotMatch(@"(?<!\\)\[link", markdown);
        Assert.DoesNotMatch(@"(?m)^# heading", markdown);
        var table = markdown.Split('\n').Where(line => line.StartsWith('|')).Select(line => Regex.Count(line, @"(?<!\\)\|")).Distinct();
        Assert.Single(table);
    }

    [Fact]
    public void Markdown_HasTablesAndNamesThePlotsBesideIt()
    {
        var markdown = MarkdownReport.Write(Example);

        Assert.StartsWith("# Pruning digits\n", markdown);
        Assert.Contains("| prune-mlp | MLP 64-256-128-10 | 97.1 % | 97.3 % | 97.1 % | 96.2 % | 94.0 % | 50,826 → 2,541 | 21.4 s |", markdown);
        Assert.Contains("(accuracy-against-sparsity.png)", markdown);
        Assert.Contains("(train-loss.png)", markdown);
    }

    [Fact]
    public void Png_HasTwiceTheUsualDensity()
    {
        var png = new ChartDrawing().Png(ChartOf(Example), ChartTheme.Light);

        Assert.Equal(1600, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)));
        Assert.Equal(900, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
    }

    [Fact]
    public void ASheet_ShowsEachChartAsItLooksAlone_OneBelowTheOther()
    {
        var chart = ChartOf(Example);
        Chart[] charts = [chart, chart with { Title = "The second" }, chart with { Title = "The third", YLabel = "another axis" }];
        using var sheet = SKBitmap.Decode(ChartDrawing.Sheet(charts, SheetForm.Png));

        foreach (var (at, one) in charts.Index())
        {
            using var alone = SKBitmap.Decode(new ChartDrawing().Png(one, ChartTheme.Light));
            Assert.Equal((alone.Width, alone.Height * charts.Length), (sheet.Width, sheet.Height));
            using var part = new SKBitmap();
            Assert.True(sheet.ExtractSubset(part, SKRectI.Create(0, at * alone.Height, alone.Width, alone.Height)));
            Assert.True(alone.Pixels.SequenceEqual(part.Pixels), $"Chart {at + 1} of the sheet is not what it is alone.");
        }
    }

    [Fact]
    public void Drawings_AreLettered_InTheFontThatComesAlong()
    {
        var chart = ChartOf(Example);
        var drawing = new ChartDrawing();

        // On a machine without fonts this is what would go wrong: the same picture for any title.
        Assert.NotEqual(drawing.Png(chart, ChartTheme.Light), drawing.Png(chart with { Title = "Another title" }, ChartTheme.Light));
        Assert.All("aZ09µ–…äβж%", letter => Assert.True(ReportFont.Typeface.ContainsGlyph(letter), $"no {letter}"));
    }

    [Fact]
    public void MoreRunsThanColours_AreStillDrawn()
    {
        var runs = Enumerable.Range(0, 20).Select(i => Run($"A000{i:00}", "net", new { i }, series: [Curve("loss", 50, step => step * i)])).ToList();

        Assert.NotEmpty(new ChartDrawing().Png(ChartOf(ReportComposer.Compose("01REPORT", null, Start, runs)), ChartTheme.Dark));
    }

    [Fact]
    public void ValuesAndStepsOfAnySize_AreDrawn_OrNamedAsLeftOut()
    {
        double[] values = [double.MaxValue, double.MinValue, double.NaN, double.PositiveInfinity, double.Epsilon, 0, 1e100, -1e100];
        long[] steps = [long.MinValue, -1, 0, 1, long.MaxValue - 1, long.MaxValue, long.MaxValue, 7];
        var series = new MetricSeries(
            "loss", values.Length, [.. values.Zip(steps, (value, step) => new MetricValue(step, value, DateTimeOffset.MaxValue))]);
        var report = ReportComposer.Compose("01REPORT", null, Start, [Run("A00001", "net", series: [series])]);
        Assert.NotEmpty(new ChartDrawing().Png(ChartOf(report), ChartTheme.Light));
        Assert.Contains("Not drawn are values that are not finite", MarkdownReport.Write(report), StringComparison.Ordinal);
    }

    static Chart ChartOf(Report report) => report.Sections.SelectMany(section => section.Blocks).OfType<ReportBlock.Picture>().First().Chart;
}
