using System.Text;
using Azure.Core.Pipeline;
using Azure.Storage;
using Azure.Storage.Blobs;
using Serverless.Cloud;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>Answers that are lost, and accounts that do not answer or say no.</summary>
public sealed class BlobFaultTests(Azurite azurite)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task APutIfAbsent_WhoseAnswerIsLost_IsRecognisedWhenItMeetsItself()
    {
        var (store, net) = await Open();
        net.LoseNextAnswerTo("PUT");
        var put = await store.Put("k", "body"u8, PutCondition.IfAbsent, new Dictionary<string, string> { ["n"] = "1" }, Cancel);
        Assert.Equal((PutOutcome.Stored, 1), (put.Outcome, net.Lost));
        var got = (await store.Get("k", cancel: Cancel))!;
        Assert.Equal(("body", put.Object!.ETag), (Encoding.UTF8.GetString(got.Body), got.Object.ETag));
        Assert.Equal([new("n", "1")], put.Object.Metadata);
        Assert.Equal([new("n", "1")], got.Object.Metadata);
    }

    [Fact]
    public async Task APutIfMatch_WhoseAnswerIsLost_IsRecognisedWhenItMeetsItself()
    {
        var (store, net) = await Open();
        var first = await store.Put("k", "one"u8, cancel: Cancel);
        net.LoseNextAnswerTo("PUT");
        var second = await store.Put("k", "two"u8, PutCondition.IfMatch(first.Object!.ETag), cancel: Cancel);
        Assert.Equal((PutOutcome.Stored, 1), (second.Outcome, net.Lost));
        Assert.Equal(second.Object!.ETag, (await store.Head("k", Cancel)).Value!.ETag);
    }

    [Fact]
    public async Task ACopy_WhoseAnswerIsLost_IsRecognisedWhenItMeetsItself()
    {
        var (store, net) = await Open();
        await store.Put("k", "one"u8, cancel: Cancel);
        net.LoseNextAnswerTo("PUT");
        Assert.Equal((PutOutcome.Stored, 1), ((await store.Copy("k", "copy", PutCondition.IfAbsent, Cancel)).Outcome, net.Lost));
    }

    [Fact]
    public async Task AnAppend_WhoseAnswerIsLost_IsDoneOnce()
    {
        var (store, net) = await Open();
        await store.Append("log", 0, "one"u8.ToArray(), Cancel);
        net.LoseNextAnswerTo("PUT");
        Assert.Equal(new AppendResult(true, 6), await store.Append("log", 3, "two"u8.ToArray(), Cancel));
        Assert.Equal(1, net.Lost);
        Assert.Equal("onetwo", Encoding.UTF8.GetString((await store.Get("log", cancel: Cancel))!.Body));
        Assert.Equal(new AppendResult(false, 6), await store.Append("log", 3, "two"u8.ToArray(), Cancel));
    }

    [Fact]
    public async Task AWrite_WhoseAnswerIsLost_AndWhichIsWrittenOver_IsNeitherStoredNorAConflict()
    {
        var (store, net) = await Open();
        var first = await store.Put("k", "one"u8, cancel: Cancel);
        await store.Append("log", 0, "one"u8.ToArray(), Cancel);
        net.LoseNextAnswerTo("PUT", meanwhile: () => store.Put("k", "three"u8, cancel: Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Put("k", "two"u8, PutCondition.IfMatch(first.Object!.ETag), cancel: Cancel));
        net.LoseNextAnswerTo("PUT", meanwhile: () => store.Append("log", 6, "three"u8.ToArray(), Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Append("log", 3, "two"u8.ToArray(), Cancel));
        Assert.Equal("three", Encoding.UTF8.GetString((await store.Get("k", cancel: Cancel))!.Body));
    }

    [Fact]
    public async Task WhatWasPut_TakesNoAppends()
    {
        var (store, _) = await Open();
        await store.Put("k", "one"u8, cancel: Cancel);
        await Assert.ThrowsAsync<ArgumentException>(() => store.Append("k", 3, "two"u8.ToArray(), Cancel));
    }

    [Fact]
    public async Task AnAccountThatDoesNotAnswer_IsUnavailable()
    {
        var options = BlobClients.Options();
        options.Retry.MaxRetries = 1;
        options.Retry.Delay = TimeSpan.FromMilliseconds(1);

        // Nobody listens at port 1.
        await IsUnavailable(
            new(new Uri("http://127.0.0.1:1/account/container"), new StorageSharedKeyCredential("account", "a2V5"), options), "127.0.0.1:1");
    }

    [Fact]
    public async Task AnAccountThatSaysNo_IsUnavailable_AndTheMessageSaysWhatIsMissing()
    {
        var right = await azurite.NewContainer(Cancel);
        await IsUnavailable(
            new(right.Uri, new StorageSharedKeyCredential(right.AccountName, "a2V5"), BlobClients.Options()), "Storage Blob Data Contributor");
    }

    [Fact]
    public async Task AContainerThatWasTakenAway_IsUnavailable_NotEmpty()
    {
        var container = await azurite.NewContainer(Cancel);
        IObjectStore store = new BlobObjectStore(container);
        Assert.Null((await store.Head("k", Cancel)).Value);
        await store.Put("k", "x"u8, cancel: Cancel);
        await container.DeleteAsync(cancellationToken: Cancel);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Head("k", Cancel));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await store.List("", cancel: Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task Workspaces_AreContainers()
    {
        var workspaces = new BlobWorkspaces(await azurite.Client(Cancel));
        await workspaces.Open("team-1").Put("k", "one"u8, cancel: Cancel);
        await workspaces.Platform.Put("other/k.json", "{}"u8, cancel: Cancel);
        Assert.Equal(["k"], await workspaces.Open("team-1").List("", cancel: Cancel).Select(found => found.Key).ToListAsync(Cancel));
        Assert.Null((await workspaces.Open("team-2").Head("k", Cancel)).Value);
        Assert.Throws<ArgumentException>(() => workspaces.Open("platform"));
    }

    private static async Task IsUnavailable(BlobContainerClient container, string says)
    {
        IObjectStore store = new BlobObjectStore(container);
        Func<Task>[] calls =
        [
            () => store.Head("k", Cancel),
            () => store.Open("k", cancel: Cancel),
            () => store.Put("k", "x"u8, PutCondition.IfAbsent, cancel: Cancel),
            () => store.Append("k", 0, "x"u8.ToArray(), Cancel),
            () => store.Delete("k", cancel: Cancel),
            () => store.Copy("k", "l", cancel: Cancel),
            async () => await store.List("", cancel: Cancel).ToListAsync(Cancel),
        ];
        foreach (var call in calls)
        {
            Assert.Contains(says, (await Assert.ThrowsAsync<StoreUnavailableException>(call)).Message, StringComparison.Ordinal);
        }
    }

    private async Task<(IObjectStore Store, LossyNet Net)> Open()
    {
        var net = new LossyNet();
        var options = BlobClients.Options();
        options.Transport = new HttpClientTransport(net);
        IObjectStore store = new BlobObjectStore(await azurite.NewContainer(Cancel, options));
        await store.Put("first", "the container is there"u8, cancel: Cancel);
        return (store, net);
    }

    /// <summary>Delivers every request, and loses answers.</summary>
    private sealed class LossyNet() : DelegatingHandler(new SocketsHttpHandler())
    {
        private HttpMethod? losing;
        private Func<Task>? meanwhile;

        public int Lost { get; private set; }

        public void LoseNextAnswerTo(string method, Func<Task>? meanwhile = null)
        {
            this.meanwhile = meanwhile;
            losing = new(method);
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            if (request.Method != losing) return answer;
            losing = null;
            Lost++;
            answer.Dispose();
            if (meanwhile is not null) await meanwhile();
            throw new HttpRequestException("the answer was lost");
        }
    }
}
