using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Tests.Triggers;

namespace Serverless.Tests.Spec;

/// <summary>Artifacts of other runs as inputs.</summary>
public sealed class RunInputTests
{
    private const string Id = "7YBQWCM12731JXNM8VMARRJ9A1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData($"run:{Id}/artifacts/weights.safetensors", "weights.safetensors")]
    [InlineData($"run:{Id}/artifacts/deep/er.txt", "deep/er.txt")]
    [InlineData($"run:{Id}/weights.safetensors", null)]
    [InlineData($"run:{Id}/artifacts/", null)]
    [InlineData($"run:{Id}/artifacts/../x", null)]
    [InlineData("run:short/artifacts/x", null)]
    [InlineData("data/x", null)]
    public void AnInput_NamesARunAndAPath(string text, string? path)
    {
        Assert.Equal(path, RunInput.Parse(text)?.Path);
        if (path is not null) Assert.Equal(text, RunInput.Parse(text)!.ToString());
    }

    [Fact]
    public async Task TheSameArtifactOfTwoRuns_IsTheSameInput()
    {
        var world = await TriggerWorld.New();
        var (first, second) = (await world.Ended("mlp", new { n = 1 }, artifacts: ["weights.bin"]),
            await world.Ended("mlp", new { n = 2 }, artifacts: ["weights.bin"]));
        Assert.False((await Submit(world, $"run:{first}/artifacts/weights.bin")).Single().Reused);
        Assert.True((await Submit(world, $"run:{second}/artifacts/weights.bin")).Single().Reused);
        Assert.Equal(first, world.Runs("reader").Single().Spec.Inputs.Single().Run);
    }

    [Fact]
    public async Task WhatIsNotThere_IsSaid()
    {
        var world = await TriggerWorld.New();
        var run = await world.Ended("mlp", artifacts: ["weights.bin", "other.bin"]);
        var going = await world.Submit("mlp");
        var problems = await Problems(world, $"run:{Id}/artifacts/x", $"run:{run}/artifacts/weight.bin", $"run:{going}/artifacts/x", "run:x/y");
        Assert.Equal("inputs[3]", Assert.Single(problems).Path);
        problems = await Problems(world, $"run:{Id}/artifacts/x", $"run:{run}/artifacts/weight.bin", $"run:{going}/artifacts/x");
        Assert.Equal(
            [$"there is no run {Id}", $"run {run} left no artifact 'weight.bin'; did you mean 'weights.bin'?",
                $"run {going} has not ended; its artifacts are inputs once it has"], problems.Select(problem => problem.Message));
    }

    [Fact]
    public async Task TwoInputsOfOnePath_AreRefused()
    {
        var world = await TriggerWorld.New();
        var (first, second) = (await world.Ended("mlp", new { n = 1 }, artifacts: ["a"]), await world.Ended("mlp", new { n = 2 }, artifacts: ["a"]));
        Assert.Contains("both be artifacts/a", Assert.Single(await Problems(world, $"run:{first}/artifacts/a", $"run:{second}/artifacts/a")).Message,
            StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<SubmittedRun>> Submit(TriggerWorld world, params string[] inputs) =>
        Assert.IsType<SubmitResult.Accepted>(await world.Workspace.Submission.Submit(Spec(world, inputs), "ann", cancel: Cancel)).Answer.Runs;

    private static async Task<IReadOnlyList<Problem>> Problems(TriggerWorld world, params string[] inputs) =>
        Assert.IsType<SubmitResult.Invalid>(await world.Workspace.Submission.Submit(Spec(world, inputs), "ann", cancel: Cancel)).Problems;

    private static ExperimentSpec Spec(TriggerWorld world, string[] inputs) => new()
    {
        Project = "pruning",
        Name = "reader",
        Code = new(world.Snapshot),
        Command = "train.cs",
        Inputs = inputs,
    };
}
