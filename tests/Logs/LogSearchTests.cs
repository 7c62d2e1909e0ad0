using System.Text;
using Serverless.Core.Logs;
using Serverless.Core.Runs;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Logs;

public sealed class LogSearchTests
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("nan", "2:9:step 2 loss=nan 5:40:NaN again")]
    [InlineData("NaN", "5:40:NaN again")]
    [InlineData("step", "1:0:step one 2:9:step 2 loss=nan 4:26:no step here")]
    [InlineData("größe", "6:50:die Größe")]
    [InlineData("Größe", "6:50:die Größe")]
    [InlineData("\n", "")]
    [InlineData("absent", "")]
    public async Task LinesThatHaveAText_AreFound_WithTheirNumbersAndPlaces(string text, string expected)
    {
        var run = await Logged("step one\nstep 2 loss=nan\n\nno step here\r\nNaN again\ndie Größe");
        Assert.Equal(expected, await Found(run, text, most: 100));
        Assert.Equal(expected, await Found(run, text, most: 1));
    }

    /// <summary>Wherever the pieces of a log end, and however long a line is.</summary>
    [Fact]
    public void WhereverPiecesEnd_ALineIsFoundOnce()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var lines = Enumerable.Range(0, random.Next(1, 12)).Select(_ =>
            {
                var line = new string('x', random.Next(4) == 0 ? random.Next(150_000) : random.Next(40));
                return random.Next(2) == 0 ? line : line.Insert(random.Next(line.Length + 1), "needle");
            }).ToList();
            var (search, found) = (new LogSearch("needle", 7), new List<LogMatch>());
            var bytes = Encoding.UTF8.GetBytes(string.Join('\n', lines));
            for (var at = 0; at < bytes.Length;)
            {
                var length = Math.Min(bytes.Length - at, random.Next(1, random.Next(2) == 0 ? 100 : 70_000));
                Assert.True(search.Add(bytes.AsSpan(at, length), Take));
                at += length;
            }

            search.End(Take);
            var expected = lines.Index().Where(line => line.Item.Contains("needle", StringComparison.Ordinal)).Select(line => line.Index + 1L).ToList();
            Assert.True(expected.SequenceEqual(found.Select(match => match.Line)), $"seed {seed}, round {round}");
            Assert.All(found, match => Assert.Equal(7 + lines.Take((int)match.Line - 1).Sum(line => line.Length + 1), match.Offset));
            Assert.All(found, match => Assert.True(match.Text.Length <= 2000 && match.Text.Contains("needle", StringComparison.Ordinal)));

            bool Take(LogMatch match)
            {
                found.Add(match);
                return true;
            }
        }
    }

    private async Task<RunRecord> Logged(string text)
    {
        var run = Run(attempts: Attempt(1));
        await AppendLog(store, run, 1, 0, text[..10]);
        await AppendLog(store, run, 1, 1, text[10..]);
        return run;
    }

    private async Task<string> Found(RunRecord run, string text, int most)
    {
        var (all, lines) = (new List<string>(), 0L);
        for (long? offset = 0; offset is { } from;)
        {
            var page = await new LogReader(store, TimeProvider.System).Search(run, text, from, most, Cancel);
            Assert.True(page.Matches.Count <= most);
            all.AddRange(page.Matches.Select(match => $"{lines + match.Line}:{match.Offset}:{match.Text}"));
            lines += page.Matches.Count > 0 ? page.Matches[^1].Line : 0;
            offset = page.Next;
        }

        return string.Join(' ', all);
    }
}
