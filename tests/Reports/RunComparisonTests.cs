using Serverless.Core.Reports;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Reports;

public sealed class RunComparisonTests
{
    [Fact]
    public void ManyRunsWithManyMetrics_StayBounded_AndWhatIsLeftOutIsCounted()
    {
        var runs = Enumerable.Range(0, 100).Select(n => Run($"{n:D26}") with
        {
            Metrics = Enumerable.Range(0, 400).Select(i => $"run{n}/m{i}").Append("val/accuracy").Append("zz/checked")
                .ToDictionary(name => name, _ => n / 100.0),
            MetricsLeftOut = n,
            Spec = Run().Spec with { Checks = new Dictionary<string, string> { ["zz/checked"] = "0.." } },
        }).ToList();
        var comparison = RunComparison.Of(runs);
        Assert.Equal(RunComparison.MaxRows, comparison.Metrics.Count);
        Assert.Equal(["zz/checked", "val/accuracy"], comparison.Metrics.Take(2).Select(row => row.Name));
        Assert.Equal(40_002 - RunComparison.MaxRows + 99, comparison.MetricsLeftOut);
        Assert.Equal((0, 0), (comparison.ParamsLeftOut, comparison.FactsLeftOut));
        Assert.All(comparison.Runs, run => Assert.InRange(run.Metrics.Count, 1, 24));
    }
}
