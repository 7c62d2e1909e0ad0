using Serverless.Core.Results;
using Serverless.Core.Storage;
using Serverless.Tests.Support;
using static Serverless.Tests.Results.SampleRuns;

namespace Serverless.Tests.Results;

public sealed class MetricsReaderTests
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private MetricsReader Reader => new(store);

    [Fact]
    public async Task ResumedCurve_HasNoGapAndNoDuplicate()
    {
        // Attempt 1 logs steps 1–5 in two segments and dies; its checkpoint was saved after step 3, in the middle of the second segment. Attempt 2 goes on with 4.
        var second = Segment("loss", 3, 4, 5);
        var cut = Segment("loss", 3).Length;
        var run = Run(attempts: [Attempt(1), Attempt(2, Checkpoint(1, 3, new(1, cut), new(0, 0)))]);
        await PutMetrics(store, run, 1, 0, Segment("loss", 1, 2));
        await PutMetrics(store, run, 1, 1, second);
        await PutMetrics(store, run, 2, 0, Segment("loss", 4, 5));
        await PutMetrics(store, run, 2, 1, Segment("loss", 6));
        var series = Assert.Single(await Reader.Read(run, new([]), Cancel));
        Assert.Equal([1, 2, 3, 4, 5, 6], series.Points.Select(point => point.Step));
        Assert.Equal(6, series.Total);
        Assert.Equal(0.4, series.Points[3].Value);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(4), series.Points[3].At);
    }

    [Fact]
    public async Task EndedAttempt_ShowsNothingBeyondItsEnd()
    {
        // A worker that was replaced without knowing wrote on.
        var run = Run(attempts: Attempt(1, metrics: new(1, 0), logs: new(0, 0)));
        await PutMetrics(store, run, 1, 0, Segment("loss", 1));
        await PutMetrics(store, run, 1, 1, Segment("loss", 2));
        Assert.Equal([1], Assert.Single(await Reader.Read(run, new([]), Cancel)).Points.Select(point => point.Step));
    }

    [Fact]
    public async Task PointThatIsBeingWritten_IsNotSeenYet()
    {
        var run = Run(attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("loss", 1, 2)[..^5]);
        Assert.Equal(1, Assert.Single(await Reader.Read(run, new([]), Cancel)).Total);
    }

    [Theory]
    [InlineData("val/*", new[] { "val/accuracy", "val/loss" })]
    [InlineData("*loss", new[] { "train/loss", "val/loss" })]
    [InlineData("val/loss", new[] { "val/loss" })]
    [InlineData("val/?oss", new string[0])]
    [InlineData("*", new[] { "train/loss", "val/accuracy", "val/loss" })]
    [InlineData("t*a*s", new[] { "train/loss" })]
    [InlineData("val/l*loss", new string[0])]
    public async Task Names_ChooseByPattern(string pattern, string[] expected)
    {
        var run = Run(attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("train/loss", 1));
        await PutMetrics(store, run, 1, 1, Segment("val/loss", 1));
        await PutMetrics(store, run, 1, 2, Segment("val/accuracy", 1));
        Assert.Equal(expected, (await Reader.Read(run, new([pattern]), Cancel)).Select(series => series.Name));
    }

    [Fact]
    public async Task From_LeavesOutEarlierSteps()
    {
        var run = Run(attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("loss", 1, 2, 3));
        Assert.Equal([2, 3], Assert.Single(await Reader.Read(run, new([], FromStep: 2), Cancel)).Points.Select(point => point.Step));
    }

    [Fact]
    public async Task DamagedSegment_IsNamed()
    {
        var run = Run(attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, "not a metric stream"u8.ToArray());
        var e = await Assert.ThrowsAsync<InvalidDataException>(() => Reader.Read(run, new([]), Cancel));
        Assert.Contains("000000.expm", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Thinning_KeepsSpikesAndEnds()
    {
        var points = Enumerable.Range(0, 100_000).Select(i => new Core.Api.MetricValue(i, i == 54_321 ? 1000 : i == 60_000 ? -1000 : 0, Noon)).ToList();
        var thin = Thinning.MinMax(points, 100);
        Assert.InRange(thin.Count, 50, 100);
        Assert.Equal(0, thin[0].Step);
        Assert.Equal(99_999, thin[^1].Step);
        Assert.Contains(thin, point => point.Value == 1000);
        Assert.Contains(thin, point => point.Value == -1000);
        Assert.Equal(thin.OrderBy(point => point.Step), thin);
    }

    [Fact]
    public void Thinning_OfShortOrDivergedSeries_LosesNothingThatMatters()
    {
        var points = Enumerable.Range(0, 1000).Select(i => new Core.Api.MetricValue(i, i < 500 ? i : double.NaN, Noon)).ToList();
        Assert.Same(points, Thinning.MinMax(points, 1000));
        var thin = Thinning.MinMax(points, 10);
        Assert.Contains(thin, point => point.Value >= 490);
        Assert.Contains(thin, point => double.IsNaN(point.Value));
    }
}
