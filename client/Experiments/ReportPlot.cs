using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>
/// A plot, and a table above it, in reports of an experiment's runs. Runs whose plots have one title are drawn into one. Not part of the run key: how
/// a result is shown does not change it.
/// </summary>
public sealed record ReportPlot(
    [property: Field("What stands above it. Plots of several experiments with the same title become one."), Text<ReportForms.Line>] string Title,
    [property: Field("What is to be seen, in a sentence."), Text<ReportForms.Line>] string? Text = null,
    [property: Field("An artifact that the values are in: JSON, or CSV with a line of names. Left out: metrics.", Example = "\"results.json\""),
        Text<ReportForms.Artifact>] string? Results = null,
    [property: Field("The list in a JSON file that has the points. Left out: the file is that list.", Example = "\"rows\""),
        Text<ReportForms.Value>] string? Rows = null,
    string? X = null,
    [property: Field("What stands below the x axis. Left out: the name of x."), Text<ReportForms.Line>] string? XLabel = null,
    [property: Field("What stands beside the y axis."), Text<ReportForms.Line>] string? YLabel = null,
    [property: Field("Both axes are fractions and shown in per cent.")] bool Percent = false,
    [property: Field("A value of the file itself that every line has at x = 0."), Text<ReportForms.Value>] string? AtZero = null,
    IReadOnlyList<ReportSeries>? Series = null,
    [property: Field("A value of the file itself, drawn across the whole plot for a run that has no points: a baseline."),
        Text<ReportForms.Value>] string? Level = null,
    IReadOnlyList<ReportColumn>? Columns = null)
{
    /// <summary>What x is when the points are metrics and nothing is said.</summary>
    public const string Step = "step";

    /// <summary>Before the name of a parameter: then each run is a point.</summary>
    public const string OfParams = "params.";

    [Field("What lies on the x axis: a value of a row; without results step, or a parameter (params.optimizer.lr): then each run is a point.")]
    [Text<ReportForms.Value>]
    public string X { get; init; } = X ?? Step;

    [Field("The lines of each run. Without results y is a metric.", Example = """[{"y": "val/accuracy"}]""", Most = 10)]
    public IReadOnlyList<ReportSeries> Series { get; init; } = Series ?? [];

    [Field("Columns of a table of the runs, from the file itself, or else from its last row. The name of x stands for a column for each x.",
        Example = """[{"name": "model", "value": "model"}, {"name": "time", "value": "seconds", "as": "duration"}]""", Most = 20)]
    public IReadOnlyList<ReportColumn> Columns { get; init; } = Columns ?? [];
}

public sealed record ReportSeries(
    [property: Field("A value of a row, or a metric."), Text<ReportForms.Value>] string Y,
    [property: Field("What stands behind the run's name in the legend. Left out: nothing when there is one series, else y."),
        Text<ReportForms.Line>] string? Label = null,
    [property: Field("The lesser of two lines.")] bool Dashed = false);

public sealed record ReportColumn(
    [property: Field("What stands above it."), Text<ReportForms.Line>] string Name,
    [property: Field("Which value."), Text<ReportForms.Value>] string Value,
    [property: Field("How it is written; a duration is in seconds.")] ReportFormat As = ReportFormat.Text,
    [property: Field("A value behind an arrow: what became of the first."), Text<ReportForms.Value>] string? To = null,
    [property: Field("Said once above the table when it is the same for all runs.")] bool Once = false);

[JsonConverter(typeof(EnumNamesConverter<ReportFormat>))]
public enum ReportFormat
{
    Text,
    Number,
    Count,
    Percent,
    Duration,
}

/// <summary>Texts that plots are declared with.</summary>
public static class ReportForms
{
    public sealed class Line() : TextForm(@"(?=.*\S)[^\u0000-\u001f\u007f-\u009f]{1,200}", "a line of text, at most 200 characters");

    public sealed class Value() : TextForm(@"[^\u0000-\u001f\u007f-\u009f]{1,256}", "the name of a value: 1 to 256 characters");

    public sealed class Artifact() : TextForm(@"[\s\S]+\.([jJ][sS][oO][nN]|[cC][sS][vV])", "an artifact whose name ends in .json or .csv");
}
