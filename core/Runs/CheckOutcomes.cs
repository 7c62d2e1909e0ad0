namespace Serverless.Core.Runs;

public static class CheckOutcomes
{
    extension(CheckOutcome)
    {
        /// <summary>By metric.</summary>
        public static IReadOnlyList<CheckOutcome> Of(IReadOnlyDictionary<string, string> checks, IReadOnlyDictionary<string, double> metrics) =>
            [.. checks.OrderBy(check => check.Key, StringComparer.Ordinal).Select(check => metrics.TryGetValue(check.Key, out var value)
                ? new CheckOutcome(check.Key, check.Value, value, CheckRange.Parse(check.Value)?.Contains(value) == true)
                : new CheckOutcome(check.Key, check.Value, null, Passed: false))];
    }
}
