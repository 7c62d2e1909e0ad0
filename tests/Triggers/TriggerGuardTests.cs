using Serverless.Core.Events;
using Serverless.Core.Triggers;

namespace Serverless.Tests.Triggers;

/// <summary>What keeps a trigger from submitting: loops, depth, rate.</summary>
public sealed class TriggerGuardTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AStormOfTenThousandFiles_SubmitsWhatTheLimitAllows_AndRecordsTheRest()
    {
        var world = await TriggerWorld.New();
        var trigger = await world.Add(TriggerWorld.OnFile("data/in/*.csv", "{ debounce: 0s, perHour: 50 }"));
        for (var i = 0; i < 10_000; i++)
        {
            var changed = await world.PutFile($"data/in/{i % 5000}.csv", $"{i}");
            await world.Engine.Handle(changed, Cancel);
            if (i % 7 == 0) await world.Engine.Handle(changed, Cancel);
        }

        Assert.Equal(50, world.Runs().Count);
        var firings = await world.Engine.Firings("on-file", Cancel);
        Assert.Equal((50, 9_950),
            (firings.Count(firing => firing.Outcome == FiringOutcome.Submitted), firings.Count(firing => firing.Outcome == FiringOutcome.Stopped)));
        Assert.Contains("limits.perHour, 50", firings.First(firing => firing.Outcome == FiringOutcome.Stopped).Said);
        Assert.Empty(world.Pending);

        world.Time.Advance(TimeSpan.FromHours(1));
        await world.Engine.Handle(await world.PutFile("data/in/next.csv", "x"), Cancel);
        Assert.Equal(51, world.Runs().Count);
        var stopped = (await world.Engine.Firings("on-file", Cancel)).First(firing => firing.Outcome == FiringOutcome.Stopped).Id;
        Assert.Equal(FiringOutcome.Submitted, Assert.Single((await world.Engine.Replay(trigger, stopped, cancel: Cancel)).Done).Outcome);
    }

    [Fact]
    public async Task ALoop_IsStopped_WithAClearRecord()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(name: "to-cnn"));
        await world.Add(
            TriggerWorld.OnMlp(name: "to-mlp", then: "params: { model: mlp }").Replace("experiment: mlp", "experiment: cnn", StringComparison.Ordinal)
                .Replace("name: cnn\n", "name: mlp\n", StringComparison.Ordinal));
        await world.Ended("mlp", new { sparsity = 0.5 });
        await world.Engine.Handle(await world.End(world.Runs("cnn")[0].Id), Cancel);
        var second = world.Runs("mlp").Single(run => run.Origin is not null);
        Assert.Equal(["to-cnn", "to-mlp"], second.Origin!.Chain);
        await world.Engine.Handle(await world.End(second.Id), Cancel);

        Assert.Single(world.Runs("cnn"));
        var stopped = (await world.Engine.Firings("to-cnn", Cancel)).Single(firing => firing.Outcome == FiringOutcome.Stopped);
        Assert.Equal("a loop: to-cnn → to-mlp → to-cnn", stopped.Said);
        Assert.Equal(3, world.Acts.Count);
    }

    [Fact]
    public async Task ALoopThroughAFile_IsStopped_ForTheFileSaysWhichRunPublishedIt()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnFile("data/out/*.csv"));
        await world.Engine.Handle(await world.PutFile("data/out/a.csv", "by hand"), Cancel);
        var first = Assert.Single(world.Runs("from-file"));
        await world.End(first.Id, data: ["out/b.csv"]);
        Assert.DoesNotContain((await world.Workspace.Publication.Publish(first.Id, Cancel))!.Files, file => file.Why is not null);
        var published = (await world.Store.Head("data/out/b.csv", Cancel)).Value!;
        await world.Engine.Handle(
            new FileChanged(TriggerWorld.Team, published.Key, published.ETag, published.LengthBytes, world.Time.GetUtcNow()), Cancel);
        Assert.Single(world.Runs("from-file"));
        Assert.Equal("a loop: on-file → on-file",
            (await world.Engine.Firings("on-file", Cancel)).Single(firing => firing.Outcome == FiringOutcome.Stopped).Said);
    }

    [Fact]
    public async Task TooManyTriggersInARow_AreStopped()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(limits: "{ depth: 2 }"));
        await world.Ended("mlp", new { sparsity = 0.5 }, origin: new("b", "f", ["a", "b"]));
        Assert.Empty(world.Runs("cnn"));
        Assert.Equal("2 triggers led here (a → b); limits.depth of cnn-after-mlp is 2", (await world.OnlyFiring("cnn-after-mlp")).Reason);
    }
}
