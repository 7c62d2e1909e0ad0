using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Serverless.Core.Lineage;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using static Serverless.Tests.Reports.ReportSamples;

namespace Serverless.Tests.Reports;

/// <summary>Documents stay well-formed, and tables keep their cells, whatever names and messages consist of. FUZZ_SECONDS makes it longer.</summary>
public sealed class HostileTextTests
{
    private static readonly string[] Pieces =
    [
        "|", "\\|", "\\", "`", "```", "]]>", "<![CDATA[", "<!--", "-->", "</text>", "</title>", "&amp;", "&#0;", "\"", "'", "\n", "\r\n", "\t", "\0",
        "\u0001", "\u001b[31m", "\u007f", "\u0085", "\u2028",
        "\ud800", "\udc00", "\ud83d\ude00", "\ufffe", "\uffff", "\u202e", "\u2066", "\u200f", "$x$", "# ", "- ", "1. ", "===", "---", "| --- |",
        "*b*", "_e_", "[l](http://x)", "![i](x)", "a", "val/loss", "é", " ",
    ];

    private readonly int seed = Environment.TickCount;

    [Fact]
    public void EveryDocument_IsWellFormed_AndEveryTableKeepsItsCells()
    {
        var random = new Random(seed);
        var until = TimeProvider.System.GetTimestamp();
        var patience = TimeSpan.FromSeconds(
            int.TryParse(Environment.GetEnvironmentVariable("FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 0);
        for (var round = 0; round < 300 || TimeProvider.System.GetElapsedTime(until) < patience; round++)
        {
            var texts = Enumerable.Range(0, 12)
                .Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 8)).Select(_ => Pieces[random.Next(Pieces.Length)]))).Distinct()
                .ToList();
            try
            {
                Check(texts);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, round {round}: {string.Join(" ¦ ", texts.Select(Uri.EscapeDataString))}", e);
            }
        }
    }

    private static void Check(List<string> texts)
    {
        string Text(int i) => texts[i % texts.Count];
        ReportedRun[] runs =
        [
            Run("A00001", Text(0), new Dictionary<string, string> { [Text(1)] = Text(2) }, new() { [Text(3)] = 1 }, RunState.Failed, Cause.UserCode,
                Text(4), [Curve(Text(3), 20, step => step)]),
            Run("A00002", Text(0), new Dictionary<string, string> { [Text(1)] = Text(5) }, new() { [Text(6)] = 1 },
                series: [Curve(Text(3), 20, step => step)]),
        ];
        runs[0] = runs[0] with { Run = runs[0].Run with { Checks = [new(Text(7), "1..", null, false)] }, Problems = [Text(8)] };
        var report = ReportComposer.Compose("01REPORT", Text(9), Start, runs);
        Parse(HtmlReport.Write(report, (_, _) => []));
        foreach (var table in MarkdownReport.Write(report).Split("\n\n").Where(block => block.StartsWith('|')))
        {
            Assert.Single(table.TrimEnd().Split('\n').Select(Cells).Distinct());
        }

        var graph = new LineageGraph(
            "run:a", [new("run:a", LineageKind.Run, Text(0), Text(1), "failed"), new("file:" + Text(2), LineageKind.File, Text(3), Text(4))],
            [new("run:a", "file:" + Text(2), LineageRelation.Triggered, Text(5))], Cut: false);
        Parse(LineageDrawing.Svg(graph));
    }

    private static void Parse(string document)
    {
        var bytes = new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(document);
        using var reader = XmlReader.Create(new MemoryStream(bytes), new() { DtdProcessing = DtdProcessing.Ignore });
        var text = XDocument.Load(reader).ToString();
        Assert.DoesNotContain(text, c => c is '\u202e' or '\u2066' or '\u200f');
    }

    /// <summary>As GitHub counts them: bars that no backslash escapes.</summary>
    private static int Cells(string line)
    {
        var bars = 0;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\\') i++;
            else if (line[i] == '|') bars++;
        }

        return bars;
    }
}
