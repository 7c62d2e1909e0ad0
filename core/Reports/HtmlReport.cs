using System.Net;
using System.Text;

namespace Serverless.Core.Reports;

/// <summary>
/// A report as one HTML file that needs nothing beside it: plots inline, light or dark as
/// its reader's system is, no script. It is well-formed XML too.
/// </summary>
public static class HtmlReport
{
    /// <summary>What a report may load when it is served: nothing but itself.</summary>
    public const string ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

    private const string Style = """
        :root { color-scheme: light dark; --ink: #1c1e21; --soft: #5c636b; --grid: #d9dde1; --paper: #ffffff; --stripe: #f5f6f8; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --soft: #9aa2ab; --grid: #3a4048; --paper: #16181c; --stripe: #1e2126; } }
        * { box-sizing: border-box; }
        body { margin: 2.5rem auto; max-width: 74rem; padding: 0 1.25rem; font: 15px/1.5 system-ui, sans-serif; }
        body { background: var(--paper); color: var(--ink); }
        h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
        h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
        .made { color: var(--soft); margin: .25rem 0 0; font-size: .85rem; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
        th, td { padding: .35rem .65rem; text-align: left; border-bottom: 1px solid var(--grid); white-space: nowrap; }
        th { color: var(--soft); font-weight: 500; }
        .n { text-align: right; }
        tbody tr:nth-child(even) { background: var(--stripe); }
        figure { margin: 1.25rem 0; }
        img { display: block; width: 100%; max-width: 800px; height: auto; }
        details { border: 1px solid var(--grid); border-radius: .4rem; margin: .5rem 0; padding: .5rem .8rem; }
        summary { cursor: pointer; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0 0; font-size: .9rem; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
        @media print { :root { color-scheme: light; --ink: #000; --soft: #444; --grid: #ccc; --paper: #fff; --stripe: #fff; } }
        """;

    /// <param name="png">As <see cref="IChartDrawing.Png"/>.</param>
    public static string Write(Report report, Func<Chart, ChartTheme, byte[]> png)
    {
        var html = new StringBuilder();
        html.Append(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n<meta name=\"viewport\" content=\"width=device-width\" " +
            "/>\n<title>")
            .Append(Escape(report.Title)).Append("</title>\n<style>\n").Append(Style).Append("\n</style>\n</head>\n<body>\n<h1>")
            .Append(Escape(report.Title)).Append("</h1>\n<p class=\"made\">Report ").Append(Escape(report.Id)).Append(", ")
            .Append(ReportText.Time(report.Created)).Append("</p>\n");
        foreach (var section in report.Sections)
        {
            html.Append("<section>\n<h2>").Append(Escape(section.Heading)).Append("</h2>\n");
            foreach (var block in section.Blocks) Write(html, block, png);
            html.Append("</section>\n");
        }

        return html.Append("</body>\n</html>\n").ToString();
    }

    private static void Write(StringBuilder html, ReportBlock block, Func<Chart, ChartTheme, byte[]> png)
    {
        switch (block)
        {
            case ReportBlock.Paragraph paragraph:
                html.Append("<p>").Append(Escape(paragraph.Text)).Append("</p>\n");
                break;
            case ReportBlock.Facts facts:
                html.Append("<details><summary>").Append(Escape(facts.Heading)).Append("</summary><dl>\n");
                foreach (var (name, value) in facts.Values) html.Append("<dt>").Append(Escape(name)).Append("</dt><dd>").Append(Escape(value))
                    .Append("</dd>\n");
                html.Append("</dl></details>\n");
                break;
            case ReportBlock.Table table:
                html.Append("<div class=\"wide\"><table>\n<thead>");
                Row(html, "th", table.Columns, table.Columns.Select(column => column.Name));
                html.Append("</thead>\n<tbody>\n");
                foreach (var row in table.Rows) Row(html, "td", table.Columns, row);
                html.Append("</tbody>\n</table></div>\n");
                break;
            case ReportBlock.Picture { Chart: var chart }:
                html.Append("<figure><picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"").Append(Data(png(chart, ChartTheme.Dark)))
                    .Append("\" />")
                    .Append("<img width=\"800\" height=\"450\" alt=\"").Append(Escape(chart.Title)).Append("\" src=\"")
                    .Append(Data(png(chart, ChartTheme.Light))).Append("\" /></picture></figure>\n");
                break;
        }
    }

    private static void Row(StringBuilder html, string cell, IReadOnlyList<Column> columns, IEnumerable<string> texts)
    {
        html.Append("<tr>");
        foreach (var (column, text) in columns.Zip(texts))
        {
            html.Append('<').Append(cell).Append(column.Numeric ? " class=\"n\">" : ">").Append(Escape(text)).Append("</").Append(cell).Append('>');
        }

        html.Append("</tr>\n");
    }

    private static string Data(byte[] png) => "data:image/png;base64," + Convert.ToBase64String(png);

    private static string Escape(string text) => WebUtility.HtmlEncode(PlainText.Of(text));
}
