using System.Text.RegularExpressions;

namespace Serverless.Core.Metrics.Printed;

/// <summary>
/// Lines in a format of the code's own, by regular expressions of an experiment: each named group is a metric, the group <c>step</c> or <c>epoch</c>
/// says where. A line without such a group belongs to the step before it.
/// </summary>
internal sealed class MetricPatterns(IReadOnlyList<string> patterns)
{
    private static readonly RunForms.MetricPattern Form = new();

    // A record that was edited by hand may hold anything.
    private readonly Regex[] expressions = [.. patterns.Where(one => Form.Problem(one) is null).Select(RunForms.MetricPattern.Compile)];
    private readonly long[] matches = new long[patterns.Count];

    /// <summary>How many lines each of them matched.</summary>
    public IReadOnlyList<long> Matches => matches;

    /// <returns>False: none of them matches.</returns>
    public bool Read(ReadOnlySpan<char> line, ref long? lastStep, IMetricSink sink)
    {
        for (var at = 0; at < expressions.Length; at++)
        {
            if (!expressions[at].IsMatch(line)) continue;
            matches[at]++;
            Read(expressions[at].Match(line.ToString()), ref lastStep, sink);
            return true;
        }

        return false;
    }

    private static void Read(Match match, ref long? lastStep, IMetricSink sink)
    {
        var place = RunForms.MetricPattern.Places.Select(name => match.Groups[name]).FirstOrDefault(group => group.Success);
        if (place is not null)
        {
            var end = 0;
            var digits = PrintedDigits.Read(place.Value, ref end);
            if (end != place.Value.Length || digits.WholeNumber() is not { } step)
            {
                sink.LeftOut(place.Value, $"the group '{place.Name}' of a pattern is no whole number");
                return;
            }

            lastStep = step;
        }

        if (lastStep is not { } at)
        {
            sink.LeftOut(match.Value, "a pattern matches, and neither it nor a line before says at which step");
            return;
        }

        foreach (var group in match.Groups.Values.Skip(1).Where(group => group.Success && !RunForms.MetricPattern.Places.Contains(group.Name)))
        {
            var end = 0;
            var number = PrintedNumber.Read(group.Value, ref end);
            if (number is { IsThere: true, Unclear: null } && end == group.Value.Length) sink.Found(group.Name, at, number.Value);
            else sink.LeftOut($"{group.Name}={group.Value}", number.Unclear ?? "it is no number");
        }
    }
}
