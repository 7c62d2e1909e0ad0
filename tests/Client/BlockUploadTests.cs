using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Serverless.Cloud;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Client;

/// <summary>Large files on their way into Blob storage.</summary>
public sealed class BlockUploadTests(Azurite azurite)
{
    private const int Length = 70 * 1024 * 1024;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ALargeFile_WhoseConnectionBreaksAtEveryBlock_ArrivesWhole_AndIsReadOnce()
    {
        var store = CloudConnections.Workspaces(await azurite.ConnectionString(Cancel)).Open("blocks");
        var link = await ((IDirectTransfer)store).LinkToWrite("data/large.bin", TimeSpan.FromHours(1), Cancel);
        await using var server = await Api(link.Url);
        var content = RandomNumberGenerator.GetBytes(Length);
        var (opened, told) = (0, new Told());
        using var client = new ServerlessClient(new ServerlessClientOptions
        {
            Address = server.Address, Key = _ => new("secret"), Time = new InstantTime(), Patience = Timeout.InfiniteTimeSpan,
            Handler = new BreaksEachOnce(server.Address.Authority),
        });

        await client.PutFile("data/large.bin", Length, () =>
        {
            opened++;
            return new MemoryStream(content);
        }, told, Cancel);

        Assert.Equal(1, opened);
        Assert.Equal(Length, told.All.Max());
        var arrived = await store.Get("data/large.bin", cancel: Cancel);
        Assert.True(arrived!.Body.AsSpan().SequenceEqual(content));
    }

    [Fact]
    public async Task ALinkThatOpensNothing_IsSaid_AndNothingIsThere()
    {
        var store = CloudConnections.Workspaces(await azurite.ConnectionString(Cancel)).Open("blocks");
        var link = await ((IDirectTransfer)store).LinkToWrite("data/refused.bin", TimeSpan.FromHours(1), Cancel);
        await using var server = await Api(new(link.Url.AbsoluteUri.Replace("refused.bin", "other.bin", StringComparison.Ordinal)));
        using var client = server.Client();

        var refused = await Assert.ThrowsAsync<ApiException>(
            () => client.PutFile("data/refused.bin", Length, () => new MemoryStream(new byte[Length]), cancel: Cancel));
        Assert.Contains("refused the link", refused.Message, StringComparison.Ordinal);
        Assert.Null((await store.Head("data/other.bin", Cancel)).Value);
    }

    private static Task<ScriptedServer> Api(Uri link) => ScriptedServer.Start((context, _) =>
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync($$"""{"method":"PUT","url":"{{link.AbsoluteUri}}","headers":{},"direct":true}""");
    });

    /// <summary>The first time that something is sent to the store, its connection breaks.</summary>
    private sealed class BreaksEachOnce(string api) : DelegatingHandler(new SocketsHttpHandler())
    {
        private readonly ConcurrentDictionary<string, bool> broken = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.Authority == api) return await base.SendAsync(request, cancellationToken);
            Assert.Null(request.Headers.Authorization);
            return broken.TryAdd(request.RequestUri.Query, true)
                ? throw new HttpRequestException("broken")
                : await base.SendAsync(request, cancellationToken);
        }
    }

    private sealed class Told : IProgress<long>
    {
        public ConcurrentQueue<long> All { get; } = [];

        public void Report(long value) => All.Enqueue(value);
    }
}
