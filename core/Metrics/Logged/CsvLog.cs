using System.Globalization;
using System.Text;
using Serverless.Contract;
using Serverless.Core.Metrics.Printed;

namespace Serverless.Core.Metrics.Logged;

/// <summary>
/// A table with a line of names, as Lightning's and Keras's CSV loggers write it: one of the columns is the step, or the epoch, and each other one a
/// metric. Cells may be empty. A table without a column for steps has no metrics. A last line without its end is none: the number at its end may be
/// half of one.
/// </summary>
internal sealed class CsvLog : LoggedFormat
{
    private const int MaxColumns = 1000;

    private static readonly string[] Steps = ["step", "global_step", "iteration", "iter", "batch", "epoch"];
    private static readonly string[] Times = ["time", "timestamp", "wall_time", "walltime", "date", "datetime"];

    private readonly LineSplitter lines;
    private string[]? names;
    private int stepColumn;
    private DateTimeOffset now;
    private List<MetricPoint> found = [];

    public CsvLog() => lines = new(Read, () => Problem ??= "it has lines of more than 1 MiB");

    public override void Add(ReadOnlySpan<byte> bytes, DateTimeOffset now, List<MetricPoint> into)
    {
        (this.now, found) = (now, into);
        if (Problem is null) lines.Add(bytes);
    }

    private void Read(ReadOnlySpan<byte> line)
    {
        if (Problem is not null || stepColumn < 0) return;
        var cells = Cells(Encoding.UTF8.GetString(JsonMetrics.WithoutByteOrderMark(line)));
        if (names is null || IsHeader(cells))
        {
            names = cells;
            stepColumn = cells.Length > MaxColumns ? -1 : Array.FindIndex(cells, cell => cell == Steps.FirstOrDefault(step => cells.Contains(step)));
            return;
        }

        // Of more cells than names nobody knows which is whose.
        if (cells.Length <= stepColumn || cells.Length > names.Length) return;
        if (Number(cells[stepColumn]) is { } step and >= 0 and < 1e18 && step == Math.Floor(step))
        {
            for (var i = 0; i < Math.Min(cells.Length, names.Length); i++)
            {
                if (names[i].Length == 0 || Steps.Contains(names[i]) || Times.Contains(names[i].ToLowerInvariant())) continue;
                if (Number(cells[i]) is { } value) found.Add(new(names[i], (long)step, value, now.ToUnixTimeMilliseconds() * 1000));
            }
        }
    }

    // What is written by several appenders has a header from each.
    private bool IsHeader(string[] cells) => Array.Exists(cells, cell => cell.Length > 0 && cell == names![stepColumn]);

    private static double? Number(string cell) => cell.ToLowerInvariant() switch
    {
        "" => null,
        "nan" => double.NaN,
        "inf" or "+inf" or "infinity" => double.PositiveInfinity,
        "-inf" or "-infinity" => double.NegativeInfinity,
        _ => double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : null,
    };

    // Cells may stand in quotes, in which a quote is doubled; a line ends in them nowhere that metrics are.
    private static string[] Cells(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"') cell.Append(line[i++]);
            else if (line[i] == '"' && (quoted || cell.Length == 0)) quoted = !quoted;
            else if (line[i] == ',' && !quoted) Take();
            else cell.Append(line[i]);
        }

        Take();
        return [.. cells];

        void Take()
        {
            cells.Add(cell.ToString().Trim());
            cell.Clear();
        }
    }
}
