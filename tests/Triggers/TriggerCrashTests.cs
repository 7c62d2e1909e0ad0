using Serverless.Core.Platform;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Tests.Support;

namespace Serverless.Tests.Triggers;

/// <summary>
/// The process that acts on an event dies at each of its writes, with the write done or not. The event comes again, or never does and the minute's
/// tending finds what was begun: there is one run, it is woken, and people are told.
/// </summary>
public sealed class TriggerCrashTests
{
    /// <summary>More writes than there are; a test ends at the first that does not fail.</summary>
    private const int More = 30;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Death_AtAnyWrite_AfterTheEndOfARun_LeavesOneRunAfterTheNextTry(bool afterWriting, bool tendedFirst)
    {
        var tried = 0;
        for (; tried < More; tried++)
        {
            var world = await TriggerWorld.New();
            await world.Add(TriggerWorld.OnMlp());
            var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.9 }));
            if (!await Dies(world, tried, afterWriting, workspace => workspace.Triggers.Handle(ended, Cancel))) break;
            await Recovers(world, tendedFirst, () => world.Engine.Handle(ended, Cancel));
            await IsDoneOnce(world, "cnn-after-mlp", "cnn");
        }

        // Counted, pending, firing; key, lineage, active, record, wake, version; outcome, told, not pending.
        Assert.Equal(13, tried);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Death_AtAnyWrite_AfterAFileChanged_LeavesOneRun(bool afterWriting)
    {
        for (var at = 0; at < More; at++)
        {
            var world = await TriggerWorld.New();
            await world.Add(TriggerWorld.OnFile("data/in/*.csv"));
            var changed = await world.PutFile("data/in/a.csv", "1,2");
            if (!await Dies(world, at, afterWriting, workspace => workspace.Triggers.Handle(changed, Cancel))) return;
            await Recovers(world, tendedFirst: true, () => world.Engine.Handle(changed, Cancel));
            await IsDoneOnce(world, "on-file", "from-file");
        }

        Assert.Fail("it never got through");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Death_AtAnyWrite_OfASchedule_LeavesOneRunAnInstant(bool afterWriting)
    {
        for (var at = 0; at < More; at++)
        {
            var world = await TriggerWorld.New(new(2026, 3, 2, 2, 59, 0, TimeSpan.Zero));
            await world.Add(ScheduleTests.Nightly());
            world.Time.Advance(TimeSpan.FromMinutes(1));
            if (!await Dies(world, at, afterWriting, workspace => workspace.Triggers.Tick(Cancel))) return;
            await Recovers(world, tendedFirst: false, () => world.Engine.Tick(Cancel));
            await IsDoneOnce(world, "nightly", "nightly-run");
        }

        Assert.Fail("it never got through");
    }

    [Fact]
    public async Task ManyProcesses_ToldOfOneEventAtOnce_SubmitOnce()
    {
        var world = await TriggerWorld.New();
        await world.Add(TriggerWorld.OnMlp(then: "seed: [1, 2, 3]"));
        var ended = await world.End(await world.Submit("mlp"));
        await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => world.Open(world.Store, world.Bus).Triggers.Handle(ended, Cancel), Cancel)));
        Assert.Equal(3, world.Runs("cnn").Count);
        Assert.Equal(3, world.Runs("cnn").Select(run => run.Spec.Seed).Distinct().Count());
        Assert.Empty(world.Pending);
    }

    [Fact]
    public async Task ATriggerRemoved_BetweenDecisionAndSubmission_StillFinishesWhatItBegan()
    {
        for (var at = 0; at < More; at++)
        {
            var world = await TriggerWorld.New();
            await world.Add(TriggerWorld.OnMlp());
            var ended = await world.End(await world.Submit("mlp", new { sparsity = 0.5 }));
            if (!await Dies(world, at, afterWriting: true, workspace => workspace.Triggers.Handle(ended, Cancel))) return;
            await world.Engine.Stored.Remove("cnn-after-mlp", Cancel);
            world.Time.Advance(TimeSpan.FromMinutes(1));
            await world.Engine.Tend(Cancel);
            Assert.Empty(world.Pending);
            var begun = (await world.Engine.Firings("cnn-after-mlp", Cancel)).Count;
            Assert.Equal(begun, world.Runs("cnn").Count);
        }
    }

    /// <returns>False: it got through.</returns>
    private static async Task<bool> Dies(TriggerWorld world, int at, bool afterWriting, Func<Workspace, Task> act)
    {
        var failing = new FailingWrites(world.Store, world.Bus) { FailAt = at, AfterWriting = afterWriting };
        try
        {
            await act(world.Open(failing.Store, failing.Bus));
        }
        catch (StoreUnavailableException)
        {
        }

        return failing.Failed;
    }

    private static async Task Recovers(TriggerWorld world, bool tendedFirst, Func<Task> again)
    {
        world.Time.Advance(TimeSpan.FromMinutes(1));
        if (tendedFirst) await world.Engine.Tend(Cancel);
        await again();
        await world.Engine.Tend(Cancel);
    }

    private static async Task IsDoneOnce(TriggerWorld world, string trigger, string experiment)
    {
        var firing = await world.OnlyFiring(trigger);
        var run = Assert.Single(world.Runs(experiment));
        Assert.Equal((FiringOutcome.Submitted, run.Id), (firing.Outcome, Assert.Single(firing.Runs).Id));
        Assert.Equal(firing.Id, run.Origin!.Firing);
        Assert.True(world.IsWoken(run.Id));
        Assert.NotEmpty(world.Acts);
        Assert.Empty(world.Pending);
        Assert.Equal(1, await world.Engine.LastHour((await world.Engine.Stored.Get(trigger, Cancel))!, Cancel));
    }
}
