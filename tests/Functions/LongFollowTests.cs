using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>A platform that ends requests, as the cloud does: nothing of a log is lost or doubled by it.</summary>
public sealed class LongFollowTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ALog_IsFollowedThroughRequestsThatEnd_EachLineOnce()
    {
        using var folder = new TemporaryFolder();
        await using var host = await EmbeddedHost.Start(
            new() { DataFolder = folder.Path, Limits = new() { FollowFor = TimeSpan.FromMilliseconds(500) } }, Cancel);
        using var client = new HttpClient { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim());
        var store = new LocalWorkspaces(folder.Path, TimeProvider.System).Open(LocalWorkspaces.Default);
        var runs = new RunStore(store);
        var id = new SystemIds(TimeProvider.System).NewestFirst();
        Assert.True(await runs.Create(Some.Run(id), Cancel));
        var run = (await runs.Apply(id, new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel)).Run!;

        var (text, last, requests) = ("", (string?)null, 0);
        await Eventually.True(
            async () =>
            {
                if (requests < 4) await SampleRuns.AppendLog(store, run, 1, 0, $"line {requests}\n");
                requests++;
                await Follow();
                return text.Contains("line 3\n", StringComparison.Ordinal) && requests > 5;
            },
            TimeSpan.FromSeconds(60),
            () => text);
        Assert.Equal("line 0\nline 1\nline 2\nline 3\n", text);

        async Task Follow()
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"api/runs/{id}/logs?follow=true");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
            if (last is not null) request.Headers.Add("Last-Event-ID", last);
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
            await foreach (var happened in SseParser.Create(await answer.Content.ReadAsStreamAsync(Cancel)).EnumerateAsync(Cancel))
            {
                last = happened.EventId;
                text += JsonElement.Parse(happened.Data).GetProperty("text").GetString();
            }
        }
    }
}
