using Microsoft.Extensions.Logging;
using Serverless.Core.Datasets;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Triggers;

public sealed class TriggerEngineTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARunThatEnds_IsFollowedByTheExperiment_WithItsValues()
    {
        var world = await TriggerWorld.New();
        await world.Add(
            TriggerWorld.OnMlp(
                ", where: \"val/accuracy > 0.95 and params.optimizer.lr < 1\"",
                "params: { sparsity: \"${run.params.sparsity}\", optimizer: \"${run.params.optimizer}\", lr: \"${run.params.optimizer.lr}\", " +
                "label: \"of ${run.id} at ${run.metrics.val/accuracy}\" }\n  tags: [\"s${run.params.sparsity}\", \"${run.params.sparsity}\"]"));
        var source = await world.Ended("mlp", new { sparsity = 0.9, optimizer = new { lr = 0.1, betas = new[] { 0.9, 0.99 } } },
            new Dictionary<string, double> { ["val/accuracy"] = 0.97 });

        var run = Assert.Single(world.Runs("cnn"));
        Assert.Equal((0.1, """{"betas":[0.9,0.99],"lr":0.1}"""), (run.Spec.Params["lr"].GetDouble(), run.Spec.Params["optimizer"].GetRawText()));
        Assert.Equal(0.9, run.Spec.Params["sparsity"].GetDouble());
        Assert.Equal($"of {source} at 0.97", run.Spec.Params["label"].GetString());
        Assert.Equal(["s0.9", "0.9"], run.Tags);
        Assert.Equal("trigger:cnn-after-mlp", run.SubmittedBy);
        Assert.Equal($"submitted by trigger cnn-after-mlp, because of run {source}", run.History[0].Message);
        Assert.Equal(("cnn-after-mlp", source), (run.Origin!.Trigger, run.Origin.Run));
        Assert.Equal(["cnn-after-mlp"], run.Origin.Chain);
        Assert.True(world.IsWoken(run.Id));
        var firing = await world.OnlyFiring("cnn-after-mlp");
        Assert.Equal([new(TriggerWorld.Team, "cnn-after-mlp", firing.Id)], world.Acts);
    }

    [Fact]
    public async Task AnEventToldAgain_SubmitsNothingMore()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp());
        var (first, second) = (await world.Submit("mlp", new { sparsity = 0.1 }), await world.Submit("mlp", new { sparsity = 0.2 }));
        var (ended, later) = (await world.End(first), await world.End(second));
        foreach (var told in (RunEnded[])[later, ended, ended, later, later]) await world.Engine.Handle(told, Cancel);
        Assert.Equal([0.1, 0.2], world.Runs("cnn").Select(run => run.Spec.Params["sparsity"].GetDouble()).Order());
        Assert.Equal(2, world.Acts.Count);
    }

    [Theory]
    [InlineData("", Cause.UserCode, false)]
    [InlineData(", state: failed", Cause.UserCode, true)]
    [InlineData(", state: [succeeded, failed]", Cause.UserCode, true)]
    [InlineData(", where: \"params.sparsity > 0.9\"", Cause.Completed, false)]
    [InlineData(", where: \"tags == wanted and params.sparsity == 0.5\"", Cause.Completed, true)]
    public async Task OnlyWhatATriggerWaitsFor_IsFollowed(string when, Cause cause, bool follows)
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(when));
        await world.Ended("mlp", new { sparsity = 0.5 }, cause: cause, tags: ["wanted"]);
        await world.Ended("other", new { sparsity = 0.5 });
        Assert.Equal(follows ? 1 : 0, world.Runs("cnn").Count);
    }

    [Fact]
    public async Task BestSoFar_IsBetterThanAllThatEndedBefore_WhateverIsToldFirst()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(", best: { metric: acc, goal: maximize }"));
        var told = new List<RunEnded>();
        foreach (var (sparsity, accuracy) in ((double, double)[])[(0.1, 0.8), (0.2, 0.7), (0.3, 0.8), (0.4, 0.9), (0.5, 0.85)])
        {
            var run = await world.Submit("mlp", new { sparsity });
            world.Time.Advance(TimeSpan.FromSeconds(1));
            told.Add(await world.End(run, metrics: new { acc = accuracy }));
        }

        told.Add(await world.End(await world.Submit("mlp", new { sparsity = 0.6 })));
        told.Add(await world.End(await world.Submit("mlp", new { sparsity = 0.7 }), Cause.UserCode, new { acc = 1.0 }));
        told.Reverse();
        foreach (var ended in told) await world.Engine.Handle(ended, Cancel);
        Assert.Equal([0.1, 0.4], world.Runs("cnn").Select(run => run.Spec.Params["sparsity"].GetDouble()).Order());
    }

    [Fact]
    public async Task WhatHappenedBefore_OrWhilePaused_IsNotActedOn_ButCanBeReplayed()
    {
        var world = await TriggerWorld.New();
        var before = await world.End(await world.Submit("mlp", new { sparsity = 0.1 }));
        world.Time.Advance(TimeSpan.FromSeconds(5));
        var trigger = await world.Add(TriggerWorld.OnMlp());
        await world.Engine.Handle(before, Cancel);
        await world.Engine.Stored.Pause("cnn-after-mlp", paused: true, "ann", Cancel);
        var meanwhile = await world.Ended("mlp", new { sparsity = 0.2 });
        world.Time.Advance(TimeSpan.FromSeconds(5));
        trigger = (await world.Engine.Stored.Pause("cnn-after-mlp", paused: false, "ann", Cancel))!;
        await world.Engine.Handle(new RunEnded(TriggerWorld.Team, meanwhile, RunState.Succeeded, null), Cancel);
        Assert.Empty(world.Runs("cnn"));

        var trial = await world.Engine.Trials.Try(trigger, Cancel);
        Assert.Equal([true, true], trial.Events.Select(cause => cause.Fires));
        Assert.Equal(0.2, trial.Events[0].Experiment!.Value.GetProperty("params").GetProperty("sparsity").GetDouble());
        Assert.Empty(world.Runs("cnn"));
        var (done, problem) = await world.Engine.Replay(trigger, trial.Events[0].Firing[..12], cancel: Cancel);
        Assert.Null(problem);
        Assert.Equal(FiringOutcome.Submitted, Assert.Single(done).Outcome);
        Assert.Equal(0.2, Assert.Single(world.Runs("cnn")).Spec.Params["sparsity"].GetDouble());
        Assert.Equal([FiringOutcome.Submitted, null], (await world.Engine.Trials.Try(trigger, Cancel)).Events.Select(cause => cause.Did));
        Assert.Contains("was submitted", (await world.Engine.Replay(trigger, trial.Events[0].Firing, cancel: Cancel)).Problem);
    }

    [Fact]
    public async Task DeletedAndStoredAgain_ATriggerIsAnother_ButStoredAgainUnchanged_ItIsTheSame()
    {
        var world = await TriggerWorld.New();
        var first = await world.Add(TriggerWorld.OnMlp());
        world.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(first.Since, (await world.Add(TriggerWorld.OnMlp())).Since);
        var changed = await world.Add(TriggerWorld.OnMlp(limits: "{ depth: 3 }"));
        Assert.Equal((first.Id, first.Since), (changed.Id, changed.Since));
        Assert.True(await world.Engine.Stored.Remove("cnn-after-mlp", Cancel));
        var again = await world.Add(TriggerWorld.OnMlp());
        Assert.NotEqual(first.Id, again.Id);
        Assert.True(again.Since > first.Since);
    }

    [Fact]
    public async Task AnArtifact_IsAnInputOfWhatFollows()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(then: "inputs: [\"${run.artifacts.weights}\"]")
            .Replace("{ run: { project: pruning, experiment: mlp } }", "{ artifact: { project: pruning, experiment: mlp, path: \"weights*\" } }",
                StringComparison.Ordinal));
        var source = await world.Ended("mlp", artifacts: ["results.json", "weights.safetensors"]);
        var input = Assert.Single(Assert.Single(world.Runs("cnn")).Spec.Inputs);
        Assert.Equal(("artifacts/weights.safetensors", "sha-of-weights.safetensors", WorkspacePaths.Artifact(source, 1, "weights.safetensors")),
            (input.Path, input.Sha256, input.Key));
    }

    [Fact]
    public async Task ADatasetVersion_IsFollowed()
    {
        var world = await TriggerWorld.New();
        await world.Add(
            TriggerWorld.OnMlp(then: "params: { data: \"${dataset.ref}\", version: \"${dataset.version}\" }")
                .Replace("{ run: { project: pruning, experiment: mlp } }", "{ dataset: digits }", StringComparison.Ordinal));
        await world.Store.Put(WorkspacePaths.DatasetVersion("digits", 3), "{}"u8, cancel: Cancel);
        await world.Engine.Handle(new DatasetPublished(TriggerWorld.Team, "digits", 3, "sha"), Cancel);
        await world.Engine.Handle(new DatasetPublished(TriggerWorld.Team, "letters", 1, "sha"), Cancel);
        var run = Assert.Single(world.Runs("cnn"));
        Assert.Equal(("digits:3", 3), (run.Spec.Params["data"].GetString(), run.Spec.Params["version"].GetInt32()));
        Assert.Equal("digits:3", run.Origin!.Dataset);
    }

    [Fact]
    public async Task AFileThatIsStillBeingWritten_CountsOnceItIsLeftAlone()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnFile("data/in/*.csv", "{ debounce: 2s }"));
        for (var part = 1; part <= 5; part++)
        {
            await world.Engine.Handle(await world.PutFile("data/in/a.csv", new('x', part)), Cancel);
            world.Time.Advance(TimeSpan.FromSeconds(1));
            await Deliver(world);
            Assert.Empty(world.Runs());
        }

        world.Time.Advance(TimeSpan.FromSeconds(1));
        await Deliver(world);
        var run = Assert.Single(world.Runs());
        Assert.Equal((await world.Store.Head("data/in/a.csv", Cancel)).Value!.ETag, run.Spec.Params["version"].GetString());
        world.Time.Advance(TimeSpan.FromMinutes(1));
        await Deliver(world);
        Assert.Single(world.Runs());
        Assert.Equal(0, await world.Bus.Count(QueueNames.FileEvents, Cancel));
    }

    [Fact]
    public async Task AFileOfAnotherPattern_OrOneThatIsGone_IsNotFollowed()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnFile("data/in/*.csv"));
        await world.Engine.Handle(await world.PutFile("data/in/deeper/a.csv", "x"), Cancel);
        await world.Engine.Handle(await world.PutFile("data/in/a.txt", "x"), Cancel);
        var gone = await world.PutFile("data/in/gone.csv", "x");
        await world.Store.Delete(gone.Path, cancel: Cancel);
        await world.Engine.Handle(gone, Cancel);
        Assert.Empty(world.Runs());
    }

    [Fact]
    public async Task WhatFails_IsRecorded_AndDoneOnceTheTriggerIsMended()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(then: "inputs: [data/missing.csv]"));
        await world.Ended("mlp", new { sparsity = 0.5 });
        var failed = await world.OnlyFiring("cnn-after-mlp");
        Assert.Equal((FiringOutcome.Failed, "then.inputs[0]"), (failed.Outcome, Assert.Single(failed.Problems).Path));
        Assert.Empty(world.Runs("cnn"));

        await world.PutFile("data/missing.csv", "now it is there");
        var (done, problem) = await world.Engine.Replay((await world.Engine.Stored.Get("cnn-after-mlp", Cancel))!, cancel: Cancel);
        Assert.Null(problem);
        Assert.Equal((failed.Id, FiringOutcome.Submitted, 1), (Assert.Single(done).Id, done[0].Outcome, done[0].Replays));
        Assert.Single(world.Runs("cnn"));
        Assert.Empty((await world.Engine.Replay((await world.Engine.Stored.Get("cnn-after-mlp", Cancel))!, cancel: Cancel)).Done);
    }

    [Fact]
    public async Task AnUnchangedFollowOn_IsReused_AsForPeople()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(then: "params: { model: cnn }"));
        await world.Ended("mlp", new { sparsity = 0.1 });
        await world.Ended("mlp", new { sparsity = 0.2 });
        var run = Assert.Single(world.Runs("cnn"));
        var firings = await world.Engine.Firings("cnn-after-mlp", Cancel);
        Assert.Equal([true, false], firings.Select(firing => Assert.Single(firing.Runs).Reused));
        Assert.All(firings, firing => Assert.Equal(run.Id, firing.Runs[0].Id));
    }

    public static TheoryData<string, string> FieldsOfValues => new()
    {
        { "timeout: \"${run.params.x}h\"", "then.timeout" },
        { "grace: \"${run.params.x}s\"", "then.grace" },
        { "nodes: \"${run.params.x}\"", "then.nodes" },
        { "seed: \"${run.params.x}\"", "then.seed" },
        { "retries: { failed: \"${run.params.x}\" }", "then.retries.failed" },
        { "checkpoints: { keep: \"${run.params.x}\" }", "then.checkpoints.keep" },
        { "inputs: [\"data/${run.params.x}/a\"]", "then.inputs[0]" },
        { "tags: [\"a${run.params.x}\"]", "then.tags[0]" },
        { "checks: { loss: \"${run.params.x}..\" }", "then.checks.loss" },
    };

    [Theory]
    [MemberData(nameof(FieldsOfValues))]
    public async Task AValueThatDoesNotFitItsField_IsAProblemOfThatFiring_AndFailsNoEvent(string field, string path)
    {
        object[] values =
        [
            "no such thing", "", -1.5, 1e300, true, "NaN", "9999999999999999999999", new[] { 1, 2 }, "\ud83d\ude00", "1e-400", long.MaxValue,
        ];
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(then: field, limits: "{ perHour: 100 }"));
        foreach (var value in values) await world.Ended("mlp", new { x = value });

        var firings = await world.Engine.Firings("cnn-after-mlp", Cancel);
        Assert.Equal(values.Length, firings.Count);
        Assert.All(firings, firing => Assert.Contains(firing.Outcome, (FiringOutcome[])[FiringOutcome.Failed, FiringOutcome.Submitted]));
        var failed = new List<Firing>();
        foreach (var firing in firings.Where(firing => firing.Outcome == FiringOutcome.Failed))
        {
            failed.Add((await world.Engine.Firing("cnn-after-mlp", firing.Id, Cancel))!);
        }

        Assert.NotEmpty(failed);
        Assert.All(failed, firing => Assert.Contains(firing.Problems, problem => problem.Path == path && problem.Message.Length > 0));
        Assert.Equal(0, await world.Bus.Count(QueueNames.FileEvents, Cancel));
    }

    [Fact]
    public async Task OneTriggerThatCannotBeDealtWith_KeepsNoOtherFromIt()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(name: "a"));
        await world.Add(TriggerWorld.OnMlp(name: "b", then: "params: { model: other }"));
        var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.5 }));
        await world.Store.Put(
            WorkspacePaths.Firing("a", Firing.IdOf((await world.Engine.Stored.Get("a", Cancel))!.Id, new TriggerEvent.RunEnd(ended.Run))),
            "damaged"u8, cancel: Cancel);
        await Assert.ThrowsAsync<DamagedRecordException>(() => world.Engine.Handle(ended, Cancel));
        Assert.Single(world.Runs("cnn"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"formatVersion\":7}")]
    public async Task AnEventWhoseTriggerCannotBeRead_IsKept_WhileOthersAct(string damage)
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(name: "a"));
        await world.Add(TriggerWorld.OnMlp(name: "b", then: "params: { model: other }"));
        var whole = (await world.Store.Get(WorkspacePaths.Trigger("a"), cancel: Cancel))!.Body;
        var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.5 }));
        await world.Store.Put(WorkspacePaths.Trigger("a"), System.Text.Encoding.UTF8.GetBytes(damage), cancel: Cancel);
        await Assert.ThrowsAsync<DamagedRecordException>(() => world.Engine.Handle(ended, Cancel));
        await Assert.ThrowsAsync<DamagedRecordException>(() => world.Engine.Handle(ended, Cancel));
        Assert.Single(world.Runs("cnn"));

        await world.Store.Put(WorkspacePaths.Trigger("a"), whole, cancel: Cancel);
        await world.Engine.Handle(ended, Cancel);
        Assert.Equal(2, world.Runs("cnn").Count);
    }

    [Fact]
    public async Task AFileWhoseTriggerCannotBeRead_IsKept_AndNotSentAgainWithEveryTry()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnFile("data/in/*.csv", limits: "{ debounce: 5s }"));
        world.Time.Advance(TimeSpan.FromSeconds(1));
        await world.Store.Put(WorkspacePaths.Trigger("other"), "{"u8, cancel: Cancel);
        var changed = await world.PutFile("data/in/a.csv", "1");
        await world.Engine.Handle(changed, Cancel);
        Assert.Equal(1, await world.Bus.Count(QueueNames.FileEvents, Cancel));

        world.Time.Advance(TimeSpan.FromSeconds(6));
        await Assert.ThrowsAsync<DamagedRecordException>(() => world.Engine.Handle(changed, Cancel));
        await Assert.ThrowsAsync<DamagedRecordException>(() => world.Engine.Handle(changed, Cancel));
        Assert.Single(world.Runs("from-file"));
        Assert.Equal(1, await world.Bus.Count(QueueNames.FileEvents, Cancel));
    }

    [Fact]
    public async Task AFileFromBeforeTheTrigger_IsNotFollowed_ThoughItIsToldOfLater()
    {
        var world = await TriggerWorld.New();
        var changed = await world.PutFile("data/in/a.csv", "x");
        world.Time.Advance(TimeSpan.FromSeconds(1));
        await world.Add(TriggerWorld.OnFile("data/in/*.csv"));
        await world.Engine.Handle(changed, Cancel);
        Assert.Empty(world.Runs());
        Assert.Equal(0, await world.Bus.Count(QueueNames.FileEvents, Cancel));
    }

    [Fact]
    public async Task AVersionFromBeforeTheTrigger_OrOneThatIsGone_IsNotFollowed()
    {
        var world = await TriggerWorld.New();
        await world.Store.Put(WorkspacePaths.DatasetVersion("digits", 1), "{}"u8, cancel: Cancel);
        world.Time.Advance(TimeSpan.FromSeconds(1));
        await world.Add(
            TriggerWorld.OnMlp(then: "params: { data: \"${dataset.ref}\" }")
                .Replace("{ run: { project: pruning, experiment: mlp } }", "{ dataset: digits }", StringComparison.Ordinal));
        await world.Engine.Handle(new DatasetPublished(TriggerWorld.Team, "digits", 1, "sha"), Cancel);
        await world.Engine.Handle(new DatasetPublished(TriggerWorld.Team, "digits", 2, "sha"), Cancel);
        Assert.Empty(world.Runs());
    }

    /// <summary>Two triggers on one file, one more patient than the other: each acts once its own time is over.</summary>
    [Fact]
    public async Task AFile_IsLookedAtAgain_AtTheFirstTimeThatAnyTriggerWants()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnFile("data/in/*.csv", "{ debounce: 5s }"));
        await world.Add(TriggerWorld.OnFile("data/in/a*", "{ debounce: 60s }", "params: { slow: true }")
            .Replace("on-file", "slow", StringComparison.Ordinal)
            .Replace("name: from-file", "name: slow-from-file", StringComparison.Ordinal));
        await world.Engine.Handle(await world.PutFile("data/in/a.csv", "x"), Cancel);
        world.Time.Advance(TimeSpan.FromSeconds(5));
        await Deliver(world);
        Assert.Equal(["from-file"], world.Runs().Select(run => run.Experiment));
        world.Time.Advance(TimeSpan.FromSeconds(55));
        await Deliver(world);
        Assert.Equal(["from-file", "slow-from-file"], world.Runs().Select(run => run.Experiment).Order());
    }

    /// <summary>The clock was set back after the file was seen: nobody waits for that time to come again.</summary>
    [Fact]
    public async Task AFileFromTheFuture_HasBeenLeftAloneLongAgo()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnFile("data/in/*.csv", "{ debounce: 5s }"));
        var changed = await world.PutFile("data/in/a.csv", "x");
        await world.Engine.Handle(changed with { At = changed.At.AddSeconds(5) }, Cancel);
        Assert.Empty(world.Runs());
        await world.Engine.Handle(changed with { At = changed.At.AddSeconds(6) }, Cancel);
        Assert.Single(world.Runs());
    }

    [Fact]
    public async Task ASchedule_GoesOnFromWhereItGot_NotFromWhenItWasAdded()
    {
        var world = await TriggerWorld.New(new(2026, 3, 2, 2, 59, 0, TimeSpan.Zero));
        var trigger = await world.Add(ScheduleTests.Nightly());
        world.Time.Advance(TimeSpan.FromMinutes(1));
        await world.Engine.Tick(Cancel);
        var firing = await world.OnlyFiring("nightly");
        Assert.True(await world.Store.Delete(WorkspacePaths.Firing("nightly", firing.Id), cancel: Cancel) == DeleteOutcome.Deleted);
        await world.Engine.Tick(Cancel);
        Assert.Empty(await world.Engine.Firings("nightly", Cancel));
        Assert.Single(world.Runs());

        // Paused and resumed, it does not go back to where it had got either.
        await world.Engine.Stored.Pause("nightly", paused: true, "ann", Cancel);
        world.Time.Advance(TimeSpan.FromDays(1.5));
        trigger = (await world.Engine.Stored.Pause("nightly", paused: false, "ann", Cancel))!;
        await world.Engine.Tick(Cancel);
        Assert.Single(world.Runs());
    }

    [Fact]
    public async Task WhatIsBegunAndLeft_IsFinishedHalfAMinuteLater_AndCounted()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp());
        var writes = new FailingWrites(world.Store, world.Bus);
        var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.5 }));
        writes.FailAt = 3;
        await Assert.ThrowsAnyAsync<Exception>(() => world.Open(writes.Store, writes.Bus).Triggers.Handle(ended, Cancel));
        Assert.Single(world.Pending);
        world.Time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(0, await world.Engine.Tend(Cancel));
        world.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, await world.Engine.Tend(Cancel));
        Assert.Empty(world.Pending);
        Assert.Single(world.Runs("cnn"));
        Assert.Equal(0, await world.Engine.Tend(Cancel));
    }

    [Fact]
    public async Task SeveralThatCannotBeDealtWith_AreAllNamed()
    {
        var world = await TriggerWorld.New();
        foreach (var name in (string[])["a", "b"]) await world.Add(TriggerWorld.OnMlp(name: name));
        var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.5 }));
        foreach (var name in (string[])["a", "b"])
        {
            await world.Store.Put(
                WorkspacePaths.Firing(name, Firing.IdOf((await world.Engine.Stored.Get(name, Cancel))!.Id, new TriggerEvent.RunEnd(ended.Run))),
                "damaged"u8, cancel: Cancel);
        }

        var failure = await Assert.ThrowsAsync<AggregateException>(() => world.Engine.Handle(ended, Cancel));
        Assert.Equal(["a", "b"], failure.InnerExceptions.Cast<DamagedRecordException>().Select(one => one.Damage.Key.Split('/')[1]).Order());
    }

    [Fact]
    public async Task Replaying_SaysWhatCannotBeReplayed()
    {
        var world = await TriggerWorld.New();
        var trigger = await world.Add(TriggerWorld.OnFile("data/in/*.csv", "{ debounce: 0s, perHour: 1 }"));
        await world.Engine.Handle(await world.PutFile("data/in/a.csv", "a"), Cancel);
        await world.Engine.Handle(await world.PutFile("data/in/b.csv", "b"), Cancel);
        await world.Engine.Handle(await world.PutFile("data/in/c.csv", "c"), Cancel);
        var firings = await world.Engine.Firings("on-file", Cancel);
        var submitted = firings.Single(firing => firing.Outcome == FiringOutcome.Submitted);
        var stopped = firings.First(firing => firing.Outcome == FiringOutcome.Stopped);

        Assert.Contains($"was submitted: run {submitted.Runs[0].Id}", (await world.Engine.Replay(trigger, submitted.Id, cancel: Cancel)).Problem);
        Assert.Equal("trigger on-file has nothing of the id zz; see: exp trigger test on-file",
            (await world.Engine.Replay(trigger, "zz", cancel: Cancel)).Problem);
        Assert.Empty((await world.Engine.Replay(trigger, cancel: Cancel)).Done);
        await world.Store.Delete(stopped.Path(), cancel: Cancel);
        var (done, problem) = await world.Engine.Replay(trigger, stopped.Id, cancel: Cancel);
        Assert.Empty(done);
        Assert.EndsWith(" is gone", problem, StringComparison.Ordinal);

        // The other one that was beyond the rate is done when those are asked for.
        await world.PutFile(stopped.Path(), "again");
        var (rest, _) = await world.Engine.Replay(trigger, stopped: true, cancel: Cancel);
        Assert.All(rest, firing => Assert.Equal(FiringOutcome.Submitted, firing.Outcome));
        Assert.NotEmpty(rest);
    }

    [Fact]
    public async Task TheBeginningOfSeveralIds_IsNotEnoughToReplay()
    {
        var world = await TriggerWorld.New();
        await world.PutFile("data/in/a.csv", "a");
        await world.PutFile("data/in/b.csv", "b");
        world.Time.Advance(TimeSpan.FromSeconds(1));
        var trigger = await world.Add(TriggerWorld.OnFile("data/in/*.csv", then: "inputs: [data/missing]"));
        Assert.Equal("several begin with ; write more of the id", (await world.Engine.Replay(trigger, "", cancel: Cancel)).Problem);
        await world.Engine.Handle(await world.PutFile("data/in/c.csv", "c"), Cancel);
        await world.Engine.Handle(await world.PutFile("data/in/d.csv", "d"), Cancel);
        Assert.Equal("several begin with ; write more of the id", (await world.Engine.Replay(trigger, "", cancel: Cancel)).Problem);

        // One that would not act says why.
        var loop = await world.Add(TriggerWorld.OnMlp(", where: \"params.sparsity > 1\""));
        await world.Ended("mlp", new { sparsity = 0.5 });
        var past = Assert.Single((await world.Engine.Trials.Try(loop, Cancel)).Events);
        Assert.Equal("the trigger would not act on it: params.sparsity > 1 is false: params.sparsity is 0.5",
            (await world.Engine.Replay(loop, past.Firing[..6], cancel: Cancel)).Problem);
    }

    [Fact]
    public async Task WhatATriggerDid_IsALineOfTheLog()
    {
        var lines = new LogLines(LogLevel.Information);
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(lines));
        var world = await TriggerWorld.New(log: factory);
        await world.Add(TriggerWorld.OnMlp());
        var good = await world.Ended("mlp", new { sparsity = 0.5 });
        var bad = await world.Ended("mlp", new { density = 0.5 });
        var run = Assert.Single(world.Runs("cnn"));
        Assert.True(lines.Contain($"trigger cnn-after-mlp acted on run {good}: run {run.Id}"));
        Assert.True(lines.Contain($"trigger cnn-after-mlp submitted nothing for run {bad}: then.params.sparsity: "));
        var looped = await world.Ended("mlp", new { sparsity = 0.6 }, origin: new("cnn-after-mlp", "f", ["cnn-after-mlp"]));
        Assert.True(lines.Contain($"trigger cnn-after-mlp submitted nothing for run {looped}: a loop: "));
    }

    /// <summary>A run's record has room for some metrics; a condition on another one reads the curve.</summary>
    [Theory]
    [InlineData("never > 1", true)]
    [InlineData("never > 3", false)]
    [InlineData("m00 >= 0", true)]
    [InlineData("m00 > 1", false)]
    public async Task AConditionOnAMetric_ThatTheRecordHasNoRoomFor_IsStillRight(string where, bool follows)
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp($", where: \"{where}\""));
        var run = await world.Submit("mlp", new { sparsity = 0.5 });
        await world.Store.Put(WorkspacePaths.MetricsSegment(run, 1, 0), SampleRuns.Segment("never", 1, 20), cancel: Cancel);
        await world.Engine.Handle(
            await world.End(run, metrics: Enumerable.Range(0, RunSummaries.MaxMetrics).ToDictionary(i => $"m{i:00}", i => (double)i)), Cancel);
        Assert.Equal(follows ? 1 : 0, world.Runs("cnn").Count);
    }

    [Fact]
    public async Task ARunWithRoomLeft_HasNoMetricThatItsRecordDoesNotName()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(", where: \"never > 1\""));
        var run = await world.Submit("mlp", new { sparsity = 0.5 });
        await world.Store.Put(WorkspacePaths.MetricsSegment(run, 1, 0), SampleRuns.Segment("never", 1, 20), cancel: Cancel);
        await world.Engine.Handle(await world.End(run, metrics: new { loss = 1 }), Cancel);
        Assert.Empty(world.Runs("cnn"));
    }

    [Fact]
    public async Task Tending_NamesATriggerThatCannotBeRead_AndFinishesTheOthers()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp());
        var writes = new FailingWrites(world.Store, world.Bus) { FailAt = 3 };
        var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.5 }));
        await Assert.ThrowsAnyAsync<Exception>(() => world.Open(writes.Store, writes.Bus).Triggers.Handle(ended, Cancel));
        await world.Store.Put(WorkspacePaths.Trigger("other"), "{"u8, cancel: Cancel);
        world.Time.Advance(TimeSpan.FromMinutes(1));
        var damaged = await Assert.ThrowsAsync<DamagedRecordException>(() => world.Engine.Tend(Cancel));
        Assert.Equal(WorkspacePaths.Trigger("other"), damaged.Damage.Key);
        Assert.Single(world.Runs("cnn"));
        Assert.Empty(world.Pending);
    }

    /// <summary>Its firing was recorded by somebody who died before the run was there.</summary>
    [Fact]
    public async Task AnEventToldAgain_FinishesWhatWasBegun()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp());
        var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.5 }));
        for (var at = 0; world.Runs("cnn").Count == 0; at++)
        {
            var writes = new FailingWrites(world.Store, world.Bus) { FailAt = at, AfterWriting = true };
            if ((await world.Engine.Firings("cnn-after-mlp", Cancel)) is [{ Outcome: FiringOutcome.Pending }]) break;
            await Assert.ThrowsAnyAsync<Exception>(() => world.Open(writes.Store, writes.Bus).Triggers.Handle(ended, Cancel));
        }

        await world.Engine.Handle(ended, Cancel);
        Assert.Equal(FiringOutcome.Submitted, (await world.OnlyFiring("cnn-after-mlp")).Outcome);
        Assert.Single(world.Runs("cnn"));
    }

    [Fact]
    public async Task WhatIsReplayed_KeepsTheTimeOfItsEvent()
    {
        var world = await TriggerWorld.New();
        var trigger = await world.Add(TriggerWorld.OnMlp(then: "inputs: [data/missing.csv]"));
        await world.Ended("mlp", new { sparsity = 0.5 });
        var before = await world.OnlyFiring("cnn-after-mlp");
        world.Time.Advance(TimeSpan.FromHours(5));
        await world.PutFile("data/missing.csv", "x");
        Assert.Equal(before.At, Assert.Single((await world.Engine.Replay(trigger, cancel: Cancel)).Done).At);
    }

    [Fact]
    public async Task EveryRunOfAFiring_AndEveryProblem_IsInTheLog()
    {
        var lines = new LogLines(LogLevel.Information);
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(lines));
        var world = await TriggerWorld.New(log: factory);
        await world.Add(TriggerWorld.OnMlp(then: "seed: [1, 2]\n  params: { a: \"${run.params.a}\", b: \"${run.params.b}\" }"));
        var good = await world.Ended("mlp", new { a = 1, b = 2 });
        var ids = (await world.OnlyFiring("cnn-after-mlp")).Runs.Select(run => run.Id);
        Assert.Contains(lines.All, line => line.EndsWith($"acted on run {good}: run {string.Join(", ", ids)}", StringComparison.Ordinal));
        await world.Ended("mlp", new { learningRate = 1 });
        Assert.Contains(lines.All, line => line.Contains("have no parameter 'a'; then.params.b: ", StringComparison.Ordinal));
    }

    private static async Task Deliver(TriggerWorld world)
    {
        while (await world.Bus.Receive(QueueNames.FileEvents, TimeSpan.Zero, Cancel) is { } message)
        {
            await world.Engine.Handle(FileChanged.From(message.Message)!, Cancel);
            await world.Bus.Complete(message, Cancel);
        }
    }
}

static class FiringPaths
{
    /// <summary>The file that a firing is about, out of what a list says of it.</summary>
    public static string Path(this FiringSummary firing) => firing.Event.Split(' ')[1];
}
