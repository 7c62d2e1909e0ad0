using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Runs;

/// <summary>What people read of a run that moved, or did not: in answers of the API, in its history and in the worker's log.</summary>
public sealed class RunSentencesTests
{
    private const string Checkpoint = "attempts/run-1/000001/checkpoints/000000000010.json";

    public static TheoryData<string, RunEvent, string> Refusals => new()
    {
        { "succeeded", new RunEvent.Claim("worker-2", Some.LeaseLength), "the run has ended: Succeeded" },
        { "running", new RunEvent.Claim("worker-2", Some.LeaseLength), "worker-1 has it until 2030-01-02T12:01:15.0000000+00:00" },
        { "backing-off", new RunEvent.Claim("worker-2", Some.LeaseLength), "backs off until 2030-01-02T12:01:05.0000000+00:00" },
        { "succeeded", new RunEvent.Finish(1, new(Cause.Completed)), "the end of attempt 1 is recorded" },
        { "running", new RunEvent.Renew(0), "attempt 0 was replaced by attempt 1" },
        { "failed", new RunEvent.Renew(1), "the run has ended: Failed" },
        { "given-up", new RunEvent.Renew(1), "attempt 1 has been given up" },
        { "running", new RunEvent.Start(1), "it runs" },
        { "running", new RunEvent.Commit(1, Some.Checkpoint(2, 10)), "attempt 1 commits a checkpoint of attempt 2" },
        { "running", new RunEvent.FallBack(1, Checkpoint, "a piece is missing"), "it does not resume from this checkpoint" },
        { "running", new RunEvent.Publish([new("x", "it is a folder")]), "only a run that succeeded publishes; this one is Running" },
        { "succeeded", new RunEvent.Publish([]), "it is known what was not published" },
        { "queued", new RunEvent.ExpireLease(), "nobody has it" },
        { "running", new RunEvent.ExpireLease(), "worker-1 has it until 2030-01-02T12:01:15.0000000+00:00" },
        { "cancelled", new RunEvent.RequestCancel("bob", null), "the run has ended: Cancelled" },
        { "cancelling", new RunEvent.RequestCancel("bob", null), "its end has been asked for" },
        { "failed", new RunEvent.Refuse("no such snapshot"), "the run has ended: Failed" },
        { "given-up", new RunEvent.Refuse("no such snapshot", 0), "what was refused is attempt 0's; the run is at 1" },
        { "running", new RunEvent.Refuse("no such snapshot"), "worker-1 has it until 2030-01-02T12:01:15.0000000+00:00" },
        { "queued", new RunEvent.SetTags([]), "the run has these tags" },
        { "queued", new RunEvent.SetChecks(new Dictionary<string, string>()), "the run has these checks" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void WhatDoesNotMove_SaysWhy(string situation, RunEvent happened, string sentence) =>
        Assert.Equal(sentence, RunRules.Decide(Some.In(situation), happened, Some.Now) switch
    {
        Decision.Unchanged unchanged => unchanged.Why,
        Decision.Stale stale => stale.Why,
        Decision.Illegal illegal => illegal.Why,
        var moved => $"{moved}",
    });

    public static TheoryData<string, RunEvent, string?> Moves => new()
    {
        { "queued", new RunEvent.Claim("worker-2", Some.LeaseLength), "claimed by worker-2" },
        { "preparing", new RunEvent.Start(1), null },
        { "running", new RunEvent.RequestCancel("bob", "too slow"), "cancel requested by bob" },
        { "running", new RunEvent.RequestCancel(null, null), "cancel requested" },
        { "queued", new RunEvent.RequestCancel("bob", "too slow"), "too slow" },
        { "queued", new RunEvent.RequestCancel("bob", null), "cancelled on request" },
        { "cancelling-late", new RunEvent.ExpireLease(), "cancelled on request" },
        { "cancelling", new RunEvent.Finish(1, new(Cause.UserCode, "it threw")), "cancelled on request" },
        { "running-late", new RunEvent.RequestCancel("bob", "too slow"), "too slow" },
        { "running-late", new RunEvent.ExpireLease(), "worker-1 was last heard of at 2030-01-02T12:00:00.0000000+00:00" },
        { "last-chance", new RunEvent.ExpireLease(),
            "11 attempts ended for no fault of the code, retries.lost allows 10; the last: worker-1 was last heard of at " +
            "2030-01-02T12:00:00.0000000+00:00" },
        { "running", new RunEvent.Finish(1, new(Cause.Preempted)), "the worker left" },
        { "running", new RunEvent.Finish(1, new(Cause.Preempted, "the machine goes")), "the machine goes" },
        { "running", new RunEvent.Finish(1, new(Cause.WorkerLost)), "the worker failed (tried again in 5 s)" },
        { "running", new RunEvent.Finish(1, new(Cause.WorkerLost, "no process can be started")), "no process can be started (tried again in 5 s)" },
        { "running", new RunEvent.Finish(1, new(Cause.StorageFull)), "there was no room (tried again in 5 s)" },
        { "running", new RunEvent.Finish(1, new(Cause.StorageFull, "the disk is full")), "the disk is full (tried again in 5 s)" },
        { "queued", new RunEvent.Refuse("no such snapshot"), "no such snapshot" },
        { "succeeded", new RunEvent.Publish([new("x", "it is a folder")]), "1 file was not published: data/x: it is a folder" },
        { "succeeded", new RunEvent.Publish([new("", "the list is damaged"), new("x", "it is a folder")]),
            "2 files were not published: the list is damaged" },
    };

    [Theory]
    [MemberData(nameof(Moves))]
    public void WhatMoves_SaysHow(string situation, RunEvent happened, string? sentence)
    {
        // Half a lease before, as a run of this situation had it.
        var moved = Assert.IsType<Decision.Moved>(RunRules.Decide(Some.In(situation), happened, Some.Now)).Run;
        Assert.Equal(sentence, moved.History[^1].Message);
        Assert.Equal(Some.Now, moved.History[^1].At);
    }

    [Fact]
    public void ACancelThatSaysWhy_IsWhatTheRunEndsWith_HoweverItEnds()
    {
        var asked = new CancelRequest(Some.Noon, "ann", "too slow");
        foreach (var (situation, happened) in ((string, RunEvent)[])[
            ("cancelling-late", new RunEvent.ExpireLease()), ("cancelling", new RunEvent.Finish(1, new(Cause.UserCode, "it threw")))])
        {
            Assert.Equal("too slow",
                Assert.IsType<Decision.Moved>(RunRules.Decide(Some.In(situation) with { Cancel = asked }, happened, Some.Now)).Run.Message);
        }
    }

    [Fact]
    public async Task ARunThatIsNotThere_IsSaid()
    {
        var change = await new RunStore(new Support.MemoryObjectStore(TimeProvider.System)).Apply(
            "none", new RunEvent.ExpireLease(), TestContext.Current.CancellationToken);
        Assert.Equal("there is no run none", Assert.IsType<Decision.Illegal>(change.Decision).Why);
        Assert.Null(change.Run);
    }

    [Fact]
    public void AClaim_SaysWhereItGoesOn_AndAFallBackFromTheStart()
    {
        var run = Some.Run() with
        {
            Head = Some.Checkpoint(1, 10),
            Checkpoints = [Some.Checkpoint(1, 10)],
            Attempts = [new(1, "worker-1", Some.Noon, Ended: Some.Now, Cause: Cause.WorkerLost)],
            Epoch = 1,
        };
        run = Assert.IsType<Decision.Moved>(RunRules.Decide(run, new RunEvent.Claim("worker-2", Some.LeaseLength), Some.Now)).Run;
        Assert.Equal("claimed by worker-2, resumes after step 10", run.History[^1].Message);

        // What the head knows is true again, and nothing that came after it.
        Assert.Equal((10, 0.1), (run.Step, run.Metrics["loss"]));
        run = run with { Lease = run.Lease! with { Renewed = Some.Now } };
        run = Assert.IsType<Decision.Moved>(RunRules.Decide(run, new RunEvent.FallBack(2, Checkpoint, "it is empty"), Some.Now)).Run;
        Assert.Equal("the checkpoint of step 10 is not whole (it is empty); starts from the beginning", run.History[^1].Message);
        Assert.Empty(run.Metrics);
        Assert.Equal([1, 2], run.Attempts.Select(attempt => attempt.Epoch));
        Assert.Equal("this checkpoint is committed", Again(run, Some.Checkpoint(2, 20)));

        static string Again(RunRecord run, CheckpointRef made)
        {
            run = run with { Lease = run.Lease! with { Renewed = Some.Now } };
            var committed = Assert.IsType<Decision.Moved>(RunRules.Decide(run, new RunEvent.Commit(2, made), Some.Now)).Run;
            return Assert.IsType<Decision.Unchanged>(
                RunRules.Decide(committed with { Lease = run.Lease }, new RunEvent.Commit(2, made), Some.Now)).Why;
        }
    }

    [Theory]
    [InlineData(1, 0, "1 check passed")]
    [InlineData(3, 0, "all 3 checks passed")]
    [InlineData(0, 1, "1 of 1 check failed")]
    [InlineData(0, 2, "2 of 2 checks failed")]
    [InlineData(2, 1, "1 of 3 checks failed")]
    public void ATally_IsASentence(int passed, int failed, string sentence) => Assert.Equal(sentence, $"{new CheckTally(passed, failed)}");

    [Fact]
    public void AnOrigin_NamesItsCause()
    {
        var origin = new RunOrigin("after", "f", ["after"]);
        Assert.Equal("trigger after, because of run run-1", $"{origin with { Run = "run-1" }}");
        Assert.Equal("trigger after, because of the file data/x", $"{origin with { Run = "run-1", File = "data/x" }}");
        Assert.Equal("trigger after, because of the dataset digits:3", $"{origin with { Dataset = "digits:3" }}");
        Assert.Equal("trigger after, because of its schedule, 2030-01-02 12:00 UTC",
            $"{origin with { Scheduled = Some.Noon.ToOffset(TimeSpan.FromHours(2)) }}");
    }
}
