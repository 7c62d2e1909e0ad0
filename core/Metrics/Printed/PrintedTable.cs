using System.Buffers;
using System.Globalization;

namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Tables that grow by a row: names once, <c>epoch  train_loss  valid_loss  time</c>, and below them the numbers of each epoch, as fastai and YOLO
/// print them. A cell that is no plain number is none.
/// </summary>
internal sealed class PrintedTable
{
    private const int MostColumns = 32, LongestHeader = 1000;

    private static readonly string[] StepColumns = ["epoch", "step", "iter", "iteration", "round"];
    private static readonly SearchValues<byte> FirstLetters = SearchValues.Create("eEsSiIrR"u8);

    private string[] columns = [];

    /// <summary>The first column is the step; else the rows belong to the step before them.</summary>
    private bool hasSteps;

    /// <summary>Whether a line without any digit may be a header.</summary>
    public static bool MayBegin(ReadOnlySpan<byte> line) => line.Length <= LongestHeader && FirstLetters.Contains(line[0]);

    /// <summary>Reads a header, or a row below one.</summary>
    /// <param name="before">The step that was printed last.</param>
    /// <returns>Null: the line is something else.</returns>
    public (long? Step, bool IsRow)? Read(ReadOnlySpan<char> text, long? before, IMetricSink sink)
    {
        if (text.Length > LongestHeader) return null;
        if (char.IsAsciiLetter(text[0]) && ReadHeader(text)) return (null, false);
        if (columns.Length == 0) return null;
        Span<Range> cells = stackalloc Range[MostColumns + 1];
        var count = Cells(text, cells);
        if (count < columns.Length) return null;
        if (hasSteps) return ReadRow(text, cells, count, sink);

        // "all  128  929  0.64  0.537  0.605  0.446", of all classes together.
        if (before is not { } step || count != columns.Length || !text[cells[0]].Equals("all", StringComparison.Ordinal)) return null;
        Give(text, cells, step, sink);
        return (null, true);
    }

    private (long? Step, bool IsRow)? ReadRow(ReadOnlySpan<char> text, ReadOnlySpan<Range> cells, int count, IMetricSink sink)
    {
        var first = text[cells[0]];
        var slash = first.IndexOf('/');
        if (!long.TryParse(slash < 0 ? first : first[..slash], NumberStyles.None, CultureInfo.InvariantCulture, out var step)) return null;

        // Behind the last cell of a row there may be a progress bar: what stands in the row before it is full is not the row's end.
        if (count > columns.Length)
        {
            if (ProgressBar.PlaceIn(text) is not { } bar) return null;
            if (bar.Done < bar.Total) return (null, true);
        }

        Give(text, cells, step, sink);
        return (step, true);
    }

    private void Give(ReadOnlySpan<char> text, ReadOnlySpan<Range> cells, long step, IMetricSink sink)
    {
        for (var column = 1; column < columns.Length; column++)
        {
            var cell = text[cells[column]];
            var at = 0;
            if (PrintedNumber.Read(cell, ref at) is { IsThere: true, Unclear: null } number && at == cell.Length)
            {
                sink.Found(columns[column], step, number.Value);
            }
        }
    }

    private bool ReadHeader(ReadOnlySpan<char> text)
    {
        Span<Range> cells = stackalloc Range[MostColumns + 1];
        var isOfClasses = text.StartsWith("Class ", StringComparison.Ordinal) && text.IndexOf("Images") > 0;
        var end = isOfClasses && text.IndexOf("):") is > 0 and var closed ? text[..(closed + 1)] : text;
        var count = Cells(end, cells);
        if (count is < 3 or > MostColumns || !(isOfClasses || IsStep(text[cells[0]]))) return false;
        var names = new string[count];
        for (var column = 0; column < count; column++)
        {
            var name = end[cells[column]];
            if (isOfClasses) name = name[(name.IndexOf('(') + 1)..].TrimEnd(')');
            if (name.Length == 0 || !(char.IsLetter(name[0]) || name[0] == '_') || name.ContainsAny("=:,;|")) return false;
            names[column] = name.ToString();
        }

        // In a sentence words stand one space apart.
        if (!isOfClasses && text.IndexOf("  ") < 0 && text.IndexOf('\t') < 0) return false;
        (columns, hasSteps) = (names, !isOfClasses);
        return true;
    }

    private static bool IsStep(ReadOnlySpan<char> name)
    {
        foreach (var step in StepColumns)
        {
            if (name.Equals(step, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    private static int Cells(ReadOnlySpan<char> text, Span<Range> cells) =>
        text.SplitAny(cells, [' ', '\t', '│'], StringSplitOptions.RemoveEmptyEntries);
}
