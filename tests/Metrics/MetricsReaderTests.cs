using Serverless.Core.Metrics;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Metrics;

public sealed class MetricsReaderTests
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private MetricsReader Reader => new(store);

    [Fact]
    public async Task ResumedCurve_HasNoGapAndNoDuplicate()
    {
        // Attempt 1 logs steps 1–5 in two segments and dies; its checkpoint was saved after step 3,
        // in the middle of the second segment. Attempt 2 goes on with 4.
        var second = Segment("loss", 3, 4, 5);
        var cut = Segment("loss", 3).Length;
        var run = Run(attempts: [Attempt(1), Attempt(2, Checkpoint(1, 3, new(1, cut), new(0, 0)))]);
        await PutMetrics(store, run, 1, 0, Segment("loss", 1, 2));
        await PutMetrics(store, run, 1, 1, second);
        await PutMetrics(store, run, 2, 0, Segment("loss", 4, 5));
        await PutMetrics(store, run, 2, 1, Segment("loss", 6));
        var series = Assert.Single((await Reader.Read(run, new([]), Cancel)).Series);
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
        Assert.Equal([1], Assert.Single((await Reader.Read(run, new([]), Cancel)).Series).Points.Select(point => point.Step));
    }

    [Fact]
    public async Task PointThatIsBeingWritten_IsNotSeenYet()
    {
        var run = Run(attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("loss", 1, 2)[..^5]);
        Assert.Equal(1, Assert.Single((await Reader.Read(run, new([]), Cancel)).Series).Total);
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
        Assert.Equal(expected, (await Reader.Read(run, new([pattern]), Cancel)).Series.Select(series => series.Name));
    }

    [Fact]
    public async Task From_LeavesOutEarlierSteps()
    {
        var run = Run(attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("loss", 1, 2, 3));
        Assert.Equal([2, 3], Assert.Single((await Reader.Read(run, new([], FromStep: 2), Cancel)).Series).Points.Select(point => point.Step));
    }

    [Fact]
    public async Task DamagedSegment_IsNamed_AndTheRestIsRead()
    {
        var run = Run(attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("loss", 1));
        await PutMetrics(store, run, 1, 1, "not a metric stream"u8.ToArray());
        await PutMetrics(store, run, 1, 2, [.. Segment("loss", 2, 3), 99, 0, 0]);
        var read = await Reader.Read(run, new([]), Cancel);
        Assert.Equal([1, 2, 3], Assert.Single(read.Series).Points.Select(point => point.Step));
        Assert.Equal(2, read.Problems.Count);
        Assert.Contains("000001.expm is damaged", read.Problems[0], StringComparison.Ordinal);
        Assert.Contains("000002.expm is damaged", read.Problems[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task MissingSegment_IsNamed_AndTheRestIsRead(bool ended)
    {
        var last = Segment("loss", 3, 4);
        var run = Run(attempts: ended ? Attempt(1, metrics: new(2, last.Length), logs: new(0, 0)) : Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("loss", 1));
        await PutMetrics(store, run, 1, 2, last);
        var read = await Reader.Read(run, new([]), Cancel);
        Assert.Equal([1, 3, 4], Assert.Single(read.Series).Points.Select(point => point.Step));
        Assert.EndsWith("metrics/000001.expm is missing", Assert.Single(read.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SegmentThatIsShorterThanTheRecordSays_IsNamed()
    {
        var whole = Segment("loss", 1, 2);
        var run = Run(attempts: Attempt(1, metrics: new(0, whole.Length), logs: new(0, 0)));
        await PutMetrics(store, run, 1, 0, whole[..^29]);
        var read = await Reader.Read(run, new([]), Cancel);
        Assert.Equal(1, Assert.Single(read.Series).Total);
        Assert.Contains("is cut short", Assert.Single(read.Problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(1_790_000_000_000_000_000)]
    public async Task PointWithATimeThatNoCalendarHas_IsReadLikeAnyOther(long micros)
    {
        var run = Run(attempts: Attempt(1));
        var bytes = Segment("loss", 1);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(bytes.Length - 16), micros);
        await PutMetrics(store, run, 1, 0, bytes);
        var point = Assert.Single(Assert.Single((await Reader.Read(run, new([]), Cancel)).Series).Points);
        Assert.Equal((1, micros > 0 ? 9999 : 1), (point.Step, point.At.Year));
        Assert.Contains($"loss,1,0.1,{(micros > 0 ? "9999-12-31" : "0001-01-01")}", await Csv(run, new([])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Csv_HasEveryPointInOrderOfLogging_AndSaysAtItsEndWhatIsMissing()
    {
        var run = Run(attempts: Attempt(1, metrics: new(2, Segment("b", 1).Length), logs: new(0, 0)));
        await PutMetrics(store, run, 1, 0, Segment("a,\"x\"\n#", 1, 2));
        await PutMetrics(store, run, 1, 2, Segment("b", 1));
        Assert.Equal(
            "metric,step,value,time\n\"a,\"\"x\"\"\n#\",1,0.1,1970-01-01T00:00:01.0000000+00:00\n\"a,\"\"x\"\"\n#\",2,0.2,1970-01-01T00:00:02.0000000+00:00\n"
                + $"b,1,0.1,1970-01-01T00:00:01.0000000+00:00\n# attempts/{run.Id}/000001/metrics/000001.expm is missing\n",
            await Csv(run, new([])));
        Assert.DoesNotContain("\"a", await Csv(run, new(["b"])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManySeriesTogether_AreThinnedUntilThereIsRoom_AndTheAnswerSaysSo()
    {
        var run = Run(attempts: Attempt(1));
        var steps = Enumerable.Range(0, 20_000).Select(i => (long)i).ToArray();
        for (var i = 0; i < 10; i++) await PutMetrics(store, run, 1, i, Segment($"m{i}", steps));
        var read = await Reader.Read(run, new([], MaxPoints: 1_000_000), Cancel);
        Assert.Equal(10, read.Series.Count);
        Assert.All(read.Series, series => Assert.Equal(20_000, series.Total));
        Assert.All(read.Series, series => Assert.InRange(series.Points.Count, 1000, read.MaxPoints));
        Assert.InRange(read.Series.Sum(series => series.Points.Count), 1, MetricsReader.MaxHeld);
    }

    [Fact]
    public async Task MoreMetricsThanAnAnswerHasRoomFor_AreCounted()
    {
        var run = Run(attempts: Attempt(1));
        for (var i = 0; i < MetricsReader.MaxSeries + 7; i++) await PutMetrics(store, run, 1, i, Segment($"m{i}", 1));
        var read = await Reader.Read(run, new([]), Cancel);
        Assert.Equal((MetricsReader.MaxSeries, 7), (read.Series.Count, read.SeriesLeftOut));
    }

    private async Task<string> Csv(RunRecord run, MetricsQuery query)
    {
        var text = new System.Text.StringBuilder();
        await foreach (var some in Reader.Csv(run, query, Cancel)) text.Append(System.Text.Encoding.UTF8.GetString(some.Span));
        return text.ToString();
    }
}
