using System.Text;

namespace Serverless.Core.Reports;

/// <summary>A report as GitHub-flavoured Markdown; its plots are the PNG files beside it.</summary>
public static class MarkdownReport
{
    public static string Write(Report report)
    {
        var text = new StringBuilder();
        text.Append("# ").Append(Escape(report.Title)).Append("\n\n").Append("Report ").Append(report.Id).Append(", ")
            .Append(ReportText.Time(report.Created)).Append('\n');
        foreach (var section in report.Sections)
        {
            text.Append("\n## ").Append(Escape(section.Heading)).Append('\n');
            foreach (var block in section.Blocks) Write(text.Append('\n'), block);
        }

        return text.ToString();
    }

    private static void Write(StringBuilder text, ReportBlock block)
    {
        switch (block)
        {
            case ReportBlock.Paragraph paragraph:
                text.Append(Escape(paragraph.Text)).Append('\n');
                break;
            case ReportBlock.Facts facts:
                text.Append("### ").Append(Escape(facts.Heading)).Append("\n\n");
                foreach (var (name, value) in facts.Values) text.Append("- ").Append(Escape(name)).Append(": ").Append(Escape(value)).Append('\n');
                break;
            case ReportBlock.Table table:
                Row(text, table.Columns.Select(column => column.Name));
                text.Append('|').AppendJoin('|', table.Columns.Select(column => column.Numeric ? " ---: " : " --- ")).Append("|\n");
                foreach (var row in table.Rows) Row(text, row);
                break;
            case ReportBlock.Picture { Chart: var chart }:
                text.Append("![").Append(Escape(chart.Title)).Append("](").Append(chart.Name).Append(".png)\n");
                break;
        }
    }

    private static void Row(StringBuilder text, IEnumerable<string> cells) =>
        text.Append("| ").AppendJoin(" | ", cells.Select(Escape)).Append(" |\n");

    /// <summary>Text that no Markdown reader takes for markup, HTML and formulas included, on one line.</summary>
    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length + 8);
        var plain = PlainText.Of(text);
        for (var i = 0; i < plain.Length; i++)
        {
            var c = plain[i];
            if (char.IsControl(c)) escaped.Append(' ');
            else if (c == '<') escaped.Append("&lt;");
            else if (c == '>') escaped.Append("&gt;");
            else if (c == '&') escaped.Append("&amp;");
            else if (c is '\\' or '`' or '*' or '[' or ']' or '|' or '#' or '~' or '!' or '$') escaped.Append('\\').Append(c);
            // Between letters an underscore is no emphasis, and names like batch_size read better without.
            else if (c == '_' && (escaped.Length == 0 || !char.IsLetterOrDigit(escaped[^1]))) escaped.Append("\\_");
            // At the beginning of a line these make a list, or a heading of the line before; numbers may have them.
            else if (c is '-' or '+' or '=' && i == 0 && !char.IsLetterOrDigit(plain.ElementAtOrDefault(1))) escaped.Append('\\').Append(c);
            else if (c is '.' or ')' && NumbersAList(plain, i)) escaped.Append('\\').Append(c);
            else escaped.Append(c);
        }

        return escaped.ToString();
    }

    private static bool NumbersAList(string text, int end) =>
        end > 0 && text.AsSpan(0, end).IndexOfAnyExceptInRange('0', '9') < 0 && !char.IsLetterOrDigit(text.ElementAtOrDefault(end + 1));
}
