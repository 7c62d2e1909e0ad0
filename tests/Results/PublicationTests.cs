using Serverless.Core.Results;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;
using static Serverless.Tests.Results.SampleRuns;

namespace Serverless.Tests.Results;

public sealed class PublicationTests
{
    private const string Earlier = "00000000000000000000000009", Later = "00000000000000000000000001";

    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SucceededRun_PublishesItsData()
    {
        await Finish(Earlier, "weights of the earlier");
        Assert.Equal(1, await new Publication(store).Publish(Earlier, Cancel));
        Assert.Equal("weights of the earlier", await Published());
    }

    [Fact]
    public async Task EventDeliveredAgain_UndoesNobodysChange()
    {
        await Finish(Earlier, "weights");
        await new Publication(store).Publish(Earlier, Cancel);
        var key = WorkspacePaths.Data + "out/weights.bin";
        var metadata = (await store.Head(key, Cancel)).Value!.Metadata;
        await store.Put(key, "edited"u8, metadata: metadata, cancel: Cancel);
        Assert.Equal(0, await new Publication(store).Publish(Earlier, Cancel));
        Assert.Equal("edited", await Published());
    }

    [Theory]
    [InlineData(Earlier, Later)]
    [InlineData(Later, Earlier)]
    public async Task OfTwoRuns_TheLaterSubmittedStays(string first, string second)
    {
        await Finish(Earlier, "earlier");
        await Finish(Later, "later");
        await new Publication(store).Publish(first, Cancel);
        await new Publication(store).Publish(second, Cancel);
        Assert.Equal("later", await Published());
    }

    [Theory]
    [InlineData(RunState.Failed)]
    [InlineData(RunState.Cancelled)]
    [InlineData(RunState.Running)]
    public async Task RunThatDidNotSucceed_PublishesNothing(RunState state)
    {
        await Finish(Earlier, "weights", state);
        Assert.Equal(0, await new Publication(store).Publish(Earlier, Cancel));
        Assert.Empty(store.PeekAll(WorkspacePaths.Data));
    }

    [Fact]
    public async Task DeletedRun_PublishesNothing() => Assert.Equal(0, await new Publication(store).Publish(Earlier, Cancel));

    [Fact]
    public async Task PathThatLeadsOut_IsRefused()
    {
        await Finish(Earlier, "weights", path: "../runs/forged.json");
        await Assert.ThrowsAsync<ArgumentException>(() => new Publication(store).Publish(Earlier, Cancel));
    }

    private async Task<string> Published() => System.Text.Encoding.UTF8.GetString((await store.Get(WorkspacePaths.Data + "out/weights.bin", cancel: Cancel))!.Body);

    private async Task Finish(string id, string content, RunState state = RunState.Succeeded, string path = "out/weights.bin")
    {
        var key = WorkspacePaths.PublishedFile(id, 1, "out/weights.bin");
        await store.Put(key, System.Text.Encoding.UTF8.GetBytes(content), cancel: Cancel);
        var manifest = WorkspacePaths.OutputManifest(id, 1);
        await store.PutJson(manifest, new OutputManifest([], [new(path, key, content.Length, "")]), cancel: Cancel);
        await store.PutJson(WorkspacePaths.Run(id), Run(id, state, Attempt(1)) with { Outputs = manifest }, cancel: Cancel);
    }
}
