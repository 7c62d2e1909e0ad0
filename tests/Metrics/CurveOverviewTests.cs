using Serverless.Contract;
using Serverless.Core.Metrics;
using Serverless.Core.Metrics.Overviews;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Streams;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Metrics;

/// <summary>What an overview answers is what the points themselves give, and whatever happens to it, no answer is another.</summary>
public sealed class CurveOverviewTests
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string Key(RunRecord run) => WorkspacePaths.CurveOverview(run.Id);

    /// <summary>Any number of series of any length, thinned to any length, over one attempt or two.</summary>
    [Fact]
    public async Task WhateverIsAsked_TheAnswerIsThatOfThePoints()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 40; round++)
        {
            var names = Enumerable.Range(0, random.Next(1, 6)).Select(i => ($"m{i}", random.Next(3) == 0 ? 1 : random.Next(1, 300))).ToArray();
            var run = await Ended($"{round:00000000000000000000000000}", Mixed(random, names, random.Next(2300, 20_000)),
                random.Next(2) == 0 ? Mixed(random, names, 500) : null);
            foreach (var most in (int[])[4, 5, 60, 258, 259, 1000, 1025, 1026, 2000, 2050, random.Next(4, 2100), 2051, 30_000])
            {
                var query = new MetricsQuery(random.Next(2) == 0 ? [] : ["m1", "m3"], MaxPoints: most);
                var (points, overview) = (await FromPoints(run, query), await new MetricsReader(store).Read(run, query, Cancel));
                Assert.True(Text(points) == Text(overview), $"seed {seed}, round {round}, {most} points of {string.Join(' ', names)}");
            }
        }
    }

    [Fact]
    public async Task ALongCurve_IsReadFromItsOverview_AndItsPointsNoMore()
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1), ("val/loss", 100)], 200_000));
        var watched = new FailingWrites(store, null!);
        var reader = new MetricsReader(watched.Store);
        await new CurveOverviews(store).Make(run.Id, Cancel);
        var read = await reader.Read(run, new(["loss"]), Cancel);
        Assert.Equal((200_000, true), (Assert.Single(read.Series).Total, read.Series[0].Points.Count is > 500 and <= 1000));
        Assert.All(watched.Opened, key => Assert.Equal(Key(run), key));

        // What it does not keep is read from the points: more of them, and parts.
        await reader.Read(run, new(["loss"], MaxPoints: 10_000), Cancel);
        await reader.Read(run, new(["loss"], FromStep: 100), Cancel);
        Assert.Equal(2, watched.Opened.Count(key => key.EndsWith(".expm", StringComparison.Ordinal)));

        // A short series is kept whole, however long the others are.
        Assert.Equal(2000, (await reader.Read(run, new(["val/loss"], MaxPoints: 100_000), Cancel)).Series[0].Points.Count);
        Assert.Equal(2, watched.Opened.Count(key => key.EndsWith(".expm", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task TheFirstWhoAsks_MakesIt()
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1)], 10_000));
        Assert.Null(store.Peek(Key(run)));
        await new MetricsReader(store).Read(run, new([]), Cancel);
        Assert.NotNull(store.Peek(Key(run)));
    }

    [Theory]
    [InlineData(RunState.Running, 10_000)]
    [InlineData(RunState.Succeeded, 100)]
    public async Task OfARunThatGoesOn_AndOfAShortOne_ThereIsNone(RunState state, int points)
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1)], points)) with { State = state };
        await store.PutJson(WorkspacePaths.Run(run.Id), run, cancel: Cancel);
        await new CurveOverviews(store).Make(run.Id, Cancel);
        await new MetricsReader(store).Read(run, new([]), Cancel);
        Assert.Null(store.Peek(Key(run)));
    }

    [Fact]
    public async Task AnAttemptThatNeverSaidWhereItEnded_HasNone()
    {
        var run = Run("0000000000000000000000001R", RunState.Failed, Attempt(1));
        await PutMetrics(store, run, 1, 0, Mixed(new(1), [("loss", 1)], 10_000));
        Assert.Equal(10_000, (await new MetricsReader(store).Read(run, new([]), Cancel)).Series[0].Total);
        Assert.Null(store.Peek(Key(run)));
    }

    [Fact]
    public async Task ARunThatWentOn_HasAnother()
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1)], 10_000));
        await new MetricsReader(store).Read(run, new([]), Cancel);
        var more = await Ended("a", Mixed(new(1), [("loss", 1)], 10_000), Mixed(new(2), [("loss", 1)], 3_000));
        Assert.Equal(13_000, (await new MetricsReader(store).Read(more, new([]), Cancel)).Series[0].Total);
        Assert.Equal(10_000, (await new MetricsReader(store).Read(run, new([]), Cancel)).Series[0].Total);
    }

    /// <summary>Each byte changed, and each length cut to: either it is noticed, and made anew, or nothing of it was asked for.</summary>
    [Fact]
    public async Task Damaged_ItIsMadeAnew_AndNothingElseIsAnswered()
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1), ("val/loss", 20)], 5_000));
        var query = new MetricsQuery([], MaxPoints: 200);
        var right = Text(await FromPoints(run, query));
        await new MetricsReader(store).Read(run, query, Cancel);
        var whole = store.Peek(Key(run))!.Body;
        var random = new Random(3);
        for (var i = 0; i < whole.Length; i += i < 400 ? 1 : random.Next(1, 200))
        {
            var changed = whole.ToArray();
            changed[i] ^= (byte)(1 << random.Next(8));
            await Is(changed, i);
            await Is(whole[..i], i);
        }

        await Is("not an overview, but something longer than its header is"u8.ToArray(), -1);
        Assert.Equal(whole, store.Peek(Key(run))!.Body);

        async Task Is(byte[] body, int at)
        {
            await store.Put(Key(run), body, cancel: Cancel);
            Assert.True(right == Text(await new MetricsReader(store).Read(run, query, Cancel)), $"damaged at {at}");
        }
    }

    [Fact]
    public async Task DamagedCurves_HaveNone_AndSayWhatIsMissing()
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1)], 10_000), Mixed(new(2), [("loss", 1)], 3_000));
        await store.Delete(WorkspacePaths.MetricsSegment(run.Id, 1, 0), cancel: Cancel);
        var reader = new MetricsReader(store);
        for (var i = 0; i < 2; i++)
        {
            var read = await reader.Read(run, new([]), Cancel);
            Assert.Equal((3_000, 1), (read.Series[0].Total, read.Problems.Count));
        }

        Assert.Null(store.Peek(Key(run)));
    }

    [Fact]
    public async Task WithoutRoomForIt_TheCurveIsReadAllTheSame()
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1)], 10_000));
        var full = new FailingWrites(store, null!) { FailAt = 0, Recovers = true };
        Assert.Equal(10_000, (await new MetricsReader(full.Store).Read(run, new([]), Cancel)).Series[0].Total);
        Assert.Null(store.Peek(Key(run)));
        Assert.Equal(10_000, (await new MetricsReader(full.Store).Read(run, new([]), Cancel)).Series[0].Total);
        Assert.NotNull(store.Peek(Key(run)));
    }

    [Fact]
    public async Task OfARunThatIsDeletedMeanwhile_NothingStays()
    {
        var run = await Ended("a", Mixed(new(1), [("loss", 1)], 10_000));
        var deleting = new FailingWrites(store, null!) { Writing = _ => store.Delete(WorkspacePaths.Run(run.Id)).GetAwaiter().GetResult() };
        await new CurveOverviews(deleting.Store).Make(run.Id, Cancel);
        Assert.Null(store.Peek(Key(run)));
    }

    /// <summary>The memory that it takes to make one is bounded; what each series keeps then is less, and as right.</summary>
    [Fact]
    public async Task OfManySeries_EachKeepsLess()
    {
        var names = Enumerable.Range(0, 900).Select(i => ($"m{i:000}", 1)).ToArray();
        var run = await Ended("a", Mixed(new(1), names, 1_200));
        await new CurveOverviews(store).Make(run.Id, Cancel);
        Assert.True(store.Peek(Key(run))!.Body.Length < 2 * CurveOverviews.MostStretches * OverviewFormat.StretchBytes);
        foreach (var most in (int[])[100, 500, 2000])
        {
            var query = new MetricsQuery(["m001", "m899"], MaxPoints: most);
            Assert.Equal(Text(await FromPoints(run, query)), Text(await new MetricsReader(store).Read(run, query, Cancel)));
        }
    }

    /// <summary>Read as a run that goes on is: from its points.</summary>
    private Task<RunMetrics> FromPoints(RunRecord run, MetricsQuery query) =>
        new MetricsReader(store).Read(run with { State = RunState.Running }, query, Cancel);

    private static string Text(RunMetrics metrics) => string.Join('\n', [
        .. metrics.Series.Select(series => $"{series.Name} {series.Total} {series.NaNs} {string.Join(' ', series.Points.Select(Text))}"),
        .. metrics.Problems,
    ]);

    private static string Text(MetricValue point) => $"{point.Step}={point.Value:R}@{point.At.Ticks}";

    private async Task<RunRecord> Ended(string id, byte[] first, byte[]? second = null)
    {
        var cut = new StreamCursor(0, first.Length);
        var run = second is null
            ? Run(id, RunState.Succeeded, Attempt(1, metrics: cut, logs: new(0, 0)))
            : Run(id, RunState.Succeeded, Attempt(1, metrics: cut, logs: new(0, 0)),
                Attempt(2, Checkpoint(1, 3, cut, new(0, 0)), new(0, second.Length), new(0, 0)));
        await PutMetrics(store, run, 1, 0, first);
        if (second is not null) await PutMetrics(store, run, 2, 0, second);
        await store.PutJson(WorkspacePaths.Run(id), run, cancel: Cancel);
        return run;
    }

    /// <param name="names">Each logged every so many steps.</param>
    private static byte[] Mixed(Random random, IReadOnlyList<(string Name, int Every)> names, int steps)
    {
        using var body = new MemoryStream();
        body.Write(MetricStream.Header);
        var frame = new byte[MetricStream.MaxNameFrameBytes];
        for (var i = 0; i < names.Count; i++) body.Write(frame.AsSpan(0, MetricStream.WriteName(frame, (uint)i, names[i].Name)));
        for (var step = 0; step < steps; step++)
        {
            for (var i = 0; i < names.Count; i++)
            {
                if (step % names[i].Every != 0) continue;
                var value = random.Next(20) switch { 0 => double.NaN, 1 => double.PositiveInfinity, _ => random.Next(-50, 50) };
                body.Write(frame.AsSpan(0, MetricStream.WritePoint(frame, (uint)i, step, step * 1_000L + i, value)));
            }
        }

        return body.ToArray();
    }
}
