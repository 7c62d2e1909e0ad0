using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

public sealed class FollowedByARevokedKeyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FollowingALog_EndsWhenTheKeyIsRevoked()
    {
        using var folder = new TemporaryFolder();
        await using var host = await EmbeddedHost.Start(
            new() { DataFolder = folder.Path, Limits = new() { KeyCheck = TimeSpan.FromMilliseconds(50) } }, Cancel);
        using var admin = Client((await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim());
        using var made = await admin.PostAsJsonAsync("api/keys", new { name = "guest", role = Role.Reader }, CoreJson.Options, Cancel);
        var key = (await made.Content.ReadFromJsonAsync<ApiKeyInfo>(CoreJson.Options, Cancel))!;
        using var guest = Client(key.Key!);
        var store = new LocalWorkspaces(folder.Path, TimeProvider.System).Open(LocalWorkspaces.Default);
        var id = new SystemIds(TimeProvider.System).NewestFirst();
        await new RunStore(store).Create(Some.Run(id), Cancel);
        var run = (await new RunStore(store).Apply(id, new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel)).Run!;

        using var text = await Follow("text/plain");
        using var events = await Follow("text/event-stream");
        await SampleRuns.AppendLog(store, run, 1, 0, "before\n");
        await using var happened = SseParser.Create(await events.Content.ReadAsStreamAsync(Cancel)).EnumerateAsync(Cancel).GetAsyncEnumerator(Cancel);
        Assert.True(await happened.MoveNextAsync());
        Assert.Equal("log", happened.Current.EventType);
        using var lines = new StreamReader(await text.Content.ReadAsStreamAsync(Cancel));
        Assert.Equal("before", await lines.ReadLineAsync(Cancel));

        (await admin.DeleteAsync($"api/keys/{key.Id}", Cancel)).EnsureSuccessStatusCode();
        Assert.True(await happened.MoveNextAsync());
        Assert.Equal("revoked", happened.Current.EventType);
        Assert.False(await happened.MoveNextAsync());
        await Assert.ThrowsAnyAsync<IOException>(async () => await lines.ReadLineAsync(Cancel));

        async Task<HttpResponseMessage> Follow(string type)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"api/runs/{id}/logs?follow=true");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
            return await guest.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        }

        HttpClient Client(string secret) => new() { BaseAddress = host.Address, DefaultRequestHeaders = { Authorization = new("Bearer", secret) } };
    }
}
