using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Serverless.Tests.Runs;

namespace Serverless.Tests.Client;

/// <summary>What failed for a moment is sent again when that does no harm, and only then.</summary>
public sealed class RetryTests
{
    private static readonly Experiment Some = new() { Project = "p", Name = "e", Code = new("0123"), Command = "true" };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task Reading_WhileTheServerCannotAnswer_IsTriedAgain(int status)
    {
        await using var server = await ScriptedServer.Start((context, n) => n < 3 ? Status(context, status) : Json(context, """{"triggers":[]}"""));
        using var client = server.Client();

        Assert.Empty((await client.GetTriggers(Cancel)).Triggers);
        Assert.Equal(3, server.Requests.Count);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(409)]
    [InlineData(500)]
    [InlineData(501)]
    [InlineData(507)]
    public async Task Reading_WhatWillNotChange_IsAskedOnce(int status)
    {
        await using var server = await ScriptedServer.Start((context, _) => Status(context, status));
        using var client = server.Client();

        Assert.Equal((HttpStatusCode)status, (await Assert.ThrowsAsync<ApiException>(() => client.GetMachines(Cancel))).Status);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Reading_WhenTheConnectionBreaksBeforeAndInTheMiddleOfTheAnswer_IsTriedAgain()
    {
        await using var server = await ScriptedServer.Start(async (context, n) =>
        {
            if (n == 1) context.Abort();
            else if (n == 2) await Parts.Cut(context, """{"triggers":""");
            else await Json(context, """{"triggers":[]}""");
        });
        using var client = server.Client();

        Assert.Empty((await client.GetTriggers(Cancel)).Triggers);
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task ASubmission_WhoseAnswerWasLost_IsSentAgainAsTheSame()
    {
        await using var server = await ScriptedServer.Start(async (context, n) =>
        {
            if (n == 1) context.Abort();
            else await Json(context, """{"project":"p","experiment":"e","version":1,"runs":[]}""");
        });
        using var client = server.Client();

        await client.Submit(Some, Cancel);
        await client.Submit(Some, Cancel);

        var keys = server.Requests.Select(one => one["Idempotency-Key"]).ToList();
        Assert.Equal(3, keys.Count);
        Assert.True(keys[0] is { Length: > 20 } && keys[0] == keys[1] && keys[1] != keys[2]);
        Assert.Equal(server.Requests[0].Body, server.Requests[1].Body);
    }

    [Fact]
    public async Task WhatWouldBeDoneTwice_IsSentOnce()
    {
        await using var server = await ScriptedServer.Start((context, _) => Status(context, 503));
        using var client = server.Client();

        foreach (var call in (Func<Task>[])[
            () => client.CreateReport(new(["r"]), Cancel), () => client.AddKey(new("ada"), Cancel), () => client.Redeliver("w", "1", Cancel),
            () => client.ReplayTrigger("t", "f", false, Cancel)])
        {
            Assert.Equal(ApiFault.Unavailable, (await Assert.ThrowsAsync<ApiException>(call)).Fault);
        }

        Assert.Equal(4, server.Requests.Count);
    }

    [Fact]
    public async Task ADeletion_WhoseAnswerWasLost_WasDone()
    {
        await using var server = await ScriptedServer.Start(async (context, n) =>
        {
            if (n == 1) context.Abort();
            else await Status(context, 404);
        });
        using var client = server.Client();

        await client.DeleteTrigger("t", Cancel);
        Assert.Equal(ApiFault.NotFound, (await Assert.ThrowsAsync<ApiException>(() => client.DeleteTrigger("t", Cancel))).Fault);
    }

    [Fact]
    public async Task RetryAfter_SaysHowLongIsWaited()
    {
        await using var server = await ScriptedServer.Start(
            (context, n) => n == 1 ? Status(context, 503, "7") : Json(context, """{"triggers":[]}"""));
        var time = new InstantTime();
        using var client = server.Client(time: time);

        await client.GetTriggers(Cancel);
        Assert.Equal([TimeSpan.FromSeconds(7)], time.Waits);
    }

    [Fact]
    public async Task RetryAfter_BeyondAllPatience_IsForTheCallerToWait()
    {
        await using var server = await ScriptedServer.Start((context, _) => Status(context, 503, "3600"));
        using var client = server.Client();

        Assert.Equal(TimeSpan.FromHours(1), (await Assert.ThrowsAsync<ApiException>(() => client.GetTriggers(Cancel))).RetryAfter);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Waits_GrowWithJitter_AndTriesEnd()
    {
        await using var server = await ScriptedServer.Start((context, _) => Status(context, 503));
        var time = new InstantTime();
        using var client = server.Client(time: time, retry: new()
        {
            MaxRetries = 6,
            Delay = TimeSpan.FromSeconds(1),
            MaxDelay = TimeSpan.FromSeconds(20),
        });

        await Assert.ThrowsAsync<ApiException>(() => client.GetTriggers(Cancel));

        Assert.Equal((7, 6), (server.Requests.Count, time.Waits.Count));
        Assert.All(time.Waits, wait => Assert.InRange(wait, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(20)));
        Assert.True(time.Waits.Last() > time.Waits.First());
        Assert.NotEqual(TimeSpan.FromSeconds(1), time.Waits.First());
    }

    [Fact]
    public async Task AnUpload_ThatBreaks_IsSentAgainFromItsBeginning_AndSaysHowFarItIs()
    {
        await using var server = await ScriptedServer.Start(async (context, n) =>
        {
            if (n == 1) context.Abort();
            else await Status(context, 201);
        });
        using var client = server.Client();
        var told = new Told();

        await client.PutFile("data/a.txt", 5, () => new MemoryStream("hello"u8.ToArray()), told, Cancel);

        Assert.Equal(["hello", "hello"], server.Requests.Select(one => one.Body));
        Assert.All(told.All, bytes => Assert.InRange(bytes, 0, 5));
        Assert.Equal(5, told.All[^1]);
    }

    [Fact]
    public async Task EverythingThatIsWrong_IsInTheException()
    {
        await using var server = await ScriptedServer.Start(async (context, _) =>
        {
            context.Response.StatusCode = 400;
            context.Response.ContentType = "application/problem+json";
            await context.Response.WriteAsync(
                """{"title":"Invalid experiment","status":400,"detail":"2 problems","problems":[{"path":"params.lr","message":"no number"},{"path":"name","message":"is empty"}]}""");
        });
        using var client = server.Client();

        var refused = await Assert.ThrowsAsync<ApiException>(() => client.Submit(Some, Cancel));
        Assert.Equal((ApiFault.Refused, "2 problems"), (refused.Fault, refused.Message));
        Assert.Equal(["params.lr: no number", "name: is empty"], refused.Problems.Select(one => one.ToString()));
    }

    [Theory]
    [InlineData("list", "[1,", "application/json", 200)]
    [InlineData("list", " ", "application/problem+json", 400)]
    [InlineData("doctor", "x", "application/x-ndjson", 200)]
    [InlineData("log", "data: x\n", "text/event-stream", 200)]
    [InlineData("metrics", "x", "text/csv", 200)]
    public async Task AnAnswerWithoutAnEnd_IsGivenUp_AndNotKeptInMemory(string what, string repeated, string type, int status)
    {
        await using var server = await ScriptedServer.Start(async (context, _) =>
        {
            (context.Response.StatusCode, context.Response.ContentType) = (status, type);
            var much = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(repeated, 1 << 18)));
            while (!context.RequestAborted.IsCancellationRequested) await context.Response.Body.WriteAsync(much, context.RequestAborted);
        });
        using var client = server.Client();
        var refused = await Assert.ThrowsAsync<ApiException>(async () =>
        {
            if (what == "list") await client.ListRuns(new(), Cancel);
            else if (what == "doctor") await foreach (var _ in client.Examine(Cancel)) { }
            else if (what == "log") await foreach (var _ in client.FollowLogs("0123456789ABCDEFGHJKMNPQRS", cancel: Cancel)) { }
            else await foreach (var _ in client.ReadMetrics("0123456789ABCDEFGHJKMNPQRS")) { }
        });
        Assert.Equal(status == 200 ? ApiFault.NotThePlatform : ApiFault.Refused, refused.Fault);
    }

    private static Task Status(HttpContext context, int status, string? retryAfter = null)
    {
        context.Response.StatusCode = status;
        if (retryAfter is not null) context.Response.Headers.RetryAfter = retryAfter;
        return Task.CompletedTask;
    }

    private static Task Json(HttpContext context, string body)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(body);
    }

    private sealed class Told : IProgress<long>
    {
        public List<long> All { get; } = [];

        public void Report(long value) => All.Add(value);
    }
}
