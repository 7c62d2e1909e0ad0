using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Triggers;

/// <summary>Records of triggers: when one is another, who wins of two, and what is said of one that cannot be used.</summary>
public sealed class TriggerStoreTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Damages => new()
    {
        { """{ "file": "data/in/" }""", "its pattern is none" },
        { """{ "artifact": { "project": "p", "experiment": "e", "path": "out/[" } }""", "its pattern is none" },
        { """{ "run": { "project": "p", "experiment": "e", "where": "acc >" } }""", "its condition is none" },
        { """{ "schedule": { "cron": "61 * * * *" } }""", "its schedule is none: '61 * * * *' is not a schedule of five fields" },
        { "{}", "it waits for nothing" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void ATriggerThatCannotWait_IsSaidToBeDamaged_AndWhy(string when, string why) =>
        Assert.StartsWith(why, LiveTrigger.Problem(Record(when)), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{ "project": "", "name": "n" }""", "it submits nothing")]
    [InlineData("""{ "project": "p", "name": "" }""", "it submits nothing")]
    [InlineData("""{ "project": "p" }""", "its definition cannot be used: ")]
    [InlineData("""{ "project": 1, "name": "n" }""", "its definition cannot be used: ")]
    [InlineData("[]", "its definition cannot be used: ")]
    public void ATriggerThatSubmitsNothing_IsSaidToBeDamaged(string then, string why) =>
        Assert.StartsWith(why, LiveTrigger.Problem(Record("""{ "dataset": "d" }""", then)), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{ "run": { "project": "p", "experiment": "e", "where": "acc > 1" } }""")]
    [InlineData("""{ "artifact": { "project": "p", "experiment": "e", "path": "out/*" } }""")]
    [InlineData("""{ "file": "data/x" }""")]
    [InlineData("""{ "dataset": "d" }""")]
    [InlineData("""{ "schedule": { "cron": "0 3 * * *" } }""")]
    public void ASoundTrigger_HasNoProblem(string when) => Assert.Null(LiveTrigger.Problem(Record(when)));

    [Fact]
    public void WhatATriggerAsksARunFor_IsWhatItsConditionItsBestAndItsTemplateName()
    {
        const string When = """
            { "run": { "project": "p", "experiment": "e", "where": "loss < 1 and val/acc > 0",
                "best": { "metric": "acc", "goal": "maximize" } } }
            """;
        const string Then = """{ "project": "p", "name": "n", "tags": ["a${run.metrics.top5}", "${run.metrics.loss}", "${run.params.lr}"] }""";
        var trigger = new LiveTrigger(Record(When, Then));
        Assert.Equal(["acc", "loss", "top5", "val/acc"], trigger.Metrics.Order(StringComparer.Ordinal));
        Assert.False(trigger.AsksForArtifacts);
        Assert.Same(trigger.Metrics, trigger.Metrics);
        Assert.True(new LiveTrigger(Record("""{ "artifact": { "project": "p", "experiment": "e", "path": "*" } }""")).AsksForArtifacts);
        Assert.True(
            new LiveTrigger(Record("""{ "run": { "project": "p", "experiment": "e" } }""",
                """{ "project": "p", "name": "n", "env": { "A": "b" }, "inputs": ["data/x", "${run.artifacts.a}"] }""")).AsksForArtifacts);
    }

    [Fact]
    public async Task ATriggerThatWaitsForSomethingElse_BeginsAnew_AndOneThatSubmitsSomethingElseGoesOn()
    {
        var world = await TriggerWorld.New();
        var first = await world.Add(TriggerWorld.OnMlp());
        world.Time.Advance(TimeSpan.FromSeconds(5));
        var other = TriggerWorld.OnMlp(then: "params: { model: other }").Replace("SNAPSHOT", world.Snapshot, StringComparison.Ordinal);
        var (changed, isNew) = await world.Engine.Stored.Put(TriggerReader.Read(other, SpecFormat.Yaml).Definition!, "bob", Cancel);
        Assert.Equal((false, first.Id, first.Since, "bob"), (isNew, changed.Id, changed.Since, changed.By));
        world.Time.Advance(TimeSpan.FromSeconds(5));
        var waiting = await world.Add(TriggerWorld.OnMlp(", state: failed"));
        Assert.Equal((first.Id, world.Time.GetUtcNow(), "ann"), (waiting.Id, waiting.Since, waiting.By));
        Assert.Equal(Text(waiting), Text(Assert.Single((await world.Engine.Stored.List(Cancel)).Found)));
    }

    [Fact]
    public async Task OfTwoWhoStoreATriggerAtOnce_OneMadeIt_AndNeitherIsLost()
    {
        var world = await TriggerWorld.New();
        var raced = Raced(world, () => world.Add(TriggerWorld.OnMlp()));
        var mine = TriggerWorld.OnMlp(limits: "{ depth: 3 }").Replace("SNAPSHOT", world.Snapshot, StringComparison.Ordinal);
        var (stored, isNew) = await raced.Put(TriggerReader.Read(mine, SpecFormat.Yaml).Definition!, "bob", Cancel);
        Assert.False(isNew);
        Assert.Equal(3, stored.Definition.Limits.Depth);
        Assert.Equal((stored.Id, stored.By, 3), await Now());

        // Paused by somebody at the same moment as it is changed: both hold.
        raced = Raced(world, () => world.Add(TriggerWorld.OnMlp(limits: "{ depth: 4 }")));
        var paused = await raced.Pause("cnn-after-mlp", paused: true, "bob", Cancel);
        Assert.Equal(("bob", 4), (paused!.Paused!.By, paused.Definition.Limits.Depth));
        Assert.Equal(Text(paused), Text(await world.Engine.Stored.Get("cnn-after-mlp", Cancel)));

        async Task<(string, string?, int)> Now() =>
            await world.Engine.Stored.Get("cnn-after-mlp", Cancel) is { } now ? (now.Id, now.By, now.Definition.Limits.Depth) : default;
    }

    [Fact]
    public async Task Pausing_KeepsWhoDidItFirst_AndResuming_BeginsAnew()
    {
        var world = await TriggerWorld.New();
        var added = await world.Add(TriggerWorld.OnMlp());
        world.Time.Advance(TimeSpan.FromSeconds(1));
        var paused = await world.Engine.Stored.Pause("cnn-after-mlp", paused: true, "ann", Cancel);
        Assert.Equal((world.Time.GetUtcNow(), "ann", added.Since), (paused!.Paused!.At, paused.Paused.By, paused.Since));
        world.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Text(paused), Text(await world.Engine.Stored.Pause("cnn-after-mlp", paused: true, "bob", Cancel)));
        var resumed = await world.Engine.Stored.Pause("cnn-after-mlp", paused: false, "bob", Cancel);
        Assert.Equal((null, world.Time.GetUtcNow()), (resumed!.Paused, resumed.Since));
        Assert.Null(await world.Engine.Stored.Pause("nothing", paused: true, "ann", Cancel));
    }

    [Theory]
    [InlineData("no such name")]
    [InlineData("../escape")]
    [InlineData("")]
    public async Task ANameThatIsNone_IsNoTrigger(string name)
    {
        var world = await TriggerWorld.New();
        Assert.Null(await world.Engine.Stored.Get(name, Cancel));
        Assert.Null(await world.Engine.Stored.Pause(name, paused: true, null, Cancel));
        Assert.False(await world.Engine.Stored.Remove(name, Cancel));
    }

    [Fact]
    public async Task RemovingATrigger_TakesItsStateAlong_AndLeavesWhatItDid()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp());
        await world.Ended("mlp", new { sparsity = 0.5 });
        Assert.NotNull(world.Store.Peek(WorkspacePaths.TriggerState("cnn-after-mlp")));
        Assert.True(await world.Engine.Stored.Remove("cnn-after-mlp", Cancel));
        Assert.Null(world.Store.Peek(WorkspacePaths.TriggerState("cnn-after-mlp")));
        Assert.Single(await world.Engine.Firings("cnn-after-mlp", Cancel));
        Assert.False(await world.Engine.Stored.Remove("cnn-after-mlp", Cancel));
    }

    [Fact]
    public async Task ARecordUnderAnotherName_IsDamaged_AndSaysWhoseItIs()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp());
        await world.Store.Put(WorkspacePaths.Trigger("copied"), world.Store.Peek(WorkspacePaths.Trigger("cnn-after-mlp"))!.Body, cancel: Cancel);
        var listed = await world.Engine.Stored.List(Cancel);
        Assert.Equal(["cnn-after-mlp"], listed.Found.Select(trigger => trigger.Name));
        var damage = Assert.Single(listed.Damaged);
        Assert.Equal(WorkspacePaths.Trigger("copied"), damage.Key);
        Assert.Contains("it is of trigger cnn-after-mlp", damage.Why, StringComparison.Ordinal);
    }

    /// <summary>Triggers as somebody stores them who is overtaken once, just before the first write.</summary>
    private static TriggerStore Raced(TriggerWorld world, Func<Task> overtake)
    {
        var done = false;
        var writes = new FailingWrites(world.Store, world.Bus)
        {
            Writing = _ =>
            {
                if (done) return;
                done = true;
                overtake().GetAwaiter().GetResult();
            },
        };
        return new(writes.Store, new SystemIds(world.Time));
    }

    private static string Text(TriggerRecord? record) => JsonSerializer.Serialize(record, CoreJson.Options);

    private static TriggerRecord Record(string when, string then = """{ "project": "p", "name": "n" }""") => new(
        "1", new("t", JsonSerializer.Deserialize<TriggerWhen>(when, CoreJson.Options)!, JsonElement.Parse(then)), null, default, default);
}
