using System.Net;
using System.Net.Http.Headers;
using Serverless.Core.Runs;
using Serverless.Tests.Results;

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
            return ((await reader.ReadLineAsync(Cancel))!["id: ".Length..], (await reader.ReadLineAsync(Cancel))!["event: ".Length..], (await reader.ReadLineAsync(Cancel))!["data: ".Length..]);
        }
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
