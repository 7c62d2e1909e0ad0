using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Serverless.Tests.Support;

namespace Serverless.Tests.Client;

/// <summary>What comes in a stream goes on after a break, or says that it is not whole.</summary>
public sealed class ResumeTests
{
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(300_000);
    private static readonly OutputFile Artifact = new("weights.bin", "k", Content.Length, Convert.ToHexStringLower(SHA256.HashData(Content)));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AFile_WhoseConnectionBreaksAgainAndAgain_ComesWhole_EachByteOnce()
    {
        await using var server = await ScriptedServer.Start((context, n) => Parts.Answer(context, Content, cutAt: n < 6 ? 50_000 : null));
        using var client = server.Client();

        await using var body = await client.OpenFile("data/a.bin", Content.Length, Cancel);
        Assert.Equal(Content, await Parts.All(body, Cancel));
        Assert.Equal(6, server.Requests.Count);
        Assert.All(server.Requests.Skip(1), one => Assert.Equal("\"1\"", one["If-Match"]));
    }

    [Fact]
    public async Task AFile_ThatIsAnotherAfterTheBreak_IsNoMixtureOfBoth()
    {
        await using var server = await ScriptedServer.Start(
            (context, n) => Parts.Answer(context, Content, etag: $"\"{n}\"", cutAt: n == 1 ? 50_000 : null));
        using var client = server.Client();

        await using var body = await client.OpenFile("data/a.bin", Content.Length, Cancel);
        Assert.Equal(412, (int)(await Assert.ThrowsAsync<ApiException>(() => Parts.All(body, Cancel))).Status!);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnArtifact_GoesOnAfterABreak_WhetherOrNotPartsAreAnswered(bool ranges)
    {
        await using var server = await ScriptedServer.Start(
            (context, n) => Parts.Answer(context, Content, cutAt: n == 1 ? 100_000 : null, ranges: ranges));
        using var client = server.Client();
        using var folder = new TemporaryFolder();

        await Downloads.Save(stop => client.OpenArtifact("r", Artifact, stop), folder["got/weights.bin"], cancel: Cancel);
        Assert.Equal(Content, await File.ReadAllBytesAsync(folder["got/weights.bin"], Cancel));
    }

    [Fact]
    public async Task AnArtifact_ThatIsNotWhatTheRunLeft_IsNotSaved()
    {
        await using var server = await ScriptedServer.Start(
            (context, n) => Parts.Answer(context, [.. Content[..^1], (byte)~Content[^1]], cutAt: n == 1 ? 100_000 : null));
        using var client = server.Client();
        using var folder = new TemporaryFolder();

        await Assert.ThrowsAsync<ContentMismatchException>(
            () => Downloads.Save(stop => client.OpenArtifact("r", Artifact, stop), folder["weights.bin"], cancel: Cancel));
        Assert.Empty(Directory.EnumerateFiles(folder.Path));
    }

    [Fact]
    public async Task AConnectionThatBreaksWithoutAByte_IsGivenUp()
    {
        await using var server = await ScriptedServer.Start((context, n) => Parts.Answer(context, Content, cutAt: n == 1 ? 100 : 0));
        using var client = server.Client();

        await using var body = await client.OpenFile("data/a.bin", Content.Length, Cancel);
        Assert.True((await Assert.ThrowsAsync<ApiException>(() => Parts.All(body, Cancel))).IsTransient);
    }

    [Fact]
    public async Task ALog_GoesOnAfterItsLastEvent_WhenTheConnectionBreaksOrThePlatformIsAway()
    {
        await using var server = await ScriptedServer.Start(async (context, n) =>
        {
            if (n is 2 or 3)
            {
                context.Response.StatusCode = n == 2 ? 503 : 200;
                if (n == 3) context.Abort();
                return;
            }

            context.Response.ContentType = "text/event-stream";
            if (n == 1) await Parts.Cut(context, "id: 1-4\nevent: log\ndata: {\"text\":\"one\\n\"}\n\nid: 1-6\nevent: log\ndata: {\"te");
            else await context.Response.WriteAsync(
                "id: 2-4\nevent: rewind\ndata: {\"offset\":4}\n\nid: 2-9\nevent: log\ndata: {\"text\":\"two\\n\"}\n\nevent: problem\ndata: " +
                "{\"text\":\"a gap\"}\n\nid: 2-9\nevent: end\ndata: {\"state\":\"failed\",\"cause\":\"user-code\"}\n\n");
        });
        using var client = server.Client();

        var updates = new List<LogUpdate>();
        await foreach (var update in client.FollowLogs("r", cancel: Cancel)) updates.Add(update);

        Assert.Equal(
            [new LogUpdate.Printed("one\n"), new LogUpdate.Rewound(4), new LogUpdate.Printed("two\n"), new LogUpdate.Incomplete("a gap"),
                new LogUpdate.Ended(RunState.Failed, Cause.UserCode)],
            updates);
        Assert.Equal([null, "1-4", "1-4", "1-4"], server.Requests.Select(one => one["Last-Event-ID"]));
    }

    [Fact]
    public async Task ALog_ThatWasSilentForHours_GoesOnAfterABreak()
    {
        var time = new InstantTime();
        await using var server = await ScriptedServer.Start(async (context, n) =>
        {
            context.Response.ContentType = "text/event-stream";
            if (n == 1) await Parts.Cut(context, "id: 1-4\nevent: log\ndata: {\"text\":\"one\"}\n\n");
            else await context.Response.WriteAsync("id: 1-4\nevent: end\ndata: {\"state\":\"succeeded\"}\n\n");
        });
        using var client = server.Client(time: time);

        var updates = new List<LogUpdate>();
        await foreach (var update in client.FollowLogs("r", cancel: Cancel))
        {
            updates.Add(update);
            time.Pass(TimeSpan.FromHours(5));
        }

        Assert.Equal([new LogUpdate.Printed("one"), new LogUpdate.Ended(RunState.Succeeded, null)], updates);
    }

    [Fact]
    public async Task ALog_OfAPlatformThatStaysAway_EndsInAnError()
    {
        await using var server = await ScriptedServer.Start((context, _) =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        using var client = new ServerlessClient(new ServerlessClientOptions
        {
            Address = server.Address, Time = new InstantTime(), Patience = Timeout.InfiniteTimeSpan, FollowPatience = TimeSpan.FromMilliseconds(200),
        });

        Assert.Equal(ApiFault.Interrupted,
            (await Assert.ThrowsAsync<ApiException>(async () => await client.FollowLogs("r", cancel: Cancel).ToListAsync(Cancel))).Fault);
    }

    [Fact]
    public async Task ALog_IsNotFollowedOn_OnceTheKeyIsRevoked()
    {
        await using var server = await ScriptedServer.Start((context, _) =>
        {
            context.Response.ContentType = "text/event-stream";
            return context.Response.WriteAsync("event: revoked\ndata: {\"text\":\"the key was revoked\"}\n\n");
        });
        using var client = server.Client();

        Assert.Equal(ApiFault.Forbidden,
            (await Assert.ThrowsAsync<ApiException>(async () => await client.FollowLogs("r", cancel: Cancel).ToListAsync(Cancel))).Fault);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Metrics_AreReadPointByPoint_WhateverTheirNames()
    {
        const string Csv = "metric,step,value,time\nloss,1,0.5,2026-01-02T03:04:05.0000000+00:00\n\"a,\"\"b\"\"\nc " +
            "#\",2,NaN,2026-01-02T03:04:05.0000000+00:00\nloss,3,-Infinity,2026-01-02T03:04:06.0000000+00:00\n# segment 4 is missing\n";
        await using var server = await ScriptedServer.Start((context, _) => context.Response.WriteAsync(Csv));
        using var client = server.Client();
        var problems = new List<string>();

        var points = await client.ReadMetrics("r", [], Cancel, problems.Add).ToListAsync(Cancel);

        Assert.Equal([("loss", 1L, 0.5), ("a,\"b\"\nc #", 2, double.NaN), ("loss", 3, double.NegativeInfinity)],
            points.Select(point => (point.Name, point.Step, point.Value)));
        Assert.Equal(["segment 4 is missing"], problems);
    }
}
