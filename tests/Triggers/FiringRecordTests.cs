using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Triggers;

/// <summary>Records that are stored, and answers of the API, keep their names whatever the types in the code are called.</summary>
public sealed class FiringRecordTests
{
    private const string Id = "0123456789abcdef0123456789abcdef";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void AFiring_IsStoredAndListed_WithItsEventUnderCause()
    {
        var firing = new Firing("0123456789abcdef0123456789abcdef", "after", "g1", new TriggerEvent.RunEnd("01ABC"), ["after"],
            DateTimeOffset.UnixEpoch, FiringOutcome.Submitted);

        var stored = JsonSerializer.SerializeToElement(firing, CoreJson.Options);
        var listed = JsonSerializer.SerializeToElement(FiringSummary.Of(firing), CoreJson.Options);

        Assert.Equal("01ABC", stored.GetProperty("cause").GetProperty("run").GetString());
        Assert.Equal(firing.Event, stored.Deserialize<Firing>(CoreJson.Options)!.Event);
        Assert.Equal("run 01ABC", listed.GetProperty("cause").GetString());
    }

    [Theory]
    [InlineData("stopped here", 0, "stopped here")]
    [InlineData(null, 0, null)]
    [InlineData(null, 2, "a: bad; b: worse")]
    [InlineData("stopped here", 2, "stopped here")]
    public void AList_SaysWhyAFiringSubmittedNothing(string? reason, int problems, string? said) => Assert.Equal(
        said,
        FiringSummary.Of(Some() with { Reason = reason, Problems = [.. ((Problem[])[new("a", "bad"), new("b", "worse")]).Take(problems)] }).Said);

    [Fact]
    public void AList_CutsWhatIsLong_AndShowsEightRuns()
    {
        var runs = Enumerable.Range(0, 9).Select(i => new SubmittedRun($"run-{i}", RunState.Queued, false)).ToList();
        var shown = FiringSummary.Of(Some() with { Reason = new('x', 501), Runs = runs });
        Assert.Equal(new string('x', 500) + "…", shown.Said);
        Assert.Equal(runs.Take(8), shown.Runs);
        Assert.Equal(new string('x', 500), FiringSummary.Of(Some() with { Reason = new('x', 500) }).Said);
    }

    [Fact]
    public async Task Firings_AreListedNewestFirst_ThenById_WithoutOpeningThem_AndThoseTooLongToo()
    {
        var world = await TriggerWorld.New();
        var writes = new FailingWrites(world.Store, world.Bus);
        var firings = new FiringStore(writes.Store);
        foreach (var (id, hours) in ((char, int)[])[('b', 1), ('c', 3), ('a', 1), ('d', 2)])
        {
            Assert.NotNull(await firings.Put(
                Some() with { Id = new(id, 32), At = DateTimeOffset.UnixEpoch.AddHours(hours), Reason = $"why {id}" }, null, Cancel));
        }

        var listed = await firings.List("after", Cancel);
        Assert.Equal(["why c", "why d", "why a", "why b"], listed.Found.Select(firing => firing.Said));
        Assert.Empty(writes.Opened);

        // Beyond what fits beside an object.
        var accented = new string('\u00e9', 400);
        await firings.Put(Some() with { Id = new('e', 32), At = DateTimeOffset.UnixEpoch, Reason = accented, Runs = [.. Enumerable.Range(0, 8).Select(
            i => new SubmittedRun(new string((char)('0' + i), 26), RunState.Queued, false))] }, null, Cancel);
        Assert.Equal(accented, (await firings.List("after", Cancel)).Found[^1].Said);
    }

    [Fact]
    public async Task OfTwoWhoPutAFiring_OneDoes_AndAlsoOfTwoWhoPutItAgain()
    {
        var world = await TriggerWorld.New();
        var firings = new FiringStore(world.Store);
        var first = await firings.Put(Some(), null, Cancel);
        Assert.Null(await firings.Put(Some() with { Reason = "mine" }, null, Cancel));
        var second = await firings.Put(Some() with { Reason = "again" }, first!.ETag, Cancel);
        Assert.Null(await firings.Put(Some() with { Reason = "late" }, first.ETag, Cancel));
        Assert.Equal(("again", second!.ETag), await firings.Load("after", Id, Cancel) is { } there ? (there.Firing.Reason, there.ETag) : default);
    }

    [Fact]
    public async Task AFiringUnderAnotherName_IsDamaged_AndSaysWhoseItIs()
    {
        var world = await TriggerWorld.New();
        var firings = new FiringStore(world.Store);
        await firings.Put(Some(), null, Cancel);
        await world.Store.Put(
            WorkspacePaths.Firing("other", Id), world.Store.Peek(WorkspacePaths.Firing("after", Id))!.Body, cancel: Cancel);
        Assert.Contains($"it is firing {Id} of trigger after", Assert.Single((await firings.List("other", Cancel)).Damaged).Why,
            StringComparison.Ordinal);
        await Assert.ThrowsAsync<DamagedRecordException>(() => firings.Load("other", Id, Cancel));
    }

    [Fact]
    public async Task WithinAnyHour_SoManyAreAdmitted_EachOnce_AlsoByTwoAtOnce()
    {
        var world = await TriggerWorld.New();
        var trigger = await world.Add(TriggerWorld.OnMlp(limits: "{ perHour: 2 }"));
        var overtaken = false;
        var writes = new FailingWrites(world.Store, world.Bus)
        {
            Writing = _ =>
            {
                if (overtaken) return;
                overtaken = true;
                Assert.True(new FiringStore(world.Store).Admit(trigger, "first", Cancel).GetAwaiter().GetResult().Admitted);
            },
        };
        var firings = new FiringStore(writes.Store);
        Assert.True((await firings.Admit(trigger, "second", Cancel)).Admitted);
        Assert.False((await firings.Admit(trigger, "third", Cancel)).Admitted);
        Assert.True((await firings.Admit(trigger, "first", Cancel)).Admitted);
        Assert.Equal(2, await world.Engine.LastHour(trigger, Cancel));

        world.Time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromTicks(1));
        Assert.False((await firings.Admit(trigger, "third", Cancel)).Admitted);
        Assert.Equal(2, await world.Engine.LastHour(trigger, Cancel));
        world.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(0, await world.Engine.LastHour(trigger, Cancel));
        Assert.Equal((true, world.Time.GetUtcNow()), await firings.Admit(trigger, "third", Cancel));

        // Another trigger of this name begins with nothing.
        Assert.Equal(0, await world.Engine.LastHour(trigger with { Id = "another" }, Cancel));
    }

    [Fact]
    public async Task AScheduleThatHasBeenDealtWith_StaysSo_WhoeverIsLate()
    {
        var world = await TriggerWorld.New();
        var trigger = await world.Add(ScheduleTests.Nightly());
        var (early, late) = (world.Time.GetUtcNow(), world.Time.GetUtcNow().AddHours(1));
        var overtaken = false;
        var firings = new FiringStore(new FailingWrites(world.Store, world.Bus)
        {
            Writing = _ =>
            {
                if (overtaken) return;
                overtaken = true;
                new FiringStore(world.Store).Reach(trigger, late, Cancel).GetAwaiter().GetResult();
            },
        }.Store);
        await firings.Reach(trigger, early, Cancel);
        Assert.Equal(late, (await firings.State(trigger, Cancel)).State.Through);
        var etag = (await firings.State(trigger, Cancel)).ETag;
        await firings.Reach(trigger, late, Cancel);
        Assert.Equal(etag, (await firings.State(trigger, Cancel)).ETag);
        await firings.Reach(trigger, late.AddHours(1), Cancel);
        Assert.Equal(late.AddHours(1), (await firings.State(trigger, Cancel)).State.Through);
    }

    private static Firing Some() => new(
        Id, "after", "g1", new TriggerEvent.RunEnd("01ABC"), ["after"], DateTimeOffset.UnixEpoch, FiringOutcome.Stopped);
}
