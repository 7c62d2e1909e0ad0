using Serverless.Core.Metrics;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Metrics;

public sealed class ThinnerTests
{
    [Fact]
    public void SpikesAndEnds_AreKept()
    {
        var thin = Thin(Enumerable.Range(0, 100_000).Select(i => i == 54_321 ? 1000.0 : i == 60_000 ? -1000 : 0), 100);
        Assert.InRange(thin.Count, 50, 100);
        Assert.Equal((0, 99_999), (thin[0].Step, thin[^1].Step));
        Assert.Contains(thin, point => point.Value == 1000);
        Assert.Contains(thin, point => point.Value == -1000);
    }

    [Fact]
    public void ADivergedSeries_LosesNothingThatMatters()
    {
        var thin = Thin(Enumerable.Range(0, 1000).Select(i => i < 500 ? i : double.NaN), 10);
        Assert.Contains(thin, point => point.Value >= 490);
        Assert.Contains(thin, point => double.IsNaN(point.Value));
    }

    /// <summary>Any series, thinned to any length, also when less room is left on the way.</summary>
    [Fact]
    public void WhateverComesIn_WhatIsKeptIsOfIt_InOrder_WithItsExtremes_AndNotTooMuch()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 2000; round++)
        {
            var values = Enumerable.Range(0, random.Next(0, 400)).Select(_ => random.Next(10) == 0 ? double.NaN : random.Next(-50, 50)).ToList();
            var most = random.Next(4, 60);
            var thinner = new Downsampler(random.Next(2) == 0 ? most : most + random.Next(100));
            var shrinkAt = random.Next(0, values.Count + 1);
            for (var i = 0; i < values.Count; i++)
            {
                if (i == shrinkAt) thinner.Shrink(most);
                thinner.Add(new(i, values[i], Noon));
            }

            thinner.Shrink(most);
            var thin = thinner.Points();
            var what = $"seed {seed}, round {round}: {values.Count} points to {most}";
            Assert.True(thin.Count <= most && thin.Count <= thinner.Held, what);
            Assert.True(thin.Zip(thin.Skip(1)).All(pair => pair.First.Step < pair.Second.Step), what);
            Assert.True(thin.All(point => point.Value.Equals(values[(int)point.Step])), what);
            Assert.True(thinner.Total == values.Count, what);
            if (values.Count == 0) continue;
            Assert.True(thin[0].Step == 0 && thin[^1].Step == values.Count - 1, what);
            var finite = values.Where(double.IsFinite).ToList();
            if (finite.Count == 0) continue;
            Assert.True(thin.Any(point => point.Value == finite.Min()) && thin.Any(point => point.Value == finite.Max()), what);
        }
    }

    private static IReadOnlyList<MetricValue> Thin(IEnumerable<double> values, int most)
    {
        var thinner = new Downsampler(most);
        foreach (var (i, value) in values.Index()) thinner.Add(new(i, value, Noon));
        return thinner.Points();
    }
}
