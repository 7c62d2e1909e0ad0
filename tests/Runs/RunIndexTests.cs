using System.Text.Json;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Runs;

public sealed class RunIndexTests
{
    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_FollowOneAnotherToTheEnd()
    {
        for (var i = 0; i < 7; i++) await Save(Run(Id(i)));
        var index = new RunIndex(store);
        var first = await index.List(new(), 3, cancel: Cancel);
        Assert.Equal([Id(0), Id(1), Id(2)], first.Runs.Select(run => run.Id));
        var second = await index.List(new(), 3, first.Next, Cancel);
        var third = await index.List(new(), 3, second.Next, Cancel);
        Assert.Equal([Id(6)], third.Runs.Select(run => run.Id));
        Assert.Null(third.Next);
    }

    [Fact]
    public async Task FullLastPage_SaysThatItIsTheLast()
    {
        for (var i = 0; i < 3; i++) await Save(Run(Id(i)));
        Assert.Null((await new RunIndex(store).List(new(), 3, cancel: Cancel)).Next);
    }

    [Fact]
    public async Task Filters_AreAllApplied()
    {
        await Save(Run(Id(0), RunState.Succeeded) with { Tags = ["baseline"] });
        await Save(Run(Id(1), RunState.Failed) with { Tags = ["baseline"] });
        await Save(Run(Id(2), RunState.Succeeded) with { Project = "other", Tags = ["baseline"] });
        await Save(Run(Id(3), RunState.Succeeded));
        var found = await new RunIndex(store).List(new("pruning", "mlp", [RunState.Succeeded, RunState.Cancelled], "baseline"), 100, cancel: Cancel);
        Assert.Equal([Id(0)], found.Runs.Select(run => run.Id));
    }

    [Fact]
    public async Task ChangedRun_IsListedAsItIsNow()
    {
        var index = new RunIndex(store);
        await Save(Run(Id(0)));
        Assert.Equal(RunState.Running, Assert.Single((await index.List(new(), 1, cancel: Cancel)).Runs).State);
        await Save(Run(Id(0), RunState.Failed));
        Assert.Equal(RunState.Failed, Assert.Single((await index.List(new(), 1, cancel: Cancel)).Runs).State);
    }

    [Fact]
    public async Task RunWithoutASummary_IsListedFromItsRecord()
    {
        await store.PutJson(WorkspacePaths.Run(Id(0)), Run(Id(0)), cancel: Cancel);
        Assert.Equal("mlp", Assert.Single((await new RunIndex(store).List(new(), 1, cancel: Cancel)).Runs).Experiment);
    }

    [Fact]
    public void Comparison_PutsWhatDiffersFirst()
    {
        var a = Run(Id(0)) with { Metrics = new Dictionary<string, double> { ["acc"] = 0.9, ["loss"] = 1 } };
        var b = Run(Id(1)) with
        {
            Metrics = new Dictionary<string, double> { ["acc"] = 0.9 },
            Spec = a.Spec with { Params = new Dictionary<string, JsonElement> { ["aaa"] = JsonSerializer.SerializeToElement(1),
                ["lr"] = a.Spec.Params["lr"] } },
        };
        var compared = RunComparison.Of([a, b]);
        Assert.Equal(["aaa", "lr"], compared.Params.Select(row => row.Name));
        Assert.Equal([true, false], compared.Params.Select(row => row.Differs));
        Assert.Null(compared.Params[0].Values[0]);
        Assert.Equal([("loss", true), ("acc", false)], compared.Metrics.Select(row => (row.Name, row.Differs)));
        Assert.Contains(compared.Facts, fact => fact is { Name: "machine", Differs: false, Values: ["cpu", "cpu"] });
    }

    private static string Id(int number) => $"{number:D26}";

    private Task Save(RunRecord run) => store.PutJson(WorkspacePaths.Run(run.Id), run, metadata: RunSummary.Of(run).ToMetadata(), cancel: Cancel);

    /// <summary>Somebody has moved a folder of the workspace away, and left a link or a file.</summary>
    [Theory]
    [InlineData("active")]
    [InlineData("index/settled")]
    public async Task AListByCondition_IsNotShort_BecauseAFolderIsNoFolder(string folder)
    {
        using var data = new TemporaryFolder();
        var there = new LocalWorkspaces(data.Path, TimeProvider.System).Open(LocalWorkspaces.Default);
        await new RunStore(there).Create(Run(Id(0), RunState.Running, Attempt(1)), Cancel);
        Assert.Single((await new RunIndex(there).Now(Cancel)).Runs());
        var place = data[$"{LocalWorkspaces.Default}/{folder}"];
        if (Directory.Exists(place)) TemporaryFolder.Delete(place);
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        await File.WriteAllTextAsync(place, "", Cancel);
        var blocked = await Assert.ThrowsAsync<DamagedRecordException>(() => new RunIndex(there).Now(Cancel));
        Assert.Equal(folder, blocked.Damage.Key);
    }
}
