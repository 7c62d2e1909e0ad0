using System.Text;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Submit;

/// <summary>Bounds of a submission, and what changes under it while it looks.</summary>
public sealed class SubmissionEdgesTests
{
    private readonly FakeTimeProvider time = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly MemoryObjectStore store;
    private readonly MemoryMessageBus bus;

    public SubmissionEdgesTests()
    {
        store = new(time);
        bus = new(time, TimeSpan.FromMinutes(1));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, false), InlineData(2, false), InlineData(3, true)]
    public async Task AsManyFilesAsAreAllowed_AreTaken_AndNotOneMore(int files, bool refused)
    {
        for (var i = 0; i < files; i++) await Put($"data/set/{i}", "x");
        var strict = Submission(new() { MaxInputFiles = 2 });
        foreach (var inputs in (string[][])[["data/set/"], [.. Enumerable.Range(0, files).Select(i => $"data/set/{i}")]])
        {
            var result = await strict.Submit((await Spec()) with { Inputs = inputs }, null, cancel: Cancel);
            if (refused) Assert.Equal(
                "more than 2 files; pack them into archives", Assert.Single(Assert.IsType<SubmitResult.Invalid>(result).Problems).Message);
            else Assert.IsType<SubmitResult.Accepted>(result);
        }
    }

    [Theory]
    [InlineData(1000, true), InlineData(999, false)]
    public async Task InputsThatJustFit_AreTaken(long room, bool fits)
    {
        await Put("data/set/a", new string('a', 400));
        await Put("data/set/b", new string('b', 600));
        var result = await Submission(new() { DiskBytes = new Dictionary<string, long> { ["cpu"] = room } })
            .Submit((await Spec()) with { Inputs = ["data/set/"] }, null, cancel: Cancel);
        Assert.Equal(fits, result is SubmitResult.Accepted);
    }

    [Fact]
    public async Task AFileThatIsDeletedWhileItIsRead_IsNamed_AndNothingIsMade()
    {
        await Put("data/set/a", "1");
        await Put("data/set/b", "2");
        var failing = new FailingWrites(store, bus);
        failing.Opening = key => { if (key == "data/set/b") store.Delete(key, cancel: Cancel).Wait(Cancel); };

        var result = await new Submission("team", failing.Store, failing.Bus, new SystemIds(time), new()).Submit(
            (await Spec()) with { Inputs = ["data/set/"] }, null, cancel: Cancel);

        var problem = Assert.Single(Assert.IsType<SubmitResult.Invalid>(result).Problems);
        Assert.Equal(("inputs", "'data/set/b' was deleted while it was being read"), (problem.Path, problem.Message));
        Assert.Empty(store.PeekAll(WorkspacePaths.Runs));
    }

    [Fact]
    public async Task AFileLikeAFolder_IsNotTakenForIt()
    {
        await Put("data/setting", "1");
        Assert.Contains(
            "there is no file 'data/set'", Assert.Single(await Problems((await Spec()) with { Inputs = ["data/set"] })), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, false), InlineData(1, true), InlineData(255, true), InlineData(256, false)]
    public async Task AnIdempotencyKey_HasOneTo255Characters(int length, bool taken)
    {
        var result = await Submission().Submit(await Spec(), null, new(new string('k', length), "body"), Cancel);
        if (taken) Assert.IsType<SubmitResult.Accepted>(result);
        else Assert.Equal(
            "Idempotency-Key: must be 1 to 255 characters", Assert.Single(Assert.IsType<SubmitResult.Invalid>(result).Problems).ToString());
    }

    [Fact]
    public async Task AnIdempotencyKey_StandsForOneRequest_UntilItHasLivedItsTime()
    {
        var options = new SubmissionOptions();
        var first = await Accepted(await Spec(), new("key", "body"));
        time.Advance(options.RequestLifetime - TimeSpan.FromTicks(1));
        Assert.Equal(first.Runs, (await Accepted((await Spec()) with { Fresh = true }, new("key", "body"))).Runs);
        var conflict = Assert.IsType<SubmitResult.IdempotencyConflict>(await Submission().Submit(await Spec(), null, new("key", "other"), Cancel));
        Assert.Equal("this idempotency key was used for another request; take a new one", conflict.Message);

        time.Advance(TimeSpan.FromTicks(1));
        var later = await Accepted((await Spec()) with { Fresh = true }, new("key", "other"));
        Assert.NotEqual(first.Runs[0].Id, later.Runs[0].Id);
        Assert.Equal(later.Runs, (await Accepted((await Spec()) with { Fresh = true }, new("key", "other"))).Runs);
    }

    [Fact]
    public async Task TheSameRequestTwiceAtOnce_IsAnsweredTheSame()
    {
        var (spec, busy) = ((await Spec()) with { Fresh = true }, new MemoryObjectStore(time) { Yields = true });
        await Snapshots.Put(busy, ("train.cs", "Console.WriteLine();"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
            Assert.IsType<SubmitResult.Accepted>(
                await new Submission("team", busy, bus, new SystemIds(time), new()).Submit(spec, null, new("key", "body"), Cancel)).Answer.Runs[0].Id,
                Cancel)));
        Assert.Single(answers.Distinct());
        Assert.Single(busy.PeekAll(WorkspacePaths.Runs));
    }

    [Fact]
    public async Task WithoutABus_TheRunIsStored_AndTheErrorSaysThatItStartsByItself()
    {
        var gone = await Assert.ThrowsAsync<BusUnavailableException>(async () =>
            await new Submission("team", store, new BrokenBus(bus), new SystemIds(time), new()).Submit(await Spec(), null, cancel: Cancel));
        var run = WorkspacePaths.RunIdOf(Assert.Single(store.PeekAll(WorkspacePaths.Runs)).Object.Key);
        Assert.Equal($"run {run} is stored and starts by itself once this is mended: the bus is a folder", gone.Message);
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(1, await new RunQueue("team", store, bus, new SystemIds(time)).Tend(Cancel));
        Assert.Single(bus.Peek(QueueNames.ForMachine("cpu")));
    }

    [Fact]
    public async Task ACheckpointThatIsGone_OrGivenUpMeanwhile_IsNotStartedFrom()
    {
        var trained = (await Accepted(await Spec())).Runs[0].Id;
        var runs = new RunStore(store);
        await runs.Apply(trained, new RunEvent.Claim("w", TimeSpan.FromHours(1)), Cancel);
        var manifest = WorkspacePaths.CheckpointManifest(trained, 1, 7);
        await store.PutJson(manifest, new CheckpointManifest(7, 1, [new("model.safetensors", 1, "hash", [])]), cancel: Cancel);
        await runs.Apply(
            trained, new RunEvent.Commit(
                1, new(1, 7, manifest, 1, time.GetUtcNow(), StreamCursor.Start, StreamCursor.Start, new Dictionary<string, double>())), Cancel);
        var spec = (await Spec()) with { From = new(trained), Seeds = [1] };

        // While it looks at the manifest, the run itself commits another and keeps that alone.
        var failing = new FailingWrites(store, bus);
        failing.Opening = key =>
        {
            if (key != manifest) return;
            failing.Opening = null;
            var next = Checkpoint(trained, 8);
            runs.Apply(trained, new RunEvent.Commit(1, next, []), Cancel).Wait(Cancel);
        };
        var result = await new Submission("team", failing.Store, failing.Bus, new SystemIds(time), new()).Submit(spec, null, cancel: Cancel);
        Assert.Equal($"from.checkpoint: run {trained} goes on and has just given up its checkpoint of step 7; submit again",
            Assert.Single(Assert.IsType<SubmitResult.Invalid>(result).Problems).ToString());

        // The newest has no manifest any more.
        Assert.Equal($"from.checkpoint: the checkpoint of step 8 of run {trained} has been deleted", Assert.Single(await Problems(spec)));
    }

    [Fact]
    public async Task AnotherMachineClass_IsNamedWithAllThatThereAre()
    {
        var problem = Assert.Single(
            Assert.IsType<SubmitResult.Invalid>(
                await Submission(new() { MachineClasses = ["cpu", "gpu-t4"] })
                    .Submit((await Spec()) with { Machine = "tpu" }, null, cancel: Cancel)).Problems);
        Assert.Equal("machine", problem.Path);
        Assert.EndsWith("cpu, gpu-t4", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ArtifactsOfOtherRuns_AreSaidToBeMissing_AsTheyAre()
    {
        var bare = await Ended((await Spec()) with { Seeds = [1] }, null);
        var artifact = WorkspacePaths.Artifact("x", 1, "weights");
        var lost = await Ended((await Spec()) with { Seeds = [2] }, new OutputManifest([new("weights", artifact, 1, "hash")], []));
        Assert.Equal(
            [$"inputs[0]: run {bare} left no artifacts", $"inputs[1]: the artifact 'weights' of run {lost} has been deleted"],
            await Problems((await Spec()) with { Inputs = [$"run:{bare}/artifacts/weights", $"run:{lost}/artifacts/weights"] }));
    }

    [Fact]
    public async Task AnArtifact_AndAFileOfItsPath_AreNotBothInputs()
    {
        var artifact = WorkspacePaths.Artifact("x", 1, "weights");
        await Put(artifact, "1");
        await Put("data/artifacts/weights", "2");
        var maker = await Ended((await Spec()) with { Seeds = [2] }, new OutputManifest([new("weights", artifact, 1, "hash")], []));
        Assert.Equal(
            "inputs: two inputs would both be artifacts/weights below EXP_INPUTS; put one of them under another name below data/",
            Assert.Single(await Problems((await Spec()) with { Inputs = [$"run:{maker}/artifacts/weights", "data/artifacts/weights"] })));
    }

    [Fact]
    public async Task ADatasetOfTheNameOfTheArtifactsFolder_AndAnArtifact_AreNotBothInputs()
    {
        var artifact = WorkspacePaths.Artifact("x", 1, "weights");
        await Put(artifact, "1");
        await Put("data/set/a", "2");
        Assert.IsType<PublishResult.Published>(
            await new DatasetPublishing("team", store, bus, new SystemIds(time), new(store)).Publish("artifacts", "data/set/", "ann", Cancel));
        var maker = await Ended((await Spec()) with { Seeds = [2] }, new OutputManifest([new("weights", artifact, 1, "hash")], []));
        Assert.StartsWith(
            "inputs: a dataset is called artifacts", Assert.Single(
                await Problems((await Spec()) with { Inputs = [$"run:{maker}/artifacts/weights", "artifacts:1"] })), StringComparison.Ordinal);
    }

    private static CheckpointRef Checkpoint(string run, long step) =>
        new(1, step, WorkspacePaths.CheckpointManifest(run, 1, step), 1, DateTimeOffset.UnixEpoch, StreamCursor.Start, StreamCursor.Start,
            new Dictionary<string, double>());

    private Submission Submission(SubmissionOptions? options = null) => new("team", store, bus, new SystemIds(time), options ?? new());

    private async Task<ExperimentSpec> Spec() => new()
    {
        Project = "p",
        Name = "e",
        Command = "train.cs",
        Code = new(await Snapshots.Put(store, ("train.cs", "Console.WriteLine();"))),
    };

    private async Task<Submitted> Accepted(ExperimentSpec spec, Idempotency? idempotency = null) =>
        Assert.IsType<SubmitResult.Accepted>(await Submission().Submit(spec, null, idempotency, Cancel)).Answer;

    private async Task<IEnumerable<string>> Problems(ExperimentSpec spec) =>
        Assert.IsType<SubmitResult.Invalid>(await Submission().Submit(spec, null, cancel: Cancel)).Problems.Select(problem => $"{problem}");

    private async Task<string> Ended(ExperimentSpec spec, OutputManifest? outputs)
    {
        var (run, runs) = ((await Accepted(spec)).Runs[0].Id, new RunStore(store));
        await runs.Apply(run, new RunEvent.Claim("w", TimeSpan.FromHours(1)), Cancel);
        var key = outputs is null ? null : WorkspacePaths.OutputManifest(run, 1);
        if (key is not null) await store.PutJson(key, outputs, cancel: Cancel);
        await runs.Apply(run, new RunEvent.Finish(1, new(Cause.Completed, Outputs: key)), Cancel);
        return run;
    }

    private Task<PutResult> Put(string key, string text) => store.Put(key, Encoding.UTF8.GetBytes(text), cancel: Cancel);

    /// <summary>Takes nothing.</summary>
    private sealed class BrokenBus(IMessageBus inner) : IMessageBus
    {
        public Task Send(string queue, Message message, TimeSpan delay = default, CancellationToken cancel = default) =>
            throw new BusUnavailableException("the bus is a folder");
        public Task Publish(string topic, Message message, CancellationToken cancel = default) =>
            throw new BusUnavailableException("the bus is a folder");
        public Task<ReceivedMessage?> Receive(string queue, TimeSpan wait, CancellationToken cancel = default) => inner.Receive(queue, wait, cancel);
        public Task<bool> Renew(ReceivedMessage message, CancellationToken cancel = default) => inner.Renew(message, cancel);
        public Task<bool> Complete(ReceivedMessage message, CancellationToken cancel = default) => inner.Complete(message, cancel);
        public Task<bool> Abandon(ReceivedMessage message, CancellationToken cancel = default) => inner.Abandon(message, cancel);
        public Task<bool> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default) =>
            inner.DeadLetter(message, reason, cancel);
        public Task<IReadOnlyList<DeadLetter>> DeadLetters(string queue, int limit, CancellationToken cancel = default) =>
            inner.DeadLetters(queue, limit, cancel);
        public Task<bool> Requeue(string queue, string messageId, CancellationToken cancel = default) => inner.Requeue(queue, messageId, cancel);
        public Task<long> Count(string queue, CancellationToken cancel = default) => inner.Count(queue, cancel);
        public Task<DateTimeOffset> Began(CancellationToken cancel = default) => inner.Began(cancel);
        public Task Subscribe(string topic, string subscription, CancellationToken cancel = default) => inner.Subscribe(topic, subscription, cancel);
    }
}
