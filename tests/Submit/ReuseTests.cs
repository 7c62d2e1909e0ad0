using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Deletion;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Versions;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Submit;

public sealed class ReuseTests
{
    private readonly FakeTimeProvider time = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly MemoryObjectStore store;
    private readonly MemoryMessageBus bus;
    private readonly Submission submission;

    public ReuseTests()
    {
        store = new(time);
        bus = new(time, TimeSpan.FromMinutes(1));
        submission = new("team", store, bus, new SystemIds(time), new() { MachineClasses = ["cpu", "gpu-t4"] });
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheFirstRunOfAnExperiment_HadNothingToReuse() =>
        Assert.Equal(ReuseReason.NothingBefore, (await Explain(await Submit(await Spec()))).Reason);

    [Fact]
    public async Task ChangedParametersSeedAndMachine_AreNamedWithBothValues()
    {
        var first = await Submit(await Spec());
        var second = await Submit((await Spec("0.2")) with { Seeds = [7], Machine = "gpu-t4" });
        var explained = await Explain(second);
        Assert.Equal((ReuseReason.Differs, first), (explained.Reason, explained.Other));
        Assert.Equal(
            [new KeyDifference("machine", null, "cpu", "gpu-t4"), new("params", "lr", "0.1", "0.2"), new("seed", null, "0", "7")],
            explained.Differences);
        Assert.Contains("machine, params, seed", explained.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChangedCode_IsToldByFile()
    {
        await Submit(await Spec());
        var changed = await Snapshots.Put(store, ("train.cs", "Console.WriteLine(2);"), ("new.cs", ""));
        var explained = await Explain(await Submit((await Spec()) with { Code = new(changed) }));
        Assert.Equal([("code", "new.cs"), ("code", "readme.md"), ("code", "train.cs")],
            explained.Differences.Select(difference => (difference.Part, difference.Name)));
        Assert.Null(explained.Differences[0].From);
        Assert.Null(explained.Differences[1].To);
    }

    [Fact]
    public async Task ChangedInput_IsToldByFile()
    {
        await Put("data/a.csv", "1");
        await Put("data/b.csv", "1");
        var spec = (await Spec()) with { Inputs = ["data/a.csv", "data/b.csv"] };
        await Submit(spec);
        await Put("data/b.csv", "2");
        var difference = Assert.Single((await Explain(await Submit(spec))).Differences);
        Assert.Equal(("inputs", "data/b.csv"), (difference.Part, difference.Name));
    }

    [Fact]
    public async Task TheNearestEarlierRun_IsComparedWith_AndAnotherWhenAskedFor()
    {
        var far = await Submit((await Spec("0.5")) with { Seeds = [3] });
        var near = await Submit(await Spec("0.5"));
        await Submit((await Spec("0.6")) with { Name = "other-experiment" });
        var run = await Submit(await Spec());
        Assert.Equal(near, (await Explain(run)).Other);
        Assert.Equal(2, (await Explain(run, far)).Differences.Count);
    }

    [Theory]
    [InlineData(Cause.UserCode, ReuseReason.Failed)]
    [InlineData(Cause.Cancelled, ReuseReason.Cancelled)]
    public async Task AnEarlierRunThatDidNotSucceed_IsNamed(Cause cause, ReuseReason reason)
    {
        var first = await Submit(await Spec());
        if (cause == Cause.Cancelled) await Apply(first, new RunEvent.RequestCancel(null, null));
        else await End(first, cause);
        var explained = await Explain(await Submit(await Spec()));
        Assert.Equal((reason, first), (explained.Reason, explained.Other));
        Assert.Empty(explained.Differences);
    }

    [Fact]
    public async Task AFreshRun_SaysSo_AndWhichRunItMightHaveBeen()
    {
        var first = await Submit(await Spec());
        await End(first, Cause.Completed);
        var fresh = await Submit((await Spec()) with { Fresh = true });
        var explained = await Explain(fresh);
        Assert.Equal((ReuseReason.Fresh, first, fresh), (explained.Reason, explained.Other, explained.Now));
        var again = Assert.IsType<SubmitResult.Accepted>(await submission.Rerun(first, null, cancel: Cancel)).Answer.Runs[0].Id;
        Assert.Equal(ReuseReason.Fresh, (await Explain(again)).Reason);
    }

    [Fact]
    public async Task ADeletedRun_IsRemembered()
    {
        var first = await Submit(await Spec());
        await End(first, Cause.Completed);
        var deletion = new RunDeletion(store, submission, new("team", store, bus, new SystemIds(time)), new(store, submission.Datasets));
        Assert.IsType<DeletionResult.Deleted>(await deletion.Delete(first, cancel: Cancel));
        var explained = await Explain(await Submit(await Spec()));
        Assert.Equal((ReuseReason.Deleted, first), (explained.Reason, explained.Other));
    }

    [Theory]
    [InlineData("manifest", null)]
    [InlineData("manifest", "{")]
    [InlineData("artifact", null)]
    [InlineData("artifact", "cut")]
    [InlineData("data", "")]
    public async Task ARunWhoseResultsAreLost_IsComputedAnew_AndTheNewOneSaysWhy(string what, string? left)
    {
        var first = await Submit(await Spec());
        var (artifact, data) = (new OutputFile("w", WorkspacePaths.Artifact(first, 1, "w"), 7, "sha"),
            new OutputFile("out", WorkspacePaths.PublishedFile(first, 1, "out"), 3, "sha"));
        var manifest = WorkspacePaths.OutputManifest(first, 1);
        await Put(artifact.Key, "weights");
        await Put(data.Key, "out");
        await store.PutJson(manifest, new OutputManifest([artifact], [data]), cancel: Cancel);
        await Apply(first, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await Apply(first, new RunEvent.Finish(1, new(Cause.Completed, Outputs: manifest)));
        Assert.Equal(first, await Submit(await Spec()));

        var key = what == "manifest" ? manifest : what == "artifact" ? artifact.Key : data.Key;
        if (left is null) await store.Delete(key, cancel: Cancel);
        else await Put(key, left);
        Assert.Null((await Explain(first)).Now);
        var second = await Submit(await Spec());
        Assert.NotEqual(first, second);
        Assert.Contains(key, (await Load(second)).History[0].Message, StringComparison.Ordinal);
        var explained = await Explain(second);
        Assert.Equal((ReuseReason.ResultsLost, first, second), (explained.Reason, explained.Other, explained.Now));
        var size = what == "artifact" ? "has 3 bytes instead of 7" : "has 0 bytes instead of 3";
        var lost = left is null ? $"{key} is missing" : what == "manifest" ? $"{key} is damaged" : $"{key} {size}";
        Assert.StartsWith($"run {first} has the same key, but its results are lost: {lost}", explained.Explanation, StringComparison.Ordinal);
        Assert.Equal(second, await Submit(await Spec()));
    }

    /// <summary>
    /// Nobody can tell whether it computed what was submitted; a later attempt goes on from the checkpoints of the one that may not have.
    /// </summary>
    [Fact]
    public async Task ARunWithWhichSomethingWasChangedMeanwhile_IsNotGivenBack_AndThatIsSaid()
    {
        const string Changed = "the set-up in the worker's cache: code/tools/a.py: it was written to";
        var first = await Submit(await Spec());
        await Apply(first, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await Apply(first, new RunEvent.Finish(1, new(Cause.Preempted, ChangedMeanwhile: Changed)));
        await Apply(first, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await Apply(first, new RunEvent.Finish(2, new(Cause.Completed)));
        Assert.Equal((RunState.Succeeded, Changed), ((await Load(first)).State, (await Load(first)).ChangedMeanwhile));

        var second = await Submit(await Spec());

        Assert.NotEqual(first, second);
        Assert.Contains(Changed, (await Load(second)).History[0].Message, StringComparison.Ordinal);
        var explained = await Explain(second);
        Assert.Equal((ReuseReason.ChangedMeanwhile, first, second), (explained.Reason, explained.Other, explained.Now));
        Assert.EndsWith($"changed meanwhile: {Changed}", explained.Explanation, StringComparison.Ordinal);
        Assert.Equal(second, await Submit(await Spec()));
    }

    [Fact]
    public async Task ARunThatIsGivenBack_SaysThatItIs()
    {
        var first = await Submit(await Spec());
        await End(first, Cause.Completed);
        Assert.Equal(first, await Submit(await Spec()));
        Assert.Equal(first, (await Explain(first)).Now);
        Assert.Equal(ReuseReason.Same, (await Explain(first, first)).Reason);
        await End(await Submit((await Spec()) with { Fresh = true }), Cause.UserCode);
        Assert.Null((await Explain(first)).Now);
    }

    [Fact]
    public async Task EachReason_IsASentence()
    {
        var spec = await Spec();
        var first = await Submit(spec);
        await Apply(first, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await Apply(first, new RunEvent.RequestCancel(null, null));
        var second = await Submit(spec);
        Assert.Equal($"run {first} has the same key and was asked to end; it is not joined any more", (await Explain(second)).Explanation);
        await Apply(first, new RunEvent.Finish(1, new(Cause.Cancelled)));
        Assert.Equal($"run {first} has the same key and was cancelled; a cancelled run is not given back", (await Explain(second)).Explanation);
        await End(second, Cause.Completed);
        var fresh = await Submit(spec with { Fresh = true });
        Assert.Equal($"it was asked for afresh; run {second} has the same key", (await Explain(fresh)).Explanation);
        Assert.Equal($"run {fresh} has the same key and came later", (await Explain(second, fresh)).Explanation);
        Assert.Equal("that is the run itself", (await Explain(second, second)).Explanation);
        await End(fresh, Cause.UserCode);
        var last = await Submit(spec);
        Assert.Equal($"run {fresh} has the same key and failed; a failed run is not given back", (await Explain(last)).Explanation);
        Assert.Equal($"run {second} has the same key, but the key stood for another run when this one was submitted",
            (await Explain(last, second)).Explanation);
    }

    private async Task<ReuseExplanation> Explain(string run, string? other = null) =>
        await new Reuse(store, new(store), submission.Code).Explain(await Load(run), other is null ? null : await Load(other), Cancel);

    private async Task<ExperimentSpec> Spec(string lr = "0.1") => new()
    {
        Project = "pruning", Name = "mlp", Command = "train.cs",
        Code = new(await Snapshots.Put(store, ("train.cs", "Console.WriteLine();"), ("readme.md", ""))),
        Params = new Dictionary<string, JsonElement> { ["lr"] = JsonElement.Parse(lr) },
    };

    /// <summary>Ids of one millisecond have no order.</summary>
    private async Task<string> Submit(ExperimentSpec spec)
    {
        time.Advance(TimeSpan.FromSeconds(1));
        var result = await submission.Submit(spec, "ann", cancel: Cancel);
        return Assert.Single(Assert.IsType<SubmitResult.Accepted>(result).Answer.Runs).Id;
    }

    private Task Put(string key, string text) => store.Put(key, Encoding.UTF8.GetBytes(text), cancel: Cancel);

    private async Task<RunRecord> Load(string run) => (await new RunStore(store).Load(run, Cancel))!.Run;

    private Task<RunChange> Apply(string run, RunEvent happened) => new RunStore(store).Apply(run, happened, Cancel);

    private async Task End(string run, Cause cause)
    {
        var claimed = await Apply(run, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        Assert.True((await Apply(run, new RunEvent.Finish(claimed.Run!.Epoch, new(cause)))).Moved);
    }
}
