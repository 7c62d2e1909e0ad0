using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Triggers;

/// <summary>What a trigger would have done about what happened before it was there; nothing of it is done.</summary>
public sealed class TriggerTrialTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OfEveryRun_ItSays_WhetherItWouldSubmit_AndWhyNot()
    {
        var world = await TriggerWorld.New();
        var failed = await world.Ended("mlp", new { sparsity = 0.1, kind = "a" }, new { acc = 0.99 }, Cause.UserCode);
        var good = await world.Ended("mlp", new { sparsity = 0.2, kind = "a" }, new { acc = 0.8 });
        var worse = await world.Ended("mlp", new { sparsity = 0.3, kind = "a" }, new { acc = 0.7 });
        var dense = await world.Ended("mlp", new { sparsity = 0.9, kind = "b" }, new { acc = 0.9 });
        var without = await world.Ended("mlp", new { sparsity = 0.4, kind = "a" });
        var looped = await world.Ended("mlp", new { sparsity = 0.5, kind = "a" }, new { acc = 0.95 }, origin: new("tried", "f", ["tried"]));
        var odd = await world.Ended("mlp", new { sparsity = new[] { 1 }, kind = "a" }, new { acc = 0.98 });
        await world.Ended("other", new { sparsity = 0.2 }, new { acc = 1.0 });
        var running = await world.Submit("mlp", new { sparsity = 0.6 });

        var trial = await world.Try(
            TriggerWorld.OnMlp(
                ", where: \"params.kind == 'a'\", best: { metric: acc, goal: maximize }", "tags: [\"s${run.params.sparsity}\"]", name: "tried"));

        Assert.Equal("tried", trial.Trigger);
        var byRun = trial.Events.ToDictionary(one => ((TriggerEvent.RunEnd)one.What).Run);
        Assert.Equal(7, byRun.Count);
        Assert.DoesNotContain(running, byRun.Keys);
        Assert.All(trial.Events, one => Assert.Equal((null, $"run {((TriggerEvent.RunEnd)one.What).Run}"), (one.Did, one.Event)));
        Assert.Equal(["s0.2"], byRun[good].Experiment!.Value.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));
        Assert.Equal([good], byRun.Where(one => one.Value.Fires).Select(one => one.Key));
        Assert.Equal((true, null), (byRun[good].Fires, byRun[good].Why));
        var whys = new Dictionary<string, string>
        {
            [failed] = "it ended failed",
            [worse] = $"acc is 0.7, not better than the 0.8 of run {good}",
            [dense] = "params.kind == 'a' is false: params.kind is b",
            [without] = "it has no acc",
            [looped] = "a loop: tried → tried",
            [odd] = "then.tags[0]: ${run.params.sparsity} is a list, which cannot be part of a text; write it alone",
        };

        Assert.Equal(whys, byRun.Where(one => !one.Value.Fires).ToDictionary(one => one.Key, one => one.Value.Why!));
        Assert.All(trial.Events.Where(one => !one.Fires), one => Assert.Null(one.Experiment));
        var record = (await world.Workspace.Runs.Load(good, Cancel))!.Run;
        Assert.Equal(record.Ended, byRun[good].At);
        Assert.Empty(world.Runs("cnn"));
        Assert.Empty(world.Pending);
    }

    [Fact]
    public async Task OfManyRuns_TheFiftyNewestAreTried()
    {
        var world = await TriggerWorld.New();
        var runs = new List<string>();
        for (var i = 0; i < 52; i++) runs.Add(await world.Ended("mlp", new { sparsity = i }));
        var trial = await world.Try(TriggerWorld.OnMlp());
        Assert.Equal(runs.AsEnumerable().Reverse().Take(50), trial.Events.Select(one => ((TriggerEvent.RunEnd)one.What).Run));
    }

    [Fact]
    public async Task OfArtifacts_ThoseOfSucceededRuns_ThatThePatternMatches()
    {
        var world = await TriggerWorld.New();
        await world.Ended("mlp", artifacts: ["weights.safetensors"], cause: Cause.UserCode);
        var source = await world.Ended("mlp", artifacts: ["epochs/9/weights.safetensors", "weights.safetensors", "results.json"]);
        var trial = await world.Try(
            TriggerWorld.OnMlp(then: "params: { path: \"${event.path}\", name: \"${event.name}\" }\n  inputs: [\"${event.input}\"]")
                .Replace("{ run: { project: pruning, experiment: mlp } }",
                    "{ artifact: { project: pruning, experiment: mlp, path: \"**/*.safetensors\" } }", StringComparison.Ordinal));
        Assert.Equal(
            [new TriggerEvent.Artifact(source, "epochs/9/weights.safetensors"), new TriggerEvent.Artifact(source, "weights.safetensors")],
            trial.Events.Select(one => (TriggerEvent.Artifact)one.What).OrderBy(one => one.Path, StringComparer.Ordinal));
        var deep = trial.Events.Single(one => one.Event.Contains("epochs", StringComparison.Ordinal)).Experiment!.Value;
        Assert.Equal("epochs/9/weights.safetensors", deep.GetProperty("params").GetProperty("path").GetString());
        Assert.Equal("weights.safetensors", deep.GetProperty("params").GetProperty("name").GetString());
        Assert.Equal($"run:{source}/artifacts/epochs/9/weights.safetensors", deep.GetProperty("inputs")[0].GetString());
    }

    [Theory]
    [InlineData("data/in/*.csv", "data/in/a.csv data/in/b.csv")]
    [InlineData("data/in/a.csv", "data/in/a.csv")]
    [InlineData("data/in/[b-c].csv", "data/in/b.csv")]
    [InlineData("data/in/?.txt", "data/in/c.txt")]
    [InlineData("data/**", "data/in/a.csv data/in/b.csv data/in/c.txt data/in/deep/d.csv")]
    [InlineData("data/out/*", "")]
    public async Task OfFiles_ThoseThatAreThere_AndThePatternMatches(string pattern, string expected)
    {
        var world = await TriggerWorld.New();
        foreach (var path in (string[])["data/in/a.csv", "data/in/b.csv", "data/in/c.txt", "data/in/deep/d.csv"]) await world.PutFile(path, path);
        world.Time.Advance(TimeSpan.FromHours(1));
        var trial = await world.Try(TriggerWorld.OnFile(pattern));
        Assert.Equal(expected, string.Join(' ', trial.Events.Select(one => ((TriggerEvent.File)one.What).Path)));
        foreach (var one in trial.Events)
        {
            var there = (await world.Store.Head(((TriggerEvent.File)one.What).Path, Cancel)).Value!;
            Assert.Equal((true, there.Modified, there.ETag), (one.Fires, one.At, ((TriggerEvent.File)one.What).ETag));
        }
    }

    [Fact]
    public async Task OfManyFiles_AHundredAreTried()
    {
        var world = await TriggerWorld.New();
        for (var i = 0; i < 103; i++) await world.PutFile($"data/in/{i:000}.csv", "x");
        await world.PutFile("data/in/000.txt", "x");
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"data/in/{i:000}.csv"),
            (await world.Try(TriggerWorld.OnFile("data/in/*.csv"))).Events.Select(one => ((TriggerEvent.File)one.What).Path));
    }

    [Fact]
    public async Task OfADataset_EveryVersion_AndOfNoOther()
    {
        var world = await TriggerWorld.New();
        foreach (var (name, version) in ((string, int)[])[("digits", 1), ("digits", 2), ("digits-small", 1), ("letters", 1)])
        {
            await world.Store.Put(WorkspacePaths.DatasetVersion(name, version), "{}"u8, cancel: Cancel);
        }

        await world.Store.Put(
            WorkspacePaths.DatasetVersion("digits", 1).Replace("000001", "notes", StringComparison.Ordinal), "{}"u8, cancel: Cancel);
        var trial = await world.Try(
            TriggerWorld.OnMlp(then: "params: { of: \"${dataset.name}\", version: \"${dataset.version}\", data: \"${dataset.ref}\" }")
                .Replace("{ run: { project: pruning, experiment: mlp } }", "{ dataset: digits }", StringComparison.Ordinal));
        Assert.Equal(["dataset digits:1", "dataset digits:2"], trial.Events.Select(one => one.Event));
        var filled = trial.Events[1].Experiment!.Value.GetProperty("params");
        Assert.Equal(("digits", 2, "digits:2"),
            (filled.GetProperty("of").GetString(), filled.GetProperty("version").GetInt32(), filled.GetProperty("data").GetString()));
    }

    [Fact]
    public async Task OfASchedule_TheLastFiveInstants_AndTheNextThree()
    {
        var world = await TriggerWorld.New(new(2026, 3, 2, 9, 30, 0, TimeSpan.Zero));
        var trial = await world.Try(ScheduleTests.Nightly());
        Assert.Equal(["26", "27", "28", "01", "02", "03", "04", "05"], trial.Events.Select(one => one.At.ToString("dd")));
        Assert.All(trial.Events, one => Assert.Equal(
            (true, $"{one.At:yyyy-MM-dd}T03:00:00Z"), (one.Fires, one.Experiment!.Value.GetProperty("params").GetProperty("at").GetString())));

        // Once a month: forty days back hold one or two of them.
        Assert.Equal(["02-01", "03-01", "04-01", "05-01", "06-01"],
            (await world.Try(ScheduleTests.Nightly(cron: "0 3 1 * *"))).Events.Select(one => one.At.ToString("MM-dd")));
    }

    [Fact]
    public async Task WhatTheStoredTriggerDid_StandsBesideWhatItWouldDo()
    {
        var world = await TriggerWorld.New();
        var trigger = await world.Add(TriggerWorld.OnMlp());
        var followed = await world.Ended("mlp", new { sparsity = 0.1 });
        var broken = await world.Ended("mlp", new { density = 0.1 });
        var trial = await world.Engine.Trials.Try(trigger, Cancel);
        Assert.Equal([(broken, FiringOutcome.Failed, false), (followed, FiringOutcome.Submitted, true)],
            trial.Events.Select(one => (((TriggerEvent.RunEnd)one.What).Run, one.Did!.Value, one.Fires)));

        // The same definition, not stored, did nothing.
        Assert.All((await world.Try(TriggerWorld.OnMlp())).Events, one => Assert.Null(one.Did));
    }
}
