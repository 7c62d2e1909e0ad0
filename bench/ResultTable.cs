using System.Globalization;
using Spectre.Console;

namespace Serverless.Bench;

/// <summary>Prints what was measured.</summary>
static class ResultTable
{
    public static void Print(IAnsiConsole console, IReadOnlyList<(IMeasure Measure, Row Row)> rows, bool quick)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("measure").AddColumn("what").AddColumn(new TableColumn("median").RightAligned())
            .AddColumn("spread")
            .AddColumn("aim").AddColumn("met").AddColumn("beside it, in the same run").AddColumn(new TableColumn("median").RightAligned())
            .AddColumn(new TableColumn("ratio").RightAligned());
        foreach (var (measure, row) in rows)
        {
            table.AddRow(
                new Text(measure.Name), new Text($"{row.What} (n={row.Ours.Count})"), new Text($"{Number(row.Ours.Median)} {row.Unit}"),
                new Text(SpreadOf(row)),
                new Text(row.Target?.ToString() ?? ""), Met(row, quick), new Text(row.Baseline?.What ?? ""),
                new Text(row.Baseline is { } beside ? $"{Number(beside.Theirs.Median)} {row.Unit}" : ""),
                new Text(row.Baseline is { Theirs.Median: not 0 } other ? Ratio(row.Ours.Median / other.Theirs.Median) : ""));
        }

        console.Write(table);
    }

    private static string SpreadOf(Row row) => row.High is { } high
        ? $"{high.Name} {Number(row.Ours.At(high.Share))}"
        : $"{Number(row.Ours.Min)} – {Number(row.Ours.Max)}";

    private static Text Met(Row row, bool quick) => row.Target is not { } aim || quick
        ? new("")
        : aim.IsMet(row.Ours.Median) ? new("yes", new Style(Color.Green)) : new Text("no", new Style(Color.Red));

    private static string Ratio(double ratio) => ratio.ToString(ratio < 0.1 ? "0.0000" : "0.00", CultureInfo.InvariantCulture) + "×";

    private static string Number(double value) => Math.Abs(value) switch
    {
        >= 1000 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };
}
