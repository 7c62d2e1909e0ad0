using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

public sealed class LogApiTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "one\ntwo\n", "0")]
    [InlineData("?offset=4", "two\n", "4")]
    [InlineData("?offset=-4", "two\n", "4")]
    [InlineData("?offset=99", "", "8")]
    [InlineData("?tail=1", "two\n", "4")]
    [InlineData("?tail=0", "", "8")]
    [InlineData("?tail=2", "one\ntwo\n", "0")]
    public async Task Log_ComesFromAnOffset_AndSaysWhereToGoOn(string query, string expected, string offset)
    {
        var run = await Claimed();
        await SampleRuns.AppendLog(platform.Store, run, 1, 0, "one\n");
        await SampleRuns.AppendLog(platform.Store, run, 1, 1, "two\n");
        using var answer = await platform.Reader.GetAsync($"api/runs/{run.Id}/logs{query}", Cancel);
        Assert.Equal(expected, await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(offset, answer.Headers.GetValues("Log-Offset").Single());
        Assert.Equal("8", answer.Headers.GetValues("Log-Next-Offset").Single());
    }

    [Fact]
    public async Task FollowedTail_BeginsWithTheLastLines()
    {
        var run = await Claimed();
        await SampleRuns.AppendLog(platform.Store, run, 1, 0, "one\ntwo\n");
        await platform.Apply(run.Id, new RunEvent.Finish(1, new(Cause.Completed, Logs: new(0, 8))));
        Assert.Equal("two\n", await platform.Reader.GetStringAsync($"api/runs/{run.Id}/logs?follow=true&tail=1", Cancel));
    }

    [Theory]
    [InlineData("tail=1&offset=3", "leave out one of them")]
    [InlineData("tail=100001", "from 0 to 100000")]
    [InlineData("tail=-1", "from 0 to 100000")]
    public async Task ATailThatCannotBe_IsRefused(string query, string said)
    {
        using var answer = await platform.Reader.GetAsync($"api/runs/{(await Claimed()).Id}/logs?{query}", Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(said, await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task FollowedText_EndsWithTheRun()
    {
        var run = await Claimed();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"api/runs/{run.Id}/logs?follow=true");
        using var answer = await platform.Reader.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Cancel));
        await SampleRuns.AppendLog(platform.Store, run, 1, 0, "first\n");
        Assert.Equal("first", await reader.ReadLineAsync(Cancel));
        await SampleRuns.AppendLog(platform.Store, run, 1, 0, "second\n");
        Assert.Equal("second", await reader.ReadLineAsync(Cancel));
        await platform.Apply(run.Id, new RunEvent.Finish(1, new(Cause.Completed, Logs: new(0, 13))));
        Assert.Null(await reader.ReadLineAsync(Cancel));
    }

    [Fact]
    public async Task FollowedEvents_AreResumedAfterTheLastOne()
    {
        var run = await Claimed();
        await SampleRuns.AppendLog(platform.Store, run, 1, 0, "größe\r\n");
        var (id, name, data) = await Event();
        Assert.Equal(("1-9", "log", """{"text":"gr\u00F6\u00DFe\r\n"}"""), (id, name, data));
        await SampleRuns.AppendLog(platform.Store, run, 1, 0, "more");
        (id, name, data) = await Event(id);
        Assert.Equal(("1-13", "log", """{"text":"more"}"""), (id, name, data));
        await platform.Apply(run.Id, new RunEvent.Finish(1, new(Cause.UserCode, "it threw", Logs: new(0, 13))));
        Assert.Equal(("1-13", "end", """{"state":"failed","cause":"user-code"}"""), await Event(id));

        async Task<(string Id, string Name, string Data)> Event(string? last = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"api/runs/{run.Id}/logs?follow=true");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
            if (last is not null) request.Headers.Add("Last-Event-ID", last);
            using var answer = await platform.Reader.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
            Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Cancel));
            return ((await reader.ReadLineAsync(Cancel))!["id: ".Length..], (await reader.ReadLineAsync(Cancel))!["event: ".Length..],
                (await reader.ReadLineAsync(Cancel))!["data: ".Length..]);
        }
    }

    /// <summary>Characters of one to four bytes, and bytes that are none; cut in two at every byte.</summary>
    [Fact]
    public async Task FollowedEvents_NeverCutACharacter_WhereverTheLogIsWrittenInTwo()
    {
        byte[] log = [.. "x é€😀"u8, 0xE2, 0x82, .. "|"u8, 0xFF, 0x80, .. "y😀"u8];
        var text = Encoding.UTF8.GetString(log);
        for (var cut = 1; cut < log.Length; cut++)
        {
            var run = await Claimed();
            var key = WorkspacePaths.LogSegment(run.Id, 1, 0);
            Assert.True((await platform.Store.Append(key, 0, log.AsMemory(0, cut), Cancel)).Appended);
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"api/runs/{run.Id}/logs?follow=true") { Headers = { Accept = { new("text/event-stream") } } };
            using var answer = await platform.Reader.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
            await using var events = SseParser.Create(await answer.Content.ReadAsStreamAsync(Cancel)).EnumerateAsync(Cancel)
                .GetAsyncEnumerator(Cancel);
            Assert.True(await events.MoveNextAsync());
            var (seen, id) = (Text(events.Current), Position(events.Current));

            // What came is a beginning of the whole, and the id stands right behind it: whoever resumes there misses nothing and gets nothing twice.
            Assert.StartsWith(seen, text, StringComparison.Ordinal);
            Assert.InRange(id, Math.Max(1, cut - 3), cut);
            Assert.Equal(seen, Encoding.UTF8.GetString(log, 0, id));

            Assert.True((await platform.Store.Append(key, cut, log.AsMemory(cut), Cancel)).Appended);
            await platform.Apply(run.Id, new RunEvent.Finish(1, new(Cause.Completed, Logs: new(0, log.Length))));
            while (await events.MoveNextAsync() && events.Current.EventType == "log")
            {
                seen += Text(events.Current);
                Assert.Equal(seen, Encoding.UTF8.GetString(log, 0, Position(events.Current)));
            }

            Assert.Equal(("end", text), (events.Current.EventType, seen));
        }

        static string Text(SseItem<string> happened) => JsonDocument.Parse(happened.Data).RootElement.GetProperty("text").GetString()!;

        static int Position(SseItem<string> happened) => int.Parse(happened.EventId!.Split('-')[1], null);
    }

    [Fact]
    public async Task FollowedEvents_OfALogThatEndsInsideACharacter_ShowThatSomethingIsMissing()
    {
        var run = await Claimed();
        byte[] log = [.. "a"u8, .. "😀"u8[..3]];
        Assert.True((await platform.Store.Append(WorkspacePaths.LogSegment(run.Id, 1, 0), 0, log, Cancel)).Appended);
        await platform.Apply(run.Id, new RunEvent.Finish(1, new(Cause.Completed, Logs: new(0, log.Length))));
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"api/runs/{run.Id}/logs?follow=true") { Headers = { Accept = { new("text/event-stream") } } };
        using var answer = await platform.Reader.SendAsync(request, Cancel);
        var events = await SseParser.Create(await answer.Content.ReadAsStreamAsync(Cancel)).EnumerateAsync(Cancel).ToListAsync(Cancel);
        Assert.Equal(["log", "log", "end"], events.Select(happened => happened.EventType));
        Assert.Equal(["1-1", "1-4", "1-4"], events.Select(happened => happened.EventId));
        Assert.Equal("""{"text":"\uFFFD"}""", events[1].Data);
    }

    [Theory]
    [InlineData("?attempt=7", HttpStatusCode.NotFound)]
    [InlineData("?attempt=1&follow=true", HttpStatusCode.BadRequest)]
    [InlineData("?offset=x", HttpStatusCode.BadRequest)]
    [InlineData("?follow=maybe", HttpStatusCode.BadRequest)]
    public async Task QuestionThatMakesNoSense_IsAProblem(string query, HttpStatusCode status) =>
        await (await platform.Reader.GetAsync($"api/runs/{(await Claimed()).Id}/logs{query}", Cancel)).Problem(status);

    [Fact]
    public async Task LongLog_IsSentWhole()
    {
        var run = await Claimed();
        var part = new string('x', 1_000_000);
        for (var i = 0; i < 5; i++) await SampleRuns.AppendLog(platform.Store, run, 1, i, part);
        Assert.Equal(5_000_000, (await platform.Reader.GetByteArrayAsync($"api/runs/{run.Id}/logs", Cancel)).Length);
    }

    private async Task<RunRecord> Claimed() => await platform.Apply(await platform.Submit(), new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
}
