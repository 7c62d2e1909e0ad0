using Serverless.Core.Runs;

namespace Serverless.Tests.Runs;

public sealed class RunRulesTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void LostWorkers_BeyondTheBudget_EndTheRun(int allowed)
    {
        var run = Some.Run(lost: allowed);
        for (var i = 0; i < allowed; i++)
        {
            run = Lose(Claimed(run));
            Assert.Equal((RunState.Queued, Cause.WorkerLost, i + 1), (run.State, run.Cause, run.Lost));
        }

        run = Lose(Claimed(run));
        Assert.Equal((RunState.Failed, Cause.RetriesExhausted), (run.State, run.Cause));
        Assert.Contains("retries.lost", run.Message, StringComparison.Ordinal);
        Assert.Equal(allowed + 1, run.Attempts.Count);
    }

    [Fact]
    public void FailingCode_WithABudget_BacksOffLongerEachTime_AndThenFails()
    {
        var run = Some.Run(failed: 9);
        var waits = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            run = Moved(Claimed(run), new RunEvent.Finish(run.Epoch + 1, new(Cause.UserCode, "it threw", ExitCode: 1)));
            Assert.Equal((RunState.Queued, Cause.UserCode), (run.State, run.Cause));
            waits.Add((run.NotBefore!.Value - Some.Now).TotalSeconds);
            var claim = Assert.IsType<Decision.Illegal>(RunRules.Decide(run, new RunEvent.Claim("worker-2", Some.LeaseLength), Some.Now));
            Assert.Equal(run.NotBefore, claim.TryAgainAt);
            run = run with { NotBefore = null };
        }

        Assert.Equal([5, 10, 20, 40, 80, 160, 320, 600, 600], waits);
        run = Moved(Claimed(run), new RunEvent.Finish(10, new(Cause.UserCode, "it threw", ExitCode: 1)));
        Assert.Equal((RunState.Failed, Cause.UserCode, "it threw", 1), (run.State, run.Cause, run.Message, run.ExitCode));
    }

    /// <summary>The worker that gave it up is idle, and would take it again at once.</summary>
    [Fact]
    public void WorkerThatGivesARunUp_LeavesItAWhile_AndOneThatHasToLeaveDoesNot()
    {
        var run = Moved(Claimed(Some.Run()), new RunEvent.Finish(1, new(Cause.WorkerLost, "no process can be started")));
        Assert.Equal((RunState.Queued, Cause.WorkerLost, 1, 0), (run.State, run.Cause, run.Lost, run.Failures));
        Assert.Equal(Some.Now + TimeSpan.FromSeconds(5), run.NotBefore);

        Assert.Null(Moved(Claimed(Some.Run()), new RunEvent.Finish(1, new(Cause.Preempted))).NotBefore);
    }

    [Theory]
    [InlineData(Cause.Build)]
    [InlineData(Cause.Timeout)]
    [InlineData(Cause.InputChanged)]
    [InlineData(Cause.Invalid)]
    public void WhatTryingAgainCannotHelp_IsNotTriedAgain(Cause cause)
    {
        var run = Moved(Claimed(Some.Run(failed: 5)), new RunEvent.Finish(1, new(cause)));
        Assert.Equal((RunState.Failed, cause), (run.State, run.Cause));
    }

    [Fact]
    public void Claim_ResumesFromTheHead_AndForgetsWhatCameAfterIt()
    {
        var run = Moved(Claimed(Some.Run()), new RunEvent.Commit(1, Some.Checkpoint(1, 10)));
        run = Moved(run, new RunEvent.Renew(1, new Dictionary<string, double> { ["loss"] = 0.001 }, Step: 99));
        Assert.Equal((99, 0.001), (run.Step, run.Metrics["loss"]));
        run = Claimed(Lose(run));
        Assert.Equal(Some.Checkpoint(1, 10).Manifest, run.Attempts[1].Resume?.Manifest);
        Assert.Equal((10, 0.1), (run.Step, run.Metrics["loss"]));
        Assert.Equal(2, run.Epoch);
    }

    [Fact]
    public void Commit_KeepsWhatItIsToldToKeep_AndItself()
    {
        var run = Claimed(Some.Run());
        foreach (var step in (long[])[10, 20, 30]) run = Moved(run, new RunEvent.Commit(1, Some.Checkpoint(1, step)));
        run = Moved(run, new RunEvent.Commit(1, Some.Checkpoint(1, 40), Keep: [Some.Checkpoint(1, 20).Manifest]));
        Assert.Equal([20, 40], run.Checkpoints.Select(checkpoint => checkpoint.Step));
        Assert.Equal(40, run.Head?.Step);
    }

    [Fact]
    public void Commit_Repeated_ChangesNothing()
    {
        var run = Claimed(Some.Run());
        foreach (var step in (long[])[10, 20]) run = Moved(run, new RunEvent.Commit(1, Some.Checkpoint(1, step)));
        foreach (var step in (long[])[10, 20])
        {
            Assert.IsType<Decision.Unchanged>(RunRules.Decide(run, new RunEvent.Commit(1, Some.Checkpoint(1, step)), Some.Now));
        }
    }

    [Fact]
    public void Finish_WhoseAnswerWasLost_IsRecognized_EvenAfterAnotherWorkerClaimed()
    {
        var finish = new RunEvent.Finish(1, new(Cause.Preempted, Metrics: new(0, 100), Logs: new(0, 7)));
        var run = Claimed(Moved(Claimed(Some.Run()), finish));
        Assert.IsType<Decision.Unchanged>(RunRules.Decide(run, finish, Some.Now));
        Assert.IsType<Decision.Stale>(RunRules.Decide(run, finish with { Ending = finish.Ending with { Metrics = new(0, 101) } }, Some.Now));
        Assert.IsType<Decision.Stale>(RunRules.Decide(run, new RunEvent.Finish(1, new(Cause.Completed)), Some.Now));
    }

    [Fact]
    public void Cancel_ThatComesTooLate_LeavesSuccessAlone()
    {
        var run = Moved(Moved(Claimed(Some.Run()), new RunEvent.RequestCancel("ann", null)), new RunEvent.Finish(1, new(Cause.Completed)));
        Assert.Equal((RunState.Succeeded, Cause.Completed), (run.State, run.Cause));
    }

    [Fact]
    public void Cancel_GivesItsReason()
    {
        var run = Moved(Moved(Claimed(Some.Run()), new RunEvent.RequestCancel("ann", "wrong dataset")),
            new RunEvent.Finish(1, new(Cause.Cancelled, "the code left with 143", 143)));
        Assert.Equal((RunState.Cancelled, "wrong dataset", 143), (run.State, run.Message, run.ExitCode));
        Assert.Contains(run.History, entry => entry.Message == "cancel requested by ann");
    }

    [Fact]
    public void Cancel_AfterTheWorkerWasLost_SaysThatTheAttemptWasLost()
    {
        var run = Moved(Some.In("running-late"), new RunEvent.RequestCancel("ann", null));
        Assert.Equal((Cause.Cancelled, Cause.WorkerLost), (run.Cause, run.Attempts[0].Cause));
    }

    [Fact]
    public void Summary_KeepsWhatTheCodeSaid_BeforeWhatTheMachineMeasured()
    {
        var values = Enumerable.Range(0, RunRules.MaxMetrics).Select(i => $"system/gpu{i}").Append("val/accuracy")
            .ToDictionary(name => name, _ => 1.0);
        var run = Moved(Claimed(Some.Run()), new RunEvent.Renew(1, values));
        Assert.Equal((RunRules.MaxMetrics, 1), (run.Metrics.Count, run.MetricsLeftOut));
        Assert.Equal("val/accuracy", run.Metrics.First().Key);
    }

    [Fact]
    public void History_IsBounded_AndKeepsItsBeginning()
    {
        var run = Some.Run(lost: 1000);
        for (var i = 0; i < 300; i++) run = Lose(Claimed(run));
        Assert.Equal(RunRules.MaxHistory, run.History.Count);
        Assert.Equal(1, run.History[0].Epoch);
        Assert.Equal(300, run.History[^1].Epoch);
    }

    [Fact]
    public void ARunThatMeetsTroubleAgain_IsLeftAloneForLonger()
    {
        foreach (var cause in (Cause[])[Cause.WorkerLost, Cause.StorageFull])
        {
            var run = Some.Run();
            var waits = new List<double>();
            for (var i = 0; i < 4; i++)
            {
                run = Moved(Claimed(run), new RunEvent.Finish(run.Epoch + 1, new(cause)));
                waits.Add((run.NotBefore!.Value - Some.Now).TotalSeconds);
                run = run with { NotBefore = null };
            }

            Assert.Equal([5, 10, 20, 40], waits);
        }
    }

    [Fact]
    public void AHeartbeat_ThatKnowsNoStep_LeavesTheStepThatIsKnown()
    {
        var run = Moved(Claimed(Some.Run()), new RunEvent.Renew(1, Step: 7));
        Assert.Equal(7, Moved(run, new RunEvent.Renew(1)).Step);
        Assert.Equal(7, Moved(run, new RunEvent.Finish(1, new(Cause.Completed))).Step);
        Assert.Equal(8, Moved(run, new RunEvent.Renew(1, Step: 8)).Step);
    }

    /// <summary>The longest back-off is waited for to its end; what is further ahead was written by a clock that was wrong.</summary>
    [Theory]
    [InlineData(600, false), InlineData(601, true), InlineData(1, false), InlineData(0, true)]
    public void ATimeToWaitFor_IsBelieved_UpToTheLongestBackOff(int secondsAhead, bool taken) =>
        Assert.Equal(
            taken, RunRules.Decide(Some.In("backing-off") with { NotBefore = Some.Now.AddSeconds(secondsAhead) },
                new RunEvent.Claim("w", Some.LeaseLength), Some.Now) is Decision.Moved);

    [Fact]
    public void AFallBack_KnowsWhatTheCheckpointBeforeKnew()
    {
        var run = Some.Run() with
        {
            Epoch = 1,
            Head = Some.Checkpoint(1, 20),
            Checkpoints = [Some.Checkpoint(1, 10), Some.Checkpoint(1, 20)],
            Attempts = [new(1, "w", Some.Noon, Ended: Some.Now, Cause: Cause.WorkerLost)],
        };
        run = Loaded(Moved(run, new RunEvent.Claim("worker-2", Some.LeaseLength)));
        Assert.Equal(0.1, Moved(run, new RunEvent.FallBack(2, run.Head!.Manifest, "a piece is missing")).Metrics["loss"]);
    }

    [Fact]
    public void ARun_StartedWhenItsFirstAttemptDid()
    {
        var run = Lose(Moved(Claimed(Some.Run()), new RunEvent.Start(1)));
        Assert.Equal(Some.Now, Moved(Claimed(run), new RunEvent.Start(2), Some.Now.AddHours(1)).Started);
    }

    /// <summary>As many, and another name or another range: others.</summary>
    [Theory]
    [InlineData("loss", "..1", false)]
    [InlineData("loss", "..2", true)]
    [InlineData("acc", "..1", true)]
    public void Checks_AreOthers_WhenAnyOfThemIs(string metric, string range, bool moved)
    {
        var run = Some.Run() with { Spec = Some.Run().Spec with { Checks = new Dictionary<string, string> { ["loss"] = "..1", ["time"] = "..9" } } };
        var checks = new Dictionary<string, string> { [metric] = range, ["time"] = "..9" };
        Assert.Equal(moved, RunRules.Decide(run, new RunEvent.SetChecks(checks), Some.Now) is Decision.Moved);
    }

    [Fact]
    public void Checks_OfARunThatGoesOn_HaveNoOutcomeYet() =>
        Assert.Empty(Moved(Claimed(Some.Run()), new RunEvent.SetChecks(new Dictionary<string, string> { ["loss"] = "..1" })).Checks);

    private static RunRecord Claimed(RunRecord run) => Moved(run, new RunEvent.Claim($"worker-{run.Epoch + 1}", Some.LeaseLength));

    private static RunRecord Lose(RunRecord run) => Moved(run, new RunEvent.ExpireLease(), Some.Now + Some.LeaseLength);

    /// <summary>As the store would give it back: with the renewal filled in.</summary>
    private static RunRecord Moved(RunRecord run, RunEvent happened, DateTimeOffset? at = null)
    {
        var moved = Assert.IsType<Decision.Moved>(RunRules.Decide(run, happened, at ?? Some.Now)).Run;
        return moved.Lease is { Renewed: null } lease ? moved with { Lease = lease with { Renewed = at ?? Some.Now } } : moved;
    }

    [Fact]
    public void FallBack_GoesOnFromTheCheckpointBefore_AndInTheEndFromTheStart_AndSaysSo()
    {
        var run = Some.Run() with
        {
            Epoch = 1,
            Attempts = [new(1, "worker-1", Some.Noon, Ended: Some.Now, Cause: Cause.WorkerLost)],
            Head = Some.Checkpoint(1, 20),
            Checkpoints = [Some.Checkpoint(1, 10), Some.Checkpoint(1, 20)],
        };
        run = Moved(run, new RunEvent.Claim("worker-2", Some.LeaseLength));
        run = Loaded(run);
        var back = Moved(run, new RunEvent.FallBack(2, run.Head!.Manifest, "a piece is missing"));
        Assert.Equal((10, 10, 10), (back.Head!.Step, back.Attempts[^1].Resume!.Step, back.Step));
        Assert.Equal([10], back.Checkpoints.Select(checkpoint => checkpoint.Step));
        Assert.Contains("step 20 is not whole (a piece is missing); resumes after step 10", back.History[^1].Message, StringComparison.Ordinal);
        Assert.IsType<Decision.Unchanged>(RunRules.Decide(Loaded(back), new RunEvent.FallBack(2, run.Head.Manifest, "again"), Some.Now));
        Assert.IsType<Decision.Stale>(RunRules.Decide(Loaded(back), new RunEvent.FallBack(1, back.Head.Manifest, "of a replaced attempt"), Some.Now));

        var start = Moved(Loaded(back), new RunEvent.FallBack(2, back.Head.Manifest, "it is empty"));
        Assert.Equal((null, null, null), (start.Head, start.Attempts[^1].Resume, start.Step));
        Assert.Empty(start.Checkpoints);
    }

    private static RunRecord Loaded(RunRecord run) => run with { Lease = run.Lease! with { Renewed = Some.Now } };
}
