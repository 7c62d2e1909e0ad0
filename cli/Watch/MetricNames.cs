using Serverless.Core.Spec;

namespace Serverless.Cli.Watch;

/// <summary>Metrics as people name them: by patterns in which '*' matches any characters.</summary>
static class MetricNames
{
    public const int FewestPoints = 4;

    /// <summary>Those of the names by which none of the metrics goes.</summary>
    public static IReadOnlyList<string> Missing(IEnumerable<string> wanted, IEnumerable<MetricSeries> found) =>
        [.. wanted.Where(name => !found.Any(series => NamePattern.Matches(name, series.Name)))];

    /// <param name="says">The beginning of what is said of each: "run 7XK2QA has no metric".</param>
    /// <param name="known">The metrics that there are.</param>
    public static ExpException NotFound(string says, IEnumerable<string> missing, IEnumerable<MetricSeries> known)
    {
        var names = known.Select(series => series.Name).Distinct(StringComparer.Ordinal).ToList();
        return ExpException.NotFound(string.Join("; ", missing.Select(name => $"{says} '{name}'{Suggestion.Clause(name, names)}")));
    }
}
