using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Submit;

/// <summary>
/// The submitter dies at each of its writes, with the write done or not; somebody submits again; there is one run, and it is woken.
/// </summary>
public sealed class SubmissionCrashTests
{
    /// <summary>More writes than a submission has; a test ends at the first that does not fail.</summary>
    private const int More = 20;

    private static readonly Idempotency Once = new("key-1", "body-1");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_submitter_that_dies_anywhere_leaves_one_run_after_the_next(bool afterWriting)
    {
        var tried = await AtEachWrite(afterWriting, async world =>
        {
            await world.Dies(world.Spec, null);
            var answer = await world.Submits(world.Spec, null);
            Assert.Equal([answer.Runs[0].Id], world.Runs);
            world.IsWoken(answer.Runs[0].Id);
            Assert.Single(world.Versions);
        });
        Assert.Equal(6, tried);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Also_when_it_takes_over_the_key_of_a_failed_run(bool afterWriting)
    {
        var tried = await AtEachWrite(afterWriting, async world =>
        {
            var failed = (await world.Submits(world.Spec, null)).Runs[0].Id;
            await world.Fail(failed);
            await world.Dies(world.Spec, null);
            var answer = await world.Submits(world.Spec, null);
            Assert.NotEqual(failed, answer.Runs[0].Id);
            Assert.Equal(2, world.Runs.Count);
            world.IsWoken(answer.Runs[0].Id);
        });
        Assert.InRange(tried, 4, 6);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task With_an_idempotency_key_trying_again_makes_the_same_runs_also_afresh(bool afterWriting, bool fresh)
    {
        var tried = await AtEachWrite(afterWriting, async world =>
        {
            var before = (await world.Submits(world.Spec with { Name = "before", Seeds = [1] }, null)).Runs[0].Id;
            var spec = world.Spec with { Fresh = fresh, Seeds = [1, 2] };
            await world.Dies(spec, Once);
            var answer = await world.Submits(spec, Once);
            Assert.Equal(JsonSerializer.Serialize(answer), JsonSerializer.Serialize(await world.Submits(spec, Once)));
            Assert.Equal(fresh ? 3 : 2, world.Runs.Count);
            Assert.Equal(!fresh, answer.Runs[0].Id == before);
            foreach (var run in answer.Runs) world.IsWoken(run.Id);
        });
        Assert.InRange(tried, 7, 13);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task With_an_idempotency_key_a_run_that_failed_meanwhile_is_still_the_answer(bool afterWriting)
    {
        await AtEachWrite(afterWriting, async world =>
        {
            await world.Dies(world.Spec, Once);
            foreach (var made in world.Runs) await world.Fail(made);
            var answer = await world.Submits(world.Spec, Once);
            Assert.Equal([answer.Runs[0].Id], world.Runs);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_rerun_with_an_idempotency_key_is_made_once(bool afterWriting)
    {
        await AtEachWrite(afterWriting, async world =>
        {
            var first = (await world.Submits(world.Spec, null)).Runs[0].Id;
            await world.Dying(submission => submission.Rerun(first, null, Once, Cancel));
            var again = Assert.IsType<SubmitResult.Accepted>(await world.Submission.Rerun(first, null, Once, Cancel)).Answer;
            Assert.Equal(2, world.Runs.Count);
            Assert.NotEqual(first, again.Runs[0].Id);
            world.IsWoken(again.Runs[0].Id);
        });
    }

    [Fact]
    public async Task An_idempotency_key_answers_the_same_whatever_became_of_the_run_and_refuses_another_body()
    {
        var world = await World.New(0, false);
        var answer = await world.Submits(world.Spec, Once);
        await world.Fail(answer.Runs[0].Id);
        Assert.Equal(JsonSerializer.Serialize(answer), JsonSerializer.Serialize(await world.Submits(world.Spec, Once)));
        Assert.IsType<SubmitResult.IdempotencyConflict>(
            await world.Submission.Submit(world.Spec with { Seeds = [5] }, null, Once with { BodySha256 = "body-2" }, Cancel));
        Assert.Single(world.Runs);

        world.Time.Advance(TimeSpan.FromDays(7));
        Assert.Equal(1, await world.Submission.RemoveExpiredRequests(Cancel));
        Assert.NotEqual(answer.Runs[0].Id, (await world.Submits(world.Spec, Once with { BodySha256 = "body-2" })).Runs[0].Id);
    }

    [Fact]
    public async Task A_key_past_its_lifetime_is_free_without_anybody_removing_it()
    {
        var world = await World.New(0, false);
        await world.Submits(world.Spec, Once);
        world.Time.Advance(TimeSpan.FromDays(7));
        Assert.False((await world.Submits(world.Spec with { Seeds = [5] }, Once with { BodySha256 = "body-2" })).Runs[0].Reused);
    }

    [Fact]
    public async Task A_spec_that_is_refused_does_not_use_its_idempotency_key_up()
    {
        var world = await World.New(0, false);
        Assert.IsType<SubmitResult.Invalid>(await world.Submission.Submit(world.Spec with { Machine = "none" }, null, Once, Cancel));
        Assert.False((await world.Submits(world.Spec, Once with { BodySha256 = "corrected" })).Runs[0].Reused);
    }

    [Fact]
    public async Task Many_with_one_idempotency_key_at_once_get_one_answer()
    {
        var world = await World.New(0, false);
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => world.Submits(world.Spec with { Fresh = true }, Once), Cancel)));
        Assert.Single(answers.Select(answer => JsonSerializer.Serialize(answer)).Distinct());
        Assert.Single(world.Runs);
    }

    [Fact]
    public async Task A_key_that_is_damaged_stands_for_no_run_and_one_of_a_newer_format_is_left_alone()
    {
        var world = await World.New(0, false);
        var first = (await world.Submits(world.Spec, null)).Runs[0].Id;
        var key = WorkspacePaths.Key((await new RunStore(world.Store).Load(first, Cancel))!.Run.Key);
        await world.Store.Put(key, "{\"run\":"u8, cancel: Cancel);
        var second = (await world.Submits(world.Spec, null)).Runs[0];
        Assert.NotEqual(first, second.Id);
        Assert.Equal(second.Id, (await world.Submits(world.Spec, null)).Runs[0].Id);

        await world.Store.Put(key, "{\"formatVersion\":2}"u8, cancel: Cancel);
        await Assert.ThrowsAsync<DamagedRecordException>(() => world.Submits(world.Spec, null));
    }

    /// <returns>How many writes there were to die at.</returns>
    private static async Task<int> AtEachWrite(bool afterWriting, Func<World, Task> test)
    {
        for (var at = 0; at < More; at++)
        {
            var world = await World.New(at, afterWriting);
            await test(world);
            if (!world.Died) return at;
        }

        throw new InvalidOperationException("it never got through");
    }

    private sealed class World(MemoryObjectStore store, MemoryMessageBus bus, FakeTimeProvider time, ExperimentSpec spec, FailingWrites failing)
    {
        public FakeTimeProvider Time => time;
        public MemoryObjectStore Store => store;
        public ExperimentSpec Spec => spec;
        public bool Died => failing.Failed;
        public Submission Submission => new("team", store, bus, new SystemIds(time), new());
        public IReadOnlyList<string> Runs => [.. store.PeekAll(WorkspacePaths.Runs).Select(entry => WorkspacePaths.RunIdOf(entry.Object.Key)!)];
        public IReadOnlyList<MemoryObjectStore.Entry> Versions => store.PeekAll(WorkspacePaths.Projects);

        public static async Task<World> New(int failAt, bool afterWriting)
        {
            var time = new FakeTimeProvider(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
            var store = new MemoryObjectStore(time);
            var bus = new MemoryMessageBus(time, TimeSpan.FromMinutes(1));
            var spec = new ExperimentSpec
            {
                Project = "p",
                Name = "n",
                Code = new(await Snapshots.Put(store, ("train.cs", ""))),
                Command = "train.cs",
            };
            return new(store, bus, time, spec, new(store, bus) { FailAt = failAt, AfterWriting = afterWriting });
        }

        public async Task<Submitted> Submits(ExperimentSpec what, Idempotency? idempotency) =>
            Assert.IsType<SubmitResult.Accepted>(await Submission.Submit(what, "ann", idempotency, Cancel)).Answer;

        /// <summary>Submits until the write that fails; gets through when there are fewer.</summary>
        public Task Dies(ExperimentSpec what, Idempotency? idempotency) => Dying(submission => submission.Submit(what, "ann", idempotency, Cancel)!);

        public async Task Dying(Func<Submission, Task<SubmitResult?>> submit)
        {
            try
            {
                await submit(new("team", failing.Store, failing.Bus, new SystemIds(time), new() { WritingDegree = 1 }));
            }
            catch (StoreUnavailableException)
            {
            }
        }

        public async Task Fail(string run)
        {
            var runs = new RunStore(store);
            var claimed = await runs.Apply(run, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)), Cancel);
            await runs.Apply(run, new RunEvent.Finish(claimed.Run!.Epoch, new(Cause.UserCode)), Cancel);
        }

        public void IsWoken(string run)
        {
            Assert.NotNull(store.Peek(WorkspacePaths.ActiveRun(run)));
            Assert.Contains(bus.Peek(QueueNames.ForMachine("cpu")), wake => RunWake.From(wake)!.Run == run);
        }
    }
}
