using System.Text;
using Serverless.Core.Logs;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Logs;

public sealed class LogReaderTests
{
    private static readonly byte[] none = [];

    private readonly MemoryObjectStore store = new(TimeProvider.System);
    private readonly LogReader logs;

    public LogReaderTests() => logs = new(store, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Log_IsReadOverSegmentsAndAttempts()
    {
        var run = Run(attempts: [Attempt(1), Attempt(2, Checkpoint(1, 1, new(0, 0), new(1, 4)))]);
        await AppendLog(store, run, 1, 0, "one\n");
        await AppendLog(store, run, 1, 1, "two\nlost\n");
        await AppendLog(store, run, 2, 0, "three\n");
        await AppendLog(store, run, 2, 1, "four\n");
        Assert.Equal("one\ntwo\nthree\nfour\n", await Text(run, 0, long.MaxValue));
        Assert.Equal(19, (await logs.Measure(run, cancel: Cancel)).Length);
        Assert.Equal("one\ntwo\nlost\n", await Text(run, 0, long.MaxValue, attempt: 1));
    }

    [Theory]
    [InlineData(0, 3, "abc")]
    [InlineData(2, 5, "cde")]
    [InlineData(3, 100, "defgh")]
    [InlineData(8, 100, "")]
    [InlineData(99, 100, "")]
    public async Task Offset_CountsVisibleBytesAcrossSegments(long from, long to, string expected)
    {
        var run = Run(attempts: Attempt(1));
        await AppendLog(store, run, 1, 0, "abc");
        await AppendLog(store, run, 1, 1, "de");
        await AppendLog(store, run, 1, 2, "fgh");
        Assert.Equal(expected, await Text(run, from, to));
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "six")]
    [InlineData(2, "\nsix")]
    [InlineData(3, "three, four\n\nsix")]
    [InlineData(5, "one\ntwo\nthree, four\n\nsix")]
    [InlineData(99, "one\ntwo\nthree, four\n\nsix")]
    public async Task Tail_BeginsWhereALineBegins_AcrossSegmentsAndAttempts(int lines, string expected)
    {
        var run = Run(attempts: [Attempt(1), Attempt(2, Checkpoint(1, 1, new(0, 0), new(1, 2)))]);
        await AppendLog(store, run, 1, 0, "one\nt");
        await AppendLog(store, run, 1, 1, "wo\nlost\n");
        await AppendLog(store, run, 2, 0, "\nthree, ");
        await AppendLog(store, run, 2, 1, "four\n\nsix");
        var end = (await logs.Measure(run, cancel: Cancel)).Length;
        Assert.Equal(expected, await Text(run, await logs.TailOffset(run, end, lines, cancel: Cancel), end));
    }

    [Fact]
    public async Task Tail_IsThatOfTheWholeText_HoweverLongItsLinesAre()
    {
        var random = new Random(1);
        var text = new StringBuilder();
        while (text.Length < 3_000_000) text.Append('x', random.Next(2) == 0 ? random.Next(100) : random.Next(200_000)).Append('\n');
        var run = Run(attempts: Attempt(1));
        const int Part = 700_000;
        for (var at = 0; at < text.Length; at += Part) await AppendLog(store, run, 1, at / Part, text.ToString(at, Math.Min(Part, text.Length - at)));
        var all = text.ToString().Split('\n')[..^1];
        for (var lines = 0; lines <= all.Length + 1; lines++)
        {
            var expected = all.TakeLast(lines).Sum(line => line.Length + 1);
            Assert.Equal(text.Length - expected, await logs.TailOffset(run, text.Length, lines, cancel: Cancel));
        }
    }

    [Fact]
    public async Task TailOfALongLog_ReadsNothingOfItsBeginning()
    {
        var run = Run(attempts: Attempt(1));
        for (var segment = 0; segment < 3; segment++) await AppendLog(store, run, 1, segment, string.Concat(Enumerable.Repeat("a line\n", 500_000)));
        var reads = new FailingWrites(store, new MemoryMessageBus(TimeProvider.System, TimeSpan.FromMinutes(1)));
        Assert.Equal(10_500_000 - 7000, await new LogReader(reads.Store, TimeProvider.System).TailOffset(run, 10_500_000, 1000, cancel: Cancel));
        Assert.Equal([WorkspacePaths.LogSegment(run.Id, 1, 2)], reads.Opened.Distinct());
    }

    [Fact]
    public async Task TailOfOneLineWithoutEnd_IsBounded()
    {
        var run = Run(attempts: Attempt(1));
        for (var piece = 0; piece < 18; piece++) await AppendLog(store, run, 1, piece, (piece == 16 ? "\n" : "") + new string('x', 4_000_000));
        var end = (await logs.Measure(run, cancel: Cancel)).Length;
        Assert.Equal(64_000_001, await logs.TailOffset(run, end, 5, cancel: Cancel));
    }

    [Fact]
    public async Task Follow_GivesWhatIsWrittenUntilTheRunEnds()
    {
        var run = Run(attempts: Attempt(1));
        await Save(run);
        await using var events = logs.Follow(run.Id, new(0, 0), Cancel).GetAsyncEnumerator(Cancel);
        await AppendLog(store, run, 1, 0, "first ");
        Assert.Equal(("first ", "1-6"), TextOf(await Next(events)));
        await AppendLog(store, run, 1, 0, "second ");
        Assert.Equal(("second ", "1-13"), TextOf(await Next(events)));
        await AppendLog(store, run, 1, 1, "third");
        await Save(run with { State = RunState.Succeeded, Cause = Cause.Completed, Attempts = [Attempt(1, logs: new(1, 5))] });
        Assert.Equal(("third", "1-18"), TextOf(await Next(events)));
        Assert.Equal(new LogEvent.Ended(new(1, 18), RunState.Succeeded, Cause.Completed), await Next(events));
        Assert.False(await events.MoveNextAsync());
    }

    [Fact]
    public async Task Follow_WhenANewAttemptResumes_GoesBackToItsCheckpoint()
    {
        var run = Run(attempts: Attempt(1));
        await AppendLog(store, run, 1, 0, "kept lost");
        await Save(run);
        await using var events = logs.Follow(run.Id, new(0, 0), Cancel).GetAsyncEnumerator(Cancel);
        Assert.Equal(("kept lost", "1-9"), TextOf(await Next(events)));
        run = Run(attempts: [Attempt(1), Attempt(2, Checkpoint(1, 1, new(0, 0), new(0, 5)))]);
        await AppendLog(store, run, 2, 0, "again");
        await Save(run);
        Assert.Equal(new LogEvent.Rewound(new(2, 5)), await Next(events));
        Assert.Equal(("again", "2-10"), TextOf(await Next(events)));
    }

    [Fact]
    public async Task Follow_ResumedAfterTheAttemptChanged_KnowsWhatTheReaderHadSeen()
    {
        var run = Run(state: RunState.Succeeded, attempts: [Attempt(1), Attempt(2, Checkpoint(1, 1, new(0, 0), new(0, 5)), logs: new(0, 5))]);
        await AppendLog(store, run, 1, 0, "kept lost");
        await AppendLog(store, run, 2, 0, "again");
        await Save(run);
        Assert.Equal([new LogEvent.Rewound(new(2, 5)), new LogEvent.Text(new(2, 10), none), new LogEvent.Ended(new(2, 10), RunState.Succeeded, null)],
            await All(new(1, 9)));
        Assert.Equal([new(2, 5), new(2, 10)], (await All(new(1, 3))).OfType<LogEvent.Text>().Select(text => text.After));
        Assert.Equal([new LogEvent.Ended(new(2, 10), RunState.Succeeded, null)], await All(new(2, 10)));

        async Task<List<LogEvent>> All(LogPosition from) =>
            await logs.Follow(run.Id, from, Cancel).Select(happened => happened is LogEvent.Text text ? text with { Bytes = none } : happened)
                .ToListAsync(Cancel);
    }

    [Fact]
    public async Task MissingSegment_IsNamed_AndTheRestIsRead()
    {
        var run = Run(state: RunState.Succeeded, attempts: Attempt(1, logs: new(2, 4)));
        await AppendLog(store, run, 1, 0, "one\n");
        await AppendLog(store, run, 1, 2, "two\nlost");
        await Save(run);
        Assert.Equal("one\ntwo\n", await Text(run, 0, long.MaxValue));
        var extent = await logs.Measure(run, cancel: Cancel);
        Assert.Equal(8, extent.Length);
        Assert.EndsWith("logs/000001.log is missing", Assert.Single(extent.Problems), StringComparison.Ordinal);
        var said = Assert.Single((await logs.Follow(run.Id, new(0, 0), Cancel).ToListAsync(Cancel)).OfType<LogEvent.Incomplete>());
        Assert.Equal(extent.Problems[0], said.Problem);
    }

    [Fact]
    public async Task GapInTheLogOfALostAttempt_IsNamed_AndTheRestIsRead()
    {
        var run = Run(attempts: Attempt(1));
        await AppendLog(store, run, 1, 1, "two\n");
        Assert.Equal("two\n", await Text(run, 0, long.MaxValue));
        Assert.EndsWith("logs/000000.log is missing", Assert.Single((await logs.Measure(run, cancel: Cancel)).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Follow_OfADeletedRun_Ends()
    {
        var run = Run(attempts: Attempt(1));
        await Save(run);
        await using var events = logs.Follow(run.Id, new(0, 0), Cancel).GetAsyncEnumerator(Cancel);
        var next = events.MoveNextAsync();
        await store.Delete(WorkspacePaths.Run(run.Id), cancel: Cancel);
        Assert.False(await next);
    }

    private Task Save(RunRecord run) => store.PutJson(WorkspacePaths.Run(run.Id), run, cancel: Cancel);

    private static async Task<LogEvent> Next(IAsyncEnumerator<LogEvent> events)
    {
        Assert.True(await events.MoveNextAsync());
        return events.Current;
    }

    private static (string Text, string After) TextOf(LogEvent happened) =>
        Assert.IsType<LogEvent.Text>(happened) is var text ? (Encoding.UTF8.GetString(text.Bytes), text.After.ToString()) : default;

    private async Task<string> Text(RunRecord run, long from, long to, int? attempt = null)
    {
        var text = new StringBuilder();
        await foreach (var bytes in logs.Read(run, from, to, attempt, Cancel)) text.Append(Encoding.UTF8.GetString(bytes));
        return text.ToString();
    }
}
