using Serverless.Tests.Support;

namespace Serverless.Tests.Client;

/// <summary>Who gets the key.</summary>
public sealed class KeyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheKey_IsAskedForBeforeEveryTry_AndSentNoMoreOnceItIsWithheld()
    {
        await using var server = await ScriptedServer.Start((context, _) =>
        {
            context.Abort();
            return Task.CompletedTask;
        });
        var asked = 0;
        using var client = new ServerlessClient(new ServerlessClientOptions
        {
            Address = server.Address, Time = new InstantTime(), Patience = Timeout.InfiniteTimeSpan,
            Key = _ => ++asked < 3 ? new($"key-{asked}") : throw new ApiException(ApiFault.Unreachable, "it is another one by now"),
        });

        var failed = await Assert.ThrowsAsync<ApiException>(() => client.GetTriggers(Cancel));

        Assert.Equal("it is another one by now", failed.Message);
        Assert.Equal(["Bearer key-1", "Bearer key-2"], server.Requests.Select(one => one["Authorization"]));
    }

    [Fact]
    public async Task ARedirectionElsewhere_IsFollowedWithoutTheKey_AndSoIsTheRestAfterABreak()
    {
        var content = Enumerable.Range(0, 100_000).Select(i => (byte)i).ToArray();
        await using var store = await ScriptedServer.Start((context, n) => Parts.Answer(context, content, cutAt: n == 1 ? 30_000 : null));
        await using var server = await ScriptedServer.Start((context, _) =>
        {
            context.Response.StatusCode = 307;
            context.Response.Headers.Location = $"{store.Address}signed?sig=1";
            return Task.CompletedTask;
        });
        using var client = server.Client(key: "secret");

        await using var body = await client.OpenFile("data/large.bin", long.MaxValue, Cancel);
        Assert.Equal(content, await Parts.All(body, Cancel));

        Assert.All(server.Requests, one => Assert.Equal("Bearer secret", one["Authorization"]));
        Assert.Equal(2, store.Requests.Count);
        Assert.All(store.Requests, one => Assert.Null(one["Authorization"]));
    }

    [Fact]
    public async Task WhetherAPlatformIsThere_IsAskedWithoutTheKey()
    {
        var probed = new TaskCompletionSource();
        await using var server = await ScriptedServer.Start(async (context, _) =>
        {
            if (context.Request.Path == "/api/health")
            {
                probed.TrySetResult();
                return;
            }

            await probed.Task.WaitAsync(context.RequestAborted);
            context.Response.ContentType = "application/json";
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, """{"triggers":[]}""");
        });
        using var client = new ServerlessClient(new ServerlessClientOptions
        {
            Address = server.Address,
            Key = _ => new("secret"),
            Patience = TimeSpan.FromMilliseconds(50),
        });

        await client.GetTriggers(Cancel);
        Assert.NotEmpty(server.Probes);
        Assert.All(server.Probes, one => Assert.Null(one["Authorization"]));
    }

    [Fact]
    public async Task APlatformThatAnswersNothing_IsNoticed_AndNotAskedAgain()
    {
        await using var server = await ScriptedServer.Start(
            (context, _) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted));
        var waiting = 0;
        using var client = new ServerlessClient(new ServerlessClientOptions
        {
            Address = server.Address,
            Patience = TimeSpan.FromMilliseconds(50),
            Waiting = () => waiting++,
        });

        Assert.Equal(ApiFault.Silent, (await Assert.ThrowsAsync<ApiException>(() => client.GetTriggers(Cancel))).Fault);
        Assert.Equal(1, waiting);
        Assert.Single(server.Requests);
    }
}
