using Serverless.Core.Runs;

namespace Serverless.Core.Search;

/// <summary>What every run has, beside its parameters and metrics.</summary>
/// <param name="Of">A number (double) or a text; null: the run has none. Times are seconds since 1970.</param>
/// <param name="Known">All that it can be; null: anything of its kind.</param>
internal sealed record RunField(string Name, FieldKind Kind, Func<RunFacts, object?> Of, IReadOnlyList<string>? Known = null)
{
    public const string Passed = "passed", Failed = "failed";

    /// <summary>What conditions on the end of a run can ask for: it never changes.</summary>
    public static readonly IReadOnlyList<RunField> OfEnds =
    [
        new("state", FieldKind.Text, run => EnumNames.Of(run.Summary.State), ["succeeded", "failed", "cancelled"]),
        new("checks", FieldKind.Text, run => run.Summary.Checks is { } tally ? tally.Failed == 0 ? Passed : Failed : null, [Passed, Failed]),
        new("tags", FieldKind.Tags, _ => null),
        new("step", FieldKind.Number, run => run.Summary.Step is { } step ? (double)step : null),
        new("seed", FieldKind.Number, run => run.Summary.Seed is { } seed ? (double)seed : null),
    ];

    /// <summary>What lists can ask for.</summary>
    public static readonly IReadOnlyList<RunField> All =
    [
        OfEnds[0] with { Known = EnumNames.All<RunState>() },
        new("cause", FieldKind.Text, run => run.Summary.Cause is { } cause ? EnumNames.Of(cause) : null, EnumNames.All<Cause>()),
        .. OfEnds.Skip(1),
        new("attempts", FieldKind.Number, run => (double)run.Summary.Epoch),
        new("project", FieldKind.Text, run => run.Summary.Project),
        new("experiment", FieldKind.Text, run => run.Summary.Experiment),
        new("version", FieldKind.Number, run => (double)run.Summary.Version),
        new("machine", FieldKind.Text, run => run.Summary.Machine),
        new("by", FieldKind.Text, run => run.Summary.By),
        new("id", FieldKind.Text, run => run.Summary.Id),
        new("created", FieldKind.Time, run => Seconds(run.Summary.Created)),
        new("started", FieldKind.Time, run => run.Summary.Started is { } at ? Seconds(at) : null),
        new("ended", FieldKind.Time, run => run.Summary.Ended is { } at ? Seconds(at) : null),
        new("age", FieldKind.Duration, run => (run.Now - run.Summary.Created).TotalSeconds),
        new("duration", FieldKind.Duration, run => run.Summary.Started is { } began ? ((run.Summary.Ended ?? run.Now) - began).TotalSeconds : null),
    ];

    public static double Seconds(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).TotalSeconds;
}

internal enum FieldKind
{
    Text,

    /// <summary>Several texts: equal to a word when one of them is.</summary>
    Tags,
    Number,
    Time,
    Duration,
}
