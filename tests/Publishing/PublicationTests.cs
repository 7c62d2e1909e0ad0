using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Publishing;

public sealed class PublicationTests
{
    private const string Earlier = "00000000000000000000000009", Later = "00000000000000000000000001";

    private const string Target = WorkspacePaths.Data + "out/weights.bin";

    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SucceededRun_PublishesItsData()
    {
        await Finish(Earlier, "weights of the earlier");
        Assert.Null(Assert.Single((await Publish(Earlier))!.Files).Why);
        Assert.Equal("weights of the earlier", await Published());
        Assert.Null((await new RunStore(store).Load(Earlier, Cancel))!.Run.Unpublished);
    }

    /// <summary>
    /// A person changes the file on the disk, knowing nothing of the platform: what the store kept
    /// about the file is lost, or says something of another version.
    /// </summary>
    [Theory]
    [MemberData(nameof(Hand.Ways), MemberType = typeof(Hand))]
    public async Task EventDeliveredAgain_UndoesNobodysChange(string way)
    {
        using var folder = new TemporaryFolder();
        var disk = new FolderObjectStore(folder.Path, TimeProvider.System);
        await Finish(Earlier, [("out/weights.bin", "weights")], store: disk);
        await new Publication(disk).Publish(Earlier, Cancel);
        var file = Path.Combine(folder.Path, Target);
        Assert.Equal("weights", await File.ReadAllTextAsync(file, Cancel));
        await Hand.Edits(way, file);
        var edited = Hand.TextOf(file);
        Assert.NotEqual("weights", edited);

        await new Publication(disk).Publish(Earlier, Cancel);
        await new Publication(new FolderObjectStore(folder.Path, TimeProvider.System)).Publish(Earlier, Cancel);

        Assert.Equal(edited, Hand.TextOf(file));
    }

    [Fact]
    public async Task FileThatCannotBe_IsSaidInTheRun_AndTheOthersArePublished()
    {
        using var folder = new TemporaryFolder();
        var disk = new FolderObjectStore(folder.Path, TimeProvider.System);
        await disk.Put(WorkspacePaths.Data + "hand/x.csv", "a person's"u8, cancel: Cancel);
        await Finish(Earlier, [("hand", "a file where a folder is"), ("other", "fine"), ("../runs/forged.json", "")], store: disk);

        await new Publication(disk).Publish(Earlier, Cancel);

        var run = (await new RunStore(disk).Load(Earlier, Cancel))!.Run;
        Assert.Equal(["hand", "../runs/forged.json"], run.Unpublished!.Select(file => file.Path));
        Assert.Contains("folder", run.Unpublished![0].Why, StringComparison.Ordinal);
        Assert.Contains("2 files were not published", run.History[^1].Message, StringComparison.Ordinal);
        Assert.Equal("fine", System.Text.Encoding.UTF8.GetString((await disk.Get(WorkspacePaths.Data + "other", cancel: Cancel))!.Body));
        Assert.Null((await disk.Head(WorkspacePaths.Run("forged"), Cancel)).Value);
    }

    [Fact]
    public async Task MissingManifestAndMissingContent_AreSaidInTheRun()
    {
        await Finish(Earlier, "weights");
        await store.Delete(WorkspacePaths.PublishedFile(Earlier, 1, "out/weights.bin"), cancel: Cancel);
        await Finish(Later, "weights");
        await store.Delete(WorkspacePaths.OutputManifest(Later, 1), cancel: Cancel);
        await Publish(Earlier);
        await Publish(Later);
        Assert.Contains("missing", Assert.Single((await new RunStore(store).Load(Earlier, Cancel))!.Run.Unpublished!).Why, StringComparison.Ordinal);
        Assert.Contains("missing", Assert.Single((await new RunStore(store).Load(Later, Cancel))!.Run.Unpublished!).Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("WEIGHTS")]
    [InlineData("weight")]
    [InlineData("weights and more")]
    [InlineData("")]
    public async Task DamagedContent_IsNotPublished_AndTheReasonIsSaid(string damaged)
    {
        using var folder = new TemporaryFolder();
        foreach (var (run, disk) in ((string, IObjectStore)[])[(Earlier, store), (Later, new FolderObjectStore(folder.Path, TimeProvider.System))])
        {
            await Finish(run, [("out/weights.bin", "weights"), ("other", "fine")], store: disk);
            await disk.Put(WorkspacePaths.PublishedFile(run, 1, "out/weights.bin"), System.Text.Encoding.UTF8.GetBytes(damaged), cancel: Cancel);
            await new Publication(disk).Publish(run, Cancel);
            var not = Assert.Single((await new RunStore(disk).Load(run, Cancel))!.Run.Unpublished!);
            Assert.Equal("out/weights.bin", not.Path);
            Assert.Contains("is damaged", not.Why, StringComparison.Ordinal);
            Assert.Null(await disk.Get(Target, cancel: Cancel));
            Assert.NotNull(await disk.Get(WorkspacePaths.Data + "other", cancel: Cancel));
        }
    }

    [Theory]
    [InlineData(Earlier, Later)]
    [InlineData(Later, Earlier)]
    public async Task OfTwoRuns_TheLaterSubmittedStays(string first, string second)
    {
        await Finish(Earlier, "earlier");
        await Finish(Later, "later");
        await Publish(first);
        await Publish(second);
        Assert.Equal("later", await Published());
    }

    [Theory]
    [InlineData(RunState.Failed)]
    [InlineData(RunState.Cancelled)]
    [InlineData(RunState.Running)]
    public async Task RunThatDidNotSucceed_PublishesNothing(RunState state)
    {
        await Finish(Earlier, "weights", state);
        Assert.Null(await Publish(Earlier));
        Assert.Empty(store.PeekAll(WorkspacePaths.Data));
    }

    [Fact]
    public async Task DeletedRun_PublishesNothing() => Assert.Null(await Publish(Earlier));

    private Task<PublicationRecord?> Publish(string run) => new Publication(store).Publish(run, Cancel);

    private async Task<string> Published() => System.Text.Encoding.UTF8.GetString((await store.Get(Target, cancel: Cancel))!.Body);

    private Task Finish(string id, string content, RunState state = RunState.Succeeded) => Finish(id, [("out/weights.bin", content)], state);

    private async Task Finish(string id, (string Path, string Content)[] data, RunState state = RunState.Succeeded, IObjectStore? store = null)
    {
        store ??= this.store;
        var files = new List<OutputFile>();
        foreach (var (path, content) in data)
        {
            files.Add(
                new(path, WorkspacePaths.PublishedFile(id, 1, path.Replace("../", "", StringComparison.Ordinal)), content.Length,
                    Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(content)))));
            await store.Put(files[^1].Key, System.Text.Encoding.UTF8.GetBytes(content), cancel: Cancel);
        }

        var manifest = WorkspacePaths.OutputManifest(id, 1);
        await store.PutJson(manifest, new OutputManifest([], files), cancel: Cancel);
        await store.PutJson(WorkspacePaths.Run(id), Run(id, state, Attempt(1)) with { Outputs = manifest }, cancel: Cancel);
    }
}
