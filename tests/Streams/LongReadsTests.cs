using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Core.Streams;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Streams;

/// <summary>Readers of long streams wait for one another, and nobody else waits for them.</summary>
public sealed class LongReadsTests
{
    private const int Points = 200_000;

    private readonly MemoryObjectStore store = new(TimeProvider.System);
    private readonly LongReads reads = new(places: 1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private MetricsReader Reader => new(store, reads);

    [Fact]
    public async Task AtMostSoManyReadAtOnce_AndTheFirstWhoAskedIsNext()
    {
        var two = new LongReads(places: 2);
        var readers = Enumerable.Range(0, 6).Select(_ => two.Begin()).ToList();
        var turns = readers.ConvertAll(reader => reader.GoOn(LongReads.FreeBytes, Cancel).AsTask());
        for (var done = 0; done < readers.Count; done++)
        {
            await Task.WhenAll(turns.Take(done + 2));
            Assert.DoesNotContain(turns.Skip(done + 2), turn => turn.IsCompleted);
            readers[done].Dispose();
        }
    }

    [Fact]
    public async Task AShortReading_DoesNotWait_WhileALongOneDoes()
    {
        using var holder = await Hold();
        var (longRun, shortRun) = (await Stored("1", Points), await Stored("2", 3));

        var reading = Reader.Read(longRun, new([]), Cancel);
        Assert.Equal(3, Assert.Single((await Reader.Read(shortRun, new([]), Cancel)).Series).Total);

        Assert.False(reading.IsCompleted);
        holder.Dispose();
        Assert.Equal(Points, Assert.Single((await reading).Series).Total);
    }

    [Fact]
    public async Task AReaderWhoHasGone_WaitsForNothing_AndTakesNoPlace()
    {
        using var holder = await Hold();
        var run = await Stored("1", Points);
        using var gone = new CancellationTokenSource();
        var waiting = Reader.Read(run, new([]), gone.Token);
        var next = Reader.Read(run, new([]), Cancel);

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        holder.Dispose();
        Assert.Equal(Points, Assert.Single((await next).Series).Total);
    }

    [Fact]
    public async Task RowsThatNobodyTakes_HoldNoPlace()
    {
        var run = await Stored("1", Points);
        await using var rows = Reader.Csv(run, new([]), Cancel).GetAsyncEnumerator(Cancel);
        for (var bytes = 0L; bytes < 4 * LongReads.FreeBytes; bytes += rows.Current.Length) Assert.True(await rows.MoveNextAsync());

        Assert.Equal(Points, Assert.Single((await Reader.Read(run, new([]), Cancel)).Series).Total);
    }

    private async Task<LongRead> Hold()
    {
        var holder = reads.Begin();
        await holder.GoOn(LongReads.FreeBytes, Cancel);
        return holder;
    }

    private async Task<RunRecord> Stored(string id, int points)
    {
        var run = Run(id, attempts: Attempt(1));
        await PutMetrics(store, run, 1, 0, Segment("loss", [.. Enumerable.Range(1, points).Select(step => (long)step)]));
        return run;
    }
}
