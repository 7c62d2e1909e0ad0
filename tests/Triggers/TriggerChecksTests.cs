using Serverless.Core.Runs;

namespace Serverless.Tests.Triggers;

/// <summary>What a trigger refers to is looked up before it is stored.</summary>
public sealed class TriggerChecksTests
{
    [Theory]
    [InlineData("params: { x: \"${run.params.sparsty}\" }", "then.params.x", "did you mean 'sparsity'?")]
    [InlineData("params: { x: \"${run.metrics.val/acuracy}\" }", "then.params.x", "did you mean 'val/accuracy'?")]
    [InlineData("inputs: [\"${run.artifacts.weight}\"]", "then.inputs[0]", "left no artifact 'weight'")]
    [InlineData("machine: gpu-t4", "then.machine", "there is no machine class")]
    public async Task WhatNoRunHas_IsRefused(string then, string path, string said)
    {
        var world = await TriggerWorld.New();
        await world.Ended(
            "mlp", new { sparsity = 0.5 }, new Dictionary<string, double> { ["val/accuracy"] = 0.9 }, artifacts: ["weights.safetensors"]);
        var problem = Assert.Single(await world.Problems(TriggerWorld.OnMlp(then: then)));
        Assert.Equal(path, problem.Path);
        Assert.Contains(said, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatNoRunHasShownYet_MayBeAnything()
    {
        var world = await TriggerWorld.New();
        const string Then = "params: { a: \"${run.params.new}\", b: \"${run.metrics.new}\", c: [\"${run.metrics.other}\", 1] }\n  inputs: " +
            "[\"${run.artifacts.new}\"]\n  tags: [\"${run.params.new}\"]";
        Assert.Empty(await world.Problems(TriggerWorld.OnMlp(then: Then)));
        await world.Ended("mlp", new { sparsity = 0.5 }, cause: Cause.UserCode);
        Assert.Equal(
            "then.params.a",
            Assert.Single((await world.Problems(TriggerWorld.OnMlp(then: Then))).DistinctBy(problem => problem.Path),
                problem => problem.Path != "then.tags[0]").Path);
    }

    [Fact]
    public async Task ASnapshotThatIsNotThere_OrNoneAtAll_IsRefused()
    {
        var world = await TriggerWorld.New();
        Assert.Contains(
            "there is no snapshot",
            Assert.Single(await world.Problems(TriggerWorld.OnMlp().Replace("SNAPSHOT", new string('a', 64), StringComparison.Ordinal))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "give the snapshot",
            Assert.Single(await world.Problems(TriggerWorld.OnMlp().Replace("snapshot: SNAPSHOT", "path: .", StringComparison.Ordinal))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATriggerThatWouldSetItselfOff_IsRefused()
    {
        var world = await TriggerWorld.New();
        var problem = Assert.Single(await world.Problems(TriggerWorld.OnMlp().Replace("name: cnn\n", "name: mlp\n", StringComparison.Ordinal)));
        Assert.Equal("then.name", problem.Path);
        Assert.Contains("set itself off", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATriggerOnWhatItsExperimentPublishes_IsRefused()
    {
        var world = await TriggerWorld.New();
        Assert.Empty(await world.Problems(TriggerWorld.OnFile("data/results/**")));
        await world.End(await world.Submit("from-file"), data: ["results/a/b.csv"]);
        Assert.Contains("publishes data/results/a/b.csv", Assert.Single(await world.Problems(TriggerWorld.OnFile("data/results/**"))).Message,
            StringComparison.Ordinal);
        Assert.Empty(await world.Problems(TriggerWorld.OnFile("data/other/**")));
    }

    /// <summary>The newest run that it would have acted on stands for those to come, not one that ended in another way.</summary>
    [Theory]
    [InlineData(", state: failed", "onlyFailed", true)]
    [InlineData(", state: failed", "onlySucceeded", false)]
    [InlineData("", "onlyFailed", false)]
    [InlineData("", "onlySucceeded", true)]
    [InlineData(", state: [failed, succeeded]", "onlyFailed", true)]
    public async Task ATemplate_IsTriedWithARunOfTheKindThatItWaitsFor(string when, string parameter, bool isThere)
    {
        var world = await TriggerWorld.New();
        await world.Ended("mlp", new { onlySucceeded = 1 });
        await world.Ended("mlp", new { onlyFailed = 1 }, cause: Cause.UserCode);
        var problems = await world.Problems(TriggerWorld.OnMlp(when, then: $"params: {{ x: \"${{run.params.{parameter}}}\" }}"));
        Assert.Equal(isThere ? [] : ["then.params.x"], problems.Select(problem => problem.Path));
    }

    /// <summary>Of an artifact trigger they are those that succeeded.</summary>
    [Fact]
    public async Task AnArtifactTrigger_IsTriedWithARunThatSucceeded()
    {
        var world = await TriggerWorld.New();
        await world.Ended("mlp", new { good = 1 }, artifacts: ["weights"]);
        await world.Ended("mlp", new { bad = 1 }, cause: Cause.UserCode);
        Assert.Empty(await world.Problems(TriggerWorld.OnMlp(then: "params: { x: \"${run.params.good}\" }")
            .Replace("{ run: { project: pruning, experiment: mlp } }", "{ artifact: { project: pruning, experiment: mlp, path: \"weights*\" } }",
                StringComparison.Ordinal)));
    }
}
