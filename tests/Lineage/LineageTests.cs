using Serverless.Core.Deletion;
using Serverless.Core.Lineage;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Lineage;

public sealed class LineageTests
{
    private readonly LineageRig rig = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WhatCameOfARun_IsFollowedThroughFilesDatasetsCheckpointsAndTriggers()
    {
        var maker = await rig.Maker("maker", ("w/a", "1"), ("w/b", "2"), ("w/c", "3"), ("table", "4"));
        await rig.Submit("reader", "data/w/a");
        await rig.Submit("other", "data/w/b", "data/w/c");
        await rig.Data.Publish("weights", "data/w/");
        await rig.Submit("user", "weights:latest");
        await rig.Trigger("follow", new("on-end", "f1", ["on-end"]) { Run = maker });
        string[] expected =
        [
            "data/w/ -input→ other", "data/w/ -made of→ weights:1", "data/w/a -input→ reader", "maker -published→ data/table",
            "maker -published→ data/w/",
            "maker -published→ data/w/", "maker -published→ data/w/a", "maker -trigger on-end→ follow", "weights:1 -input→ user",
        ];
        var graph = await rig.Graph(maker);
        Assert.Equal(expected, LineageRig.Edges(graph));
        Assert.False(graph.Cut);
    }

    [Fact]
    public async Task WhatARunCameFrom_IsFollowedBack()
    {
        var trained = await rig.Trained("trained");
        await rig.Maker("maker", ("w/a", "1"));
        await rig.Data.Put("data/hand/x", "9");
        await rig.Data.Publish("weights", "data/w/");
        var run = await rig.Submit((await rig.Spec("last", "data/hand/", "weights:1")) with { From = new(trained) });
        var graph = await rig.Graph(run);
        Assert.Equal(
            ["data/hand/x -input→ last", "data/w/a -made of→ weights:1", "maker -published→ data/w/a", "trained -checkpoint, step 7→ last",
                "weights:1 -input→ last"], LineageRig.Edges(graph));
        Assert.Equal("v1 train.cs @ abcdef01", graph.Nodes.Single(node => node.Id == graph.Root).Detail);
        Assert.Equal(["checkpoint, step 7"], (await rig.Graph(trained)).Edges.Select(LineageDrawing.Says));
    }

    [Fact]
    public async Task AnArtifactAsInput_LeadsBackToItsRun_WhichIsNotDeletedThen()
    {
        var maker = await rig.Submit("maker");
        await rig.Succeed(maker, [], artifact: "weights");
        var reader = await rig.Submit("reader", $"run:{maker}/artifacts/weights");
        foreach (var run in (string[])[maker, reader])
        {
            Assert.Equal(["artifacts/weights -input→ reader", "maker -artifact→ artifacts/weights"], LineageRig.Edges(await rig.Graph(run)));
        }

        Assert.IsType<DeletionResult.Needed>(await rig.Deletion.Delete(maker, cancel: Cancel));
    }

    [Fact]
    public async Task TriggeredRuns_NameTheirTriggerAndItsCause()
    {
        await rig.Data.Put("data/d/x", "1");
        await rig.Data.Publish("d", "data/d/");
        var byDataset = await rig.Trigger("a", new("on-data", "1", ["on-data"]) { Dataset = "d:1" });
        var byFile = await rig.Trigger("b", new("on-file", "2", ["on-file"]) { File = "data/d/x", FileETag = "e" });
        var byClock = await rig.Trigger("c", new("nightly", "3", ["nightly"]) { Scheduled = rig.Data.Time.GetUtcNow() });
        Assert.Equal(["d:1 -trigger on-data→ a", "data/d/x -made of→ d:1"], LineageRig.Edges(await rig.Graph(byDataset)));
        Assert.Equal(["data/d/x -trigger on-file→ b"], LineageRig.Edges(await rig.Graph(byFile)));
        Assert.Equal(["nightly -trigger→ c"], LineageRig.Edges(await rig.Graph(byClock)));
    }

    /// <summary>The other way round: only a mark that was put at the submission leads there.</summary>
    [Fact]
    public async Task WhatTriggeredARun_LeadsToIt_UntilTheRunIsDeleted()
    {
        var put = await rig.Data.Put("data/d/x", "1");
        var published = await rig.Maker("published", ("p/y", "2"));
        await rig.Data.Publish("d", "data/d/");
        var byFile = await rig.Trigger("by-file", new("on-file", "1", ["on-file"]) { File = "data/d/x", FileETag = put.Object!.ETag });
        var byPublished = await rig.Trigger("by-published", new("on-file", "2", ["on-file"])
        {
            Run = published,
            File = "data/p/y",
            FileETag = (await rig.Store.Head("data/p/y", Cancel)).Value!.ETag,
        });
        var byDataset = await rig.Trigger("by-dataset", new("on-data", "3", ["on-data"]) { Dataset = "d:1" });
        var byRun = await rig.Trigger("by-run", new("on-end", "4", ["on-end"]) { Run = published });

        await Leads("data/d/x", "data/d/x -trigger on-file→ by-file", byFile);
        await Leads("data/d/", "d:1 -trigger on-data→ by-dataset", byDataset);
        await Leads("data/p/", "data/p/ -trigger on-file→ by-published", byPublished);
        Assert.Contains("published -trigger on-end→ by-run", LineageRig.Edges(await rig.Graph(published)));
        await rig.End(byRun);
        Assert.IsType<DeletionResult.Deleted>(await rig.Deletion.Delete(byRun, cancel: Cancel));
        Assert.DoesNotContain("published -trigger on-end→ by-run", LineageRig.Edges(await rig.Graph(published)));
        Assert.DoesNotContain(
            Marks, mark => mark.EndsWith($"run-{byRun}", StringComparison.Ordinal) || mark.EndsWith($"run-{byFile}", StringComparison.Ordinal));

        async Task Leads(string file, string edge, string run)
        {
            Assert.Contains(edge, LineageRig.Edges((await rig.Lineage.Of(file, 5, Cancel))!));
            await rig.End(run);
            Assert.IsType<DeletionResult.Deleted>(await rig.Deletion.Delete(run, cancel: Cancel));
            Assert.DoesNotContain(edge, LineageRig.Edges((await rig.Lineage.Of(file, 5, Cancel))!));
        }
    }

    [Fact]
    public async Task TheFileThatARunWasTriggeredBy_AndReads_IsOneNode()
    {
        var put = await rig.Data.Put("data/d/x", "1");
        var run = await rig.Trigger("b", new("on-file", "2", ["on-file"]) { File = "data/d/x", FileETag = put.Object!.ETag }, "data/d/x");
        var graph = await rig.Graph(run);
        Assert.Equal(["data/d/x -input→ b", "data/d/x -trigger on-file→ b"], LineageRig.Edges(graph));
        Assert.Equal(2, graph.Nodes.Count);
    }

    [Fact]
    public async Task OneWhoReadALaterVersionOfTheFile_DidNotComeOfTheEarlier()
    {
        var first = await rig.Maker("first", ("w/a", "1"));
        await rig.Submit("early", "data/w/a");
        var second = await rig.Maker("second", ("w/a", "2"));
        await rig.Submit("late", "data/w/a");
        Assert.Equal(["data/w/a -input→ early", "first -published→ data/w/a"], LineageRig.Edges(await rig.Graph(first)));
        Assert.Equal(["data/w/a -input→ late", "second -published→ data/w/a"], LineageRig.Edges(await rig.Graph(second)));
        Assert.Equal(["data/w/a -input→ late", "second -published→ data/w/a"], LineageRig.Edges((await rig.Lineage.Of("data/w/a", 5, Cancel))!));
    }

    [Fact]
    public async Task AFileOrFolder_IsAskedAboutAsItIsNow()
    {
        await rig.Maker("maker", ("w/a", "1"), ("w/b", "2"));
        await rig.Submit("reader", "data/w/a");
        await rig.Data.Publish("weights", "data/w/");
        await rig.Submit("user", "weights:1");
        string[] expected = ["data/w -input→ reader", "data/w -made of→ weights:1", "maker -published→ data/w", "weights:1 -input→ user"];
        Assert.Equal(expected, LineageRig.Edges((await rig.Lineage.Of("data/w", 5, Cancel))!));
        Assert.Equal(["data/w/b -made of→ weights:1", "maker -published→ data/w/b", "weights:1 -input→ user"],
            LineageRig.Edges((await rig.Lineage.Of("data/w/b", 5, Cancel))!));
        Assert.Null(await rig.Lineage.Of("data/none", 5, Cancel));

        // Written again with other content, it is what nobody has read.
        await rig.Data.Put("data/w/a", "new");
        Assert.Empty((await rig.Lineage.Of("data/w/a", 5, Cancel))!.Edges);

        // The same bytes under a new version are what was read: so is a copy of the workspace that keeps no times.
        await rig.Data.Put("data/w/a", "1");
        Assert.Contains("data/w/a -input→ reader", LineageRig.Edges((await rig.Lineage.Of("data/w/a", 5, Cancel))!));
    }

    [Fact]
    public async Task Depth_EndsWhatIsFollowed_AndSaysSo()
    {
        await rig.Maker("one", ("a/x", "1"));
        var two = await rig.Submit("two", "data/a/x");
        await rig.Succeed(two, [("b/x", "2")]);
        var three = await rig.Submit("three", "data/b/x");
        var near = await rig.Graph(three, depth: 1);
        Assert.Equal(["data/b/x -input→ three", "two -published→ data/b/x"], LineageRig.Edges(near));
        Assert.True(near.Cut);
        Assert.Equal(4, (await rig.Graph(three)).Edges.Count);
    }

    [Fact]
    public async Task TheIndex_IsDerived_AndCanBeMadeAgain()
    {
        var maker = await rig.Maker("maker", ("w/a", "1"));
        await rig.Submit("reader", "data/w/a");
        await rig.Data.Publish("weights", "data/w/");
        var before = LineageRig.Edges(await rig.Graph(maker)).ToList();
        foreach (var mark in Marks) await rig.Store.Delete(mark, cancel: Cancel);
        Assert.Single((await rig.Graph(maker)).Edges);
        Assert.Equal(3, await rig.Lineage.Rebuild(Cancel));
        Assert.Equal(before, LineageRig.Edges(await rig.Graph(maker)));
    }

    /// <summary>Whoever asks what would be lost by a deletion gets the truth, also when the whole index is gone, or something stands in its way.</summary>
    [Fact]
    public async Task WithoutTheIndex_WhatOthersCameFrom_IsStillNotDeleted()
    {
        var source = await rig.Trained("source");
        await rig.Submit((await rig.Spec("follows")) with { From = new(source) });
        Assert.True((await rig.Lineage.DependentsOf(await rig.Load(source), Cancel)).Any);
        foreach (var mark in Marks) await rig.Data.Store.Delete(mark, cancel: Cancel);
        Assert.True((await rig.Lineage.DependentsOf(await rig.Load(source), Cancel)).Any);
        Assert.Contains("index/lineage/whole", Marks);
    }

    [Fact]
    public async Task AMarkThatLeadsToNothing_IsNotBelieved()
    {
        var maker = await rig.Maker("maker", ("w/a", "1"));
        var reader = await rig.Submit("reader", "data/w/a");
        await rig.Store.Put(WorkspacePaths.LineageMark($"run-{maker}", $"run-{reader}"), [], cancel: Cancel);
        await rig.Store.Put(WorkspacePaths.LineageMark($"run-{maker}", "run-0123456789ABCDEFGHJKMNPQRS"), [], cancel: Cancel);
        await rig.Store.Put(WorkspacePaths.LineageMark($"run-{maker}", "what"), [], cancel: Cancel);
        Assert.Equal(2, (await rig.Graph(maker)).Edges.Count);
    }

    [Fact]
    public async Task AmongManyRuns_OnlyThoseThatAreMarkedAreRead()
    {
        var maker = await rig.Maker("maker", ("w/a", "1"));
        var reader = await rig.Submit("reader", "data/w/a");
        for (var i = 0; i < 50; i++) await rig.Submit("other");
        var graph = await new LineageReader(rig.Data.Failing.Store, new(rig.Data.Failing.Store)).Of(await rig.Load(maker), 5, Cancel);
        Assert.Equal(2, graph.Edges.Count);
        Assert.Equal(
            new[] { WorkspacePaths.Run(maker), WorkspacePaths.Run(reader) }.Order(StringComparer.Ordinal),
            rig.Data.Failing.Opened.Where(key => key.StartsWith(WorkspacePaths.Runs, StringComparison.Ordinal)).Distinct()
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task AThousandFiles_AreOneMark_AndOneNode()
    {
        for (var i = 0; i < 1000; i++) await rig.Data.Put($"data/many/{i}", $"{i}");
        var run = await rig.Submit("reader", "data/many/");
        Assert.Single(Marks);
        Assert.Equal("1000 files", Assert.Single((await rig.Graph(run)).Nodes, node => node.Kind == LineageKind.File).Detail);

        // So are those of many folders few marks.
        for (var i = 0; i < 40; i++) await rig.Data.Put($"data/deep/{i}/x", $"{i}");
        await rig.Submit("deep", "data/deep/");
        Assert.Equal(2, Marks.Count);
        Assert.Contains("data/deep/7/x -input→ deep", LineageRig.Edges((await rig.Lineage.Of("data/deep/7/x", 5, Cancel))!));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ASubmitterThatDiesAnywhere_LeavesNoRunThatIsNotFound(bool afterWriting)
    {
        for (var at = 0; ; at++)
        {
            var world = new LineageRig();
            var maker = await world.Maker("maker", ("w/a", "1"));
            var spec = await world.Spec("reader", "data/w/a");
            (world.Data.Failing.FailAt, world.Data.Failing.AfterWriting) = (at, afterWriting);
            try
            {
                await world.Submission(world.Data.Failing.Store, world.Data.Failing.Bus).Submit(spec, null, cancel: Cancel);
            }
            catch (StoreUnavailableException)
            {
            }

            var exists = world.Data.Store.PeekAll(WorkspacePaths.Runs).Count > 1;
            Assert.Equal(exists, LineageRig.Edges(await world.Graph(maker)).Contains("data/w/a -input→ reader"));
            if (!world.Data.Failing.Failed) break;
            Assert.True(at < 20);
        }
    }

    [Fact]
    public async Task APicture_ShowsEveryNodeAndEdge()
    {
        var maker = await rig.Maker("maker", ("w/a <&\"quoted\">", "1"));
        await rig.Submit("reader", "data/w/");
        await rig.Data.Publish("weights", "data/w/");
        var graph = await rig.Graph(maker);
        var svg = System.Xml.Linq.XDocument.Parse(LineageDrawing.Svg(graph));
        Assert.Equal(graph.Nodes.Select(node => node.Id).Order(),
            svg.Descendants().Where(element => element.Name.LocalName == "title").Select(title => title.Value).Order());
        Assert.Equal(graph.Edges.Count, svg.Descendants().Count(element => element.Attribute("marker-end") is not null));

        // Causes are left of effects.
        var place = svg.Descendants().Where(element => element.Name.LocalName == "g").ToDictionary(
            group => group.Elements().First().Value,
            group => double.Parse(group.Elements().ElementAt(1).Attribute("x")!.Value, System.Globalization.CultureInfo.InvariantCulture));
        Assert.All(graph.Edges, edge => Assert.True(place[edge.From] < place[edge.To]));
        var dot = LineageDrawing.Dot(graph);
        Assert.All(graph.Edges, edge => Assert.Contains($"[label=\"{LineageDrawing.Says(edge)}\"]", dot, StringComparison.Ordinal));
        Assert.Contains("\\\"quoted\\\"", dot, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartingFromARunThatGoesOn_HoldsItsCheckpoint_AndFromAnEndedOneNothing()
    {
        var trained = await rig.Trained("trained");
        await rig.Submit((await rig.Spec("first")) with { From = new(trained) });
        Assert.Equal(
            WorkspacePaths.HeldCheckpoint(trained, 1, 7), Assert.Single(rig.Data.Store.PeekAll(WorkspacePaths.HeldCheckpoints(trained))).Object.Key);
        await rig.Store.Delete(WorkspacePaths.HeldCheckpoint(trained, 1, 7), cancel: Cancel);
        await new RunStore(rig.Store).Apply(trained, new RunEvent.Finish(1, new(Cause.Completed)), Cancel);
        await rig.Submit((await rig.Spec("second")) with { From = new(trained) });
        Assert.Empty(rig.Data.Store.PeekAll(WorkspacePaths.HeldCheckpoints(trained)));
    }

    private List<string> Marks => [.. rig.Data.Store.PeekAll("index/lineage/").Select(entry => entry.Object.Key)];
}
