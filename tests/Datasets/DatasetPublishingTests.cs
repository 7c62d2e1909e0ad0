using System.Text;
using Serverless.Core.Datasets;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Datasets;

public sealed class DatasetPublishingTests
{
    /// <summary>More writes than a publication has.</summary>
    private const int More = 40;

    private readonly DatasetRig rig = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ADamagedVersion_KeepsItsNumber_AndNoOtherTakesItsPlaceAsTheLatest()
    {
        var rig = new DatasetRig();
        await rig.Put("data/digits/a", "1");
        var first = await rig.Publish();
        await rig.Put("data/digits/a", "2");
        Assert.Equal(2, (await rig.Publish()).Number);
        await rig.Store.Put(WorkspacePaths.DatasetVersion("digits", 2), "{}"u8, cancel: DatasetRig.Cancel);

        Assert.Equal([1], (await rig.Catalog.List(cancel: DatasetRig.Cancel)).Datasets.Single().Versions.Select(version => version.Number));
        var (latest, problem) = await rig.Catalog.Find(DatasetReference.Parse("digits:latest")!, DatasetRig.Cancel);
        Assert.Null(latest);
        Assert.Contains("datasets/digits/v000002.json is damaged", problem, StringComparison.Ordinal);
        Assert.Equal(first, (await rig.Catalog.Find(DatasetReference.Parse("digits:1")!, DatasetRig.Cancel)).Version);

        await rig.Put("data/digits/a", "3");
        Assert.Equal(3, (await rig.Publish()).Number);
    }

    [Fact]
    public async Task ALostVersion_KeepsItsNumber_AndNoOtherTakesItsPlaceAsTheLatest()
    {
        await rig.Put("data/digits/a", "1");
        await rig.Publish();
        await rig.Put("data/digits/a", "2");
        await rig.Publish();
        await rig.Store.Delete(WorkspacePaths.DatasetVersion("digits", 2), cancel: Cancel);

        var (latest, problem) = await rig.Catalog.Find(DatasetReference.Parse("digits:latest")!, Cancel);
        Assert.Null(latest);
        Assert.Contains("the record of digits:2, the latest version, is lost", problem, StringComparison.Ordinal);
        await rig.Put("data/digits/a", "3");
        Assert.Equal(3, (await rig.Publish()).Number);
        Assert.Equal(3, (await rig.Catalog.Find(DatasetReference.Parse("digits:latest")!, Cancel)).Version?.Number);
    }

    [Fact]
    public async Task AFolder_BecomesAVersion_WithEachContentStoredOnce()
    {
        await rig.Put("data/digits/train.csv", "1,2", publishedBy: "RUN");
        await rig.Put("data/digits/deep/copy of train.csv", "1,2");
        await rig.Put("data/digits/test.csv", "3");
        await rig.Put("data/digits2/other.csv", "4");
        var version = await rig.Publish();
        Assert.Equal(("digits", 1, 3, 7, "data/digits/", "ann"),
            (version.Name, version.Number, version.Files, version.LengthBytes, version.Folder, version.By));
        var whole = (await rig.Catalog.Get("digits", 1, Cancel))!;
        Assert.Equal(
            [("deep/copy of train.csv", null), ("test.csv", null), ("train.csv", "RUN")], whole.Files.Select(file => (file.Path, file.Run)));
        Assert.Equal(2, rig.Contents);
        Assert.Equal("3", await rig.Text(whole.Files[1].Sha256));
        Assert.Equal(
            ("digits", 1, version.Sha256), Assert.Single(await rig.Told()) is var told ? (told.Dataset, told.Version, told.Sha256) : default);
        Assert.Empty(rig.Store.PeekAll(WorkspacePaths.UntoldDatasets));
    }

    [Fact]
    public async Task AFile_IsADatasetOfOne()
    {
        await rig.Put("data/digits.csv", "1");
        var version = await rig.Publish(path: "data/digits.csv");
        Assert.Equal(("data/digits.csv", "digits.csv"), (version.Folder, (await rig.Catalog.Get("digits", 1, Cancel))!.Files.Single().Path));
    }

    [Fact]
    public async Task UnchangedContent_IsTheVersionThatHasIt_AndNothingIsWritten()
    {
        await rig.Put("data/digits/train.csv", "1");
        await rig.Publish();
        await rig.Put("data/digits/train.csv", "2");
        Assert.Equal(2, (await rig.Publish()).Number);
        await rig.Told();
        await rig.Put("data/elsewhere/train.csv", "1");
        var again = Assert.IsType<PublishResult.Published>(await rig.Publishing().Publish("digits", "data/elsewhere/", "bob", Cancel));
        Assert.Equal((1, false), (again.Version.Number, again.IsNew));
        Assert.Equal(2, rig.Store.PeekAll(WorkspacePaths.Datasets).Count);
        Assert.Empty(await rig.Told());
    }

    [Fact]
    public async Task OnlyWhatChanged_IsReadAndCopiedAgain()
    {
        for (var i = 0; i < 5; i++) await rig.Put($"data/digits/{i}", $"{i}");
        await rig.Publish();
        await rig.Put("data/digits/3", "new");
        Assert.Equal(2, Assert.IsType<PublishResult.Published>(await rig.Dying().Publish("digits", "data/digits/", null, Cancel)).Version.Number);
        Assert.Equal(
            ["data/digits/3", "data/digits/3"], rig.Failing.Opened.Where(key => key.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal)));
        Assert.Equal(6, rig.Contents);
    }

    [Fact]
    public async Task ManyWhoPublishAtOnce_GetNumbersWithoutGaps_AndOneForOneContent()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => rig.Put($"data/in/{i}/x", $"{i}")));
        var versions = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => Task.Run(() => rig.Publish(path: $"data/in/{i % 8}/"), Cancel)));
        Assert.Equal(Enumerable.Range(1, 8), versions.Select(version => version.Number).Distinct().Order());
        Assert.Equal(8, versions.Select(version => (version.Number, version.Sha256)).Distinct().Count());
        Assert.Equal(Enumerable.Range(1, 8), (await rig.Told()).Select(told => told.Version).Distinct().Order());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task APublisherThatDiesAnywhere_LeavesOneVersionAfterTheNext_AndItIsTold(bool afterWriting)
    {
        var deaths = 0;
        for (var at = 0; at < More; at++)
        {
            var world = new DatasetRig();
            for (var i = 0; i < 3; i++) await world.Put($"data/digits/{i}", $"{i}");
            (world.Failing.FailAt, world.Failing.AfterWriting) = (at, afterWriting);
            try
            {
                await world.Dying().Publish("digits", "data/digits/", null, Cancel);
            }
            catch (StoreUnavailableException)
            {
                deaths++;
            }

            // Also when nobody publishes again: a minute later somebody looks.
            await world.Publishing().Tend(Cancel);
            if ((await world.Catalog.Get("digits", 1, Cancel)) is not null) Assert.NotEmpty(await world.Told());
            Assert.Equal(1, (await world.Publish()).Number);
            await world.Publishing().Tend(Cancel);
            Assert.Single(world.Store.PeekAll(WorkspacePaths.Datasets));
            Assert.Empty(world.Store.PeekAll(WorkspacePaths.UntoldDatasets));
            if (!world.Failing.Failed) break;
        }

        // Three hashes remembered, three contents, the note, the mark, the version, its number, the event, the note's end.
        Assert.Equal(12, deaths);
    }

    [Fact]
    public async Task ANoteWithoutAVersion_IsForgottenAfterAnHour()
    {
        await rig.Store.Put(WorkspacePaths.UntoldDataset("digits", 1), [], cancel: Cancel);
        Assert.Equal(0, await rig.Publishing().Tend(Cancel));
        Assert.Single(rig.Store.PeekAll(WorkspacePaths.UntoldDatasets));
        rig.Time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(0, await rig.Publishing().Tend(Cancel));
        Assert.Empty(rig.Store.PeekAll(WorkspacePaths.UntoldDatasets));
    }

    [Theory]
    [InlineData("data/digits/b", "new")]
    [InlineData("data/digits/c", "came")]
    [InlineData("data/digits/b", null)]
    public async Task AFolderThatChangesUnderTheReading_IsNotPublished_AndTheFileIsNamed(string key, string? text)
    {
        await rig.Put("data/digits/a", "1");
        await rig.Put("data/digits/b", "2");
        rig.Failing.Opening = opened =>
        {
            if (opened != "data/digits/a") return;
            rig.Failing.Opening = null;
            if (text is null) rig.Store.Delete(key, cancel: Cancel).GetAwaiter().GetResult();
            else rig.Put(key, text).GetAwaiter().GetResult();
        };
        var changed = Assert.IsType<PublishResult.Changed>(await rig.Dying().Publish("digits", "data/digits", null, Cancel));
        Assert.StartsWith($"{key} changed while it was being published", changed.Message, StringComparison.Ordinal);
        Assert.Empty(rig.Store.PeekAll(WorkspacePaths.Datasets));
    }

    [Fact]
    public async Task AFileThatIsNotWhatItsHashSays_IsNotStored()
    {
        await rig.Put("data/digits/a", "1");

        // As when a program writes into the open file: the same version, other bytes.
        var etag = (await rig.Store.Head("data/digits/a", Cancel)).Value!.ETag;
        var remembered = WorkspacePaths.ContentHash(DatasetRig.Hash("data/digits/a"));
        await rig.Store.PutJson(remembered, new HashedFile("data/digits/a", etag, DatasetRig.Hash("0"), 1), cancel: Cancel);
        Assert.IsType<PublishResult.Changed>(await rig.Publishing().Publish("digits", "data/digits", null, Cancel));
        Assert.Equal(0, rig.Contents);
    }

    [Fact]
    public async Task SentFiles_ArePublishedOnceTheirContentsAreThere()
    {
        DatasetFile[] files = [new("train.csv", DatasetRig.Hash("1"), 1, Run: "somebody's"), new("test.csv", DatasetRig.Hash("2"), 1)];
        var missing = Assert.IsType<PublishResult.Missing>(await rig.Publishing().Publish("digits", files, "ann", Cancel)).Contents;
        Assert.Equal(files.Select(file => file.Sha256).Order(StringComparer.Ordinal), missing);
        await Send("1");
        Assert.Equal(
            [DatasetRig.Hash("2")], Assert.IsType<PublishResult.Missing>(await rig.Publishing().Publish("digits", files, "ann", Cancel)).Contents);
        await Send("2");
        var version = Assert.IsType<PublishResult.Published>(await rig.Publishing().Publish("digits", files, "ann", Cancel)).Version;
        Assert.Equal((1, null), (version.Number, version.Folder));
        Assert.All((await rig.Catalog.Get("digits", 1, Cancel))!.Files, file => Assert.Null(file.Run));

        // The same files in the workspace are the same version.
        await rig.Put("data/d/train.csv", "1");
        await rig.Put("data/d/test.csv", "2");
        Assert.Equal(1, (await rig.Publish(path: "data/d")).Number);
    }

    [Fact]
    public async Task AContentThatIsNotItsHash_IsRefused()
    {
        var mismatch = await Assert.ThrowsAsync<ContentMismatchException>(
            () => rig.Publishing().Contents.Put(DatasetRig.Hash("1"), new MemoryStream("2"u8.ToArray()), Cancel));
        Assert.Equal(DatasetRig.Hash("2"), mismatch.Actual);
        Assert.Equal(0, rig.Contents);
    }

    [Theory]
    [InlineData("Digits", "data/digits/", "is not a name")]
    [InlineData("digits", "data/none/", "there is nothing at data/none/")]
    [InlineData("digits", "data/", "name one of them")]
    [InlineData("digits", "runs/", "must begin with data/")]
    [InlineData("digits", "data/../runs", "'..'")]
    public async Task WhatCannotBePublished_IsRefusedWithAReason(string name, string path, string why) =>
        Assert.Contains(
            why, Assert.IsType<PublishResult.Refused>(await rig.Publishing().Publish(name, path, null, Cancel)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("at least one file")]
    [InlineData("'../x'", "../x")]
    [InlineData("twice", "x", "x")]
    [InlineData("would lie below", "x", "x/y")]
    public async Task AListThatIsNoFolder_IsRefused(string why, params string[] paths) => Assert.Contains(why, Assert.IsType<PublishResult.Refused>(
        await rig.Publishing().Publish("digits", [.. paths.Select(path => new DatasetFile(path, DatasetRig.Hash(""), 0))], null, Cancel)).Message,
        StringComparison.Ordinal);

    [Fact]
    public async Task AReference_StandsForOneVersion_OrSaysWhyNot()
    {
        string[] hashes = [(await Version("1")).Sha256, (await Version("2")).Sha256];
        Assert.Equal(2, await Number("digits:latest"));
        Assert.Equal(1, await Number("digits:1"));
        Assert.Equal(1, await Number($"digits@{hashes[0][..8]}"));
        Assert.Equal(2, await Number($"digits@{hashes[1]}"));
        Assert.Equal("there is no dataset 'digist'; did you mean 'digits'?", await Problem("digist:1"));
        Assert.Equal("dataset 'digits' has no version 3; its latest is digits:2", await Problem("digits:3"));
        Assert.StartsWith(
            "no version of dataset 'digits' has a hash that begins with 00000000", await Problem("digits@00000000"), StringComparison.Ordinal);

        async Task<DatasetVersionInfo> Version(string text)
        {
            await rig.Put("data/digits/x", text);
            return await rig.Publish();
        }
    }

    [Theory]
    [InlineData("digits", "does not say which version")]
    [InlineData("digits:0", "latest or the version's number")]
    [InlineData("digits:", "latest or the version's number")]
    [InlineData("digits@abc", "8 to 64 characters")]
    [InlineData("Digits:1", "is not a name")]
    [InlineData("a:1:2", "latest or the version's number")]
    public void ATextThatIsNoReference_IsExplained(string text, string why)
    {
        Assert.Null(DatasetReference.Parse(text));
        Assert.Contains(why, DatasetReference.Problem(text), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatNothingNeeds_GoesAfterTwoDays_UnlessAPublisherHoldsIt()
    {
        await rig.Put("data/digits/x", "needed");
        await rig.Publish();
        foreach (var text in (string[])["orphan", "held"]) await Send(text);
        rig.Time.Advance(ContentStore.KeptUnused + TimeSpan.FromHours(1));
        await Send("young");
        var contents = rig.Publishing().Contents;

        // Between the listing and the deletion somebody finds the content and counts on it.
        var removed = await contents.Sweep(async () =>
        {
            Assert.True(await contents.Hold(DatasetRig.Hash("held"), cancel: Cancel));
            return new HashSet<string> { DatasetRig.Hash("needed") };
        }, Cancel);
        Assert.Equal((1, 3), (removed, rig.Contents));
        Assert.False(await contents.Hold(DatasetRig.Hash("orphan"), cancel: Cancel));
    }

    private Task Send(string text) => rig.Publishing().Contents.Put(DatasetRig.Hash(text), new MemoryStream(Encoding.UTF8.GetBytes(text)), Cancel);

    private async Task<int?> Number(string reference) => (await rig.Catalog.Find(DatasetReference.Parse(reference)!, Cancel)).Version?.Number;

    private async Task<string?> Problem(string reference) => (await rig.Catalog.Find(DatasetReference.Parse(reference)!, Cancel)).Problem;
}
