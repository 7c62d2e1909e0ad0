using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary><c>GET /api/runs/{id}/metrics</c>.</summary>
public sealed record RunMetrics(string Run, IReadOnlyList<MetricSeries> Series)
{
    /// <summary>Points that a series has here at most: fewer than asked for when there would be too many together.</summary>
    public int MaxPoints { get; init; }

    /// <summary>Metrics, at least so many, that this answer has no room for; ask for them by name.</summary>
    public int SeriesLeftOut { get; init; }

    /// <summary>What could not be read, in words: segments that are missing, cut short or damaged. The series have the rest.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}

/// <summary>A line of <c>GET /api/curves</c>: one of the runs that were asked for, and its series.</summary>
public sealed record RunCurves(RunSummary Run, IReadOnlyList<MetricSeries> Series)
{
    /// <inheritdoc cref="RunMetrics.MaxPoints"/>
    public int MaxPoints { get; init; }

    /// <inheritdoc cref="RunMetrics.SeriesLeftOut"/>
    public int SeriesLeftOut { get; init; }

    /// <inheritdoc cref="RunMetrics.Problems"/>
    public IReadOnlyList<string> Problems { get; init; } = [];
}

/// <param name="Points">
/// In order of logging; thinned to <c>maxPoints</c> by keeping minimum and maximum of equal stretches, first and last always.
/// </param>
/// <param name="Total">Points before thinning.</param>
public sealed record MetricSeries(string Name, long Total, IReadOnlyList<MetricValue> Points)
{
    /// <summary>How many of <see cref="Total"/> are not a number; thinning leaves those out first.</summary>
    public long NaNs { get; init; }
}

/// <param name="At">When it was logged.</param>
[method: JsonConstructor]
public readonly record struct MetricValue(long Step, double Value, DateTimeOffset At);
