using Serverless.Core.Datasets;
using Serverless.Core.Deletion;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Lineage;

namespace Serverless.Tests.Deletion;

/// <summary>What others came from is not deleted without being told so.</summary>
public sealed class DeletionTests
{
    private readonly LineageRig rig = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARunThatOthersCameFrom_StaysUnlessForced_AndIsRememberedAsDeleted()
    {
        var maker = await rig.Maker("maker", ("w/a", "1"));
        var reader = await rig.Submit("reader", "data/w/a");
        await rig.Data.Publish("weights", "data/w/");
        var needed = Assert.IsType<DeletionResult.Needed>(await rig.Deletion.Delete(maker, cancel: Cancel)).By;
        Assert.Equal([$"run:{reader}", "dataset:weights:1"], needed.Nodes.Select(node => node.Id).OrderDescending(StringComparer.Ordinal));
        Assert.Contains($"run {reader} (reader)", needed.Refusal("it"), StringComparison.Ordinal);
        Assert.IsType<DeletionResult.Deleted>(await rig.Deletion.Delete(maker, force: true, Cancel));
        Assert.Equal("deleted", (await rig.Graph(reader)).Nodes.Single(node => node.Id == $"run:{maker}").State);
        Assert.IsType<DeletionResult.Missing>(await rig.Deletion.Delete(maker, cancel: Cancel));
    }

    [Fact]
    public async Task WithWhatCameOfItGone_ARunGoesToo()
    {
        var maker = await rig.Maker("maker", ("w/a", "1"));
        var reader = await rig.Submit("reader", "data/w/a");
        Assert.IsType<DeletionResult.NotEnded>(await rig.Deletion.Delete(reader, cancel: Cancel));
        await rig.Succeed(reader, []);
        Assert.IsType<DeletionResult.Deleted>(await rig.Deletion.Delete(reader, cancel: Cancel));
        Assert.IsType<DeletionResult.Deleted>(await rig.Deletion.Delete(maker, cancel: Cancel));
        Assert.Equal(["index/lineage/whole"], rig.Data.Store.PeekAll("index/lineage/").Select(mark => mark.Object.Key));
        Assert.Equal("1", await rig.Text("data/w/a"));
    }

    [Fact]
    public async Task ARunWhoseEndWasNotToldYet_IsPublishedAndToldBeforeItGoes()
    {
        var run = await rig.Submit("run");
        await rig.Succeed(run, [("w/a", "1")], follow: false);
        Assert.IsType<DeletionResult.Deleted>(await rig.Deletion.Delete(run, cancel: Cancel));
        Assert.Equal("1", await rig.Text("data/w/a"));
        Assert.Equal(run, Assert.IsType<RunEnded>(Assert.Single(await rig.Told())).Run);
        Assert.Empty(rig.Data.Store.PeekAll(WorkspacePaths.Active));
        Assert.Empty(rig.Data.Store.PeekAll(WorkspacePaths.AttemptsOf(run)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ADeletionThatDiesAnywhere_IsDoneByTheNext_AndNothingIsLost(bool afterWriting)
    {
        for (var at = 0; ; at++)
        {
            var world = new LineageRig();
            var run = await world.Submit("run");
            await world.Succeed(run, [("w/a", "1")], follow: false);
            var (failing, ids) = (world.Data.Failing, new Core.SystemIds(world.Data.Time));
            (failing.FailAt, failing.AfterWriting) = (at, afterWriting);
            var deletion = new RunDeletion(
                failing.Store, world.Submission(failing.Store, failing.Bus), new("team", failing.Store, failing.Bus, ids), world.Lineage);
            try
            {
                await deletion.Delete(run, cancel: Cancel);
            }
            catch (Core.Storage.StoreUnavailableException)
            {
            }

            await world.Deletion.Delete(run, cancel: Cancel);
            Assert.Equal("1", await world.Text("data/w/a"));
            Assert.Contains(await world.Told(), told => told is RunEnded);
            foreach (var left in (string[])[WorkspacePaths.Runs, WorkspacePaths.Active, WorkspacePaths.AttemptsOf(run)])
            {
                Assert.Empty(world.Data.Store.PeekAll(left));
            }

            if (!failing.Failed) break;
            Assert.True(at < 20);
        }
    }

    [Fact]
    public async Task AFileThatARunRead_IsToldAbout_UntilItIsAnotherVersion()
    {
        await rig.Data.Put("data/x", "1");
        var reader = await rig.Submit("reader", "data/x");
        Assert.Equal([$"run:{reader}"], (await rig.Lineage.DependentsOf("data/x", Cancel)).Nodes.Select(node => node.Id));
        await rig.Data.Put("data/x", "2");
        Assert.False((await rig.Lineage.DependentsOf("data/x", Cancel)).Any);
    }

    [Fact]
    public async Task ADatasetThatARunUsed_StaysUnlessForced_AndItsNumberStaysTaken()
    {
        await rig.Data.Put("data/d/x", "1");
        var version = await rig.Data.Publish("d", "data/d/");
        var user = await rig.Submit("user", "d:1");
        var deletion = new DatasetDeletion(rig.Store, rig.Data.Catalog, rig.Lineage);
        Assert.Equal([$"run:{user}"],
            Assert.IsType<DeletionResult.Needed>(await deletion.Delete("d", 1, force: false, Cancel)).By.Nodes.Select(node => node.Id));
        Assert.IsType<DeletionResult.Deleted>(await deletion.Delete("d", 1, force: true, Cancel));
        Assert.IsType<DeletionResult.Missing>(await deletion.Delete("d", 1, force: true, Cancel));
        Assert.StartsWith("d:1 was deleted on 2026-01-01", (await rig.Data.Catalog.Find(new("d", 1), Cancel)).Problem, StringComparison.Ordinal);
        Assert.Equal("deleted", (await rig.Graph(user)).Nodes.Single(node => node.Id == "dataset:d:1").State);

        // The content stays for those who count on it; the same content published again is another number.
        Assert.Equal(0, await deletion.Sweep(Cancel));
        var again = await rig.Data.Publish("d", "data/d/");
        Assert.Equal((2, version.Sha256), (again.Number, again.Sha256));
        Assert.IsType<DeletionResult.Deleted>(await deletion.Delete("d", 2, force: false, Cancel));
        rig.Data.Time.Advance(ContentStore.KeptUnused * 2);
        Assert.Equal(1, await deletion.Sweep(Cancel));
        Assert.Equal(0, rig.Data.Contents);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ContentsStay_WhileTheRecordOfAVersionIsLostOrDamaged_UntilItIsBackOrGivenUp(bool isDamaged)
    {
        await rig.Data.Put("data/d/x", "1");
        await rig.Data.Publish("d", "data/d/");
        await rig.Data.Put("data/d/x", "2");
        await rig.Data.Publish("d", "data/d/");
        var user = await rig.Submit("user", "d:1");
        var key = WorkspacePaths.DatasetVersion("d", 1);
        var record = (await rig.Store.Get(key, cancel: Cancel))!.Body;
        if (isDamaged) await rig.Store.Put(key, "{"u8, cancel: Cancel);
        else await rig.Store.Delete(key, cancel: Cancel);
        rig.Data.Time.Advance(ContentStore.KeptUnused * 2);
        var deletion = new DatasetDeletion(rig.Store, new(rig.Store), rig.Lineage);

        Assert.Equal(key, (await Assert.ThrowsAsync<DamagedRecordException>(() => deletion.Sweep(Cancel))).Damage.Key);
        Assert.Equal(2, rig.Data.Contents);
        await rig.Store.Put(key, record, cancel: Cancel);
        Assert.Equal(0, await deletion.Sweep(Cancel));
        Assert.Equal(2, rig.Data.Contents);

        await rig.Store.Delete(key, cancel: Cancel);
        Assert.Equal([$"run:{user}"],
            Assert.IsType<DeletionResult.Needed>(await deletion.Delete("d", 1, force: false, Cancel)).By.Nodes.Select(node => node.Id));
        Assert.IsType<DeletionResult.Deleted>(await deletion.Delete("d", 1, force: true, Cancel));
        Assert.IsType<DeletionResult.Missing>(await deletion.Delete("d", 3, force: true, Cancel));
        rig.Data.Time.Advance(ContentStore.KeptUnused * 2);
        Assert.Equal(1, await deletion.Sweep(Cancel));
        Assert.Equal(1, rig.Data.Contents);
        Assert.StartsWith("d:1 was deleted on", (await new DatasetCatalog(rig.Store).Find(new("d", 1), Cancel)).Problem, StringComparison.Ordinal);
    }
}
