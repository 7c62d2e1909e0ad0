using Serverless.Core.Notifications;
using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Core.Triggers;

namespace Serverless.Tests.Runs;

public sealed class CheckTests
{
    [Fact]
    public void Checks_AreEvaluatedWhenTheRunEnds_AndFailedOnesLeaveItSucceeded()
    {
        var run = Ended(new() { ["val/accuracy"] = "0.95..", ["val/loss"] = "..0.1", ["time"] = "1..2", ["diverged"] = "..1" }, new()
        {
            ["val/accuracy"] = 0.9,
            ["val/loss"] = 0.1,
            ["diverged"] = double.NaN,
        });
        Assert.Equal(RunState.Succeeded, run.State);
        Assert.Equal(
            [new("diverged", "..1", double.NaN, false), new("time", "1..2", null, false), new("val/accuracy", "0.95..", 0.9, false),
                new("val/loss", "..0.1", 0.1, true)], run.Checks);
        Assert.Equal("3 of 4 checks failed", $"{CheckTally.Of(run)}");
        Assert.Equal(new(1, 3), RunSummary.Of(run).Checks);
    }

    [Fact]
    public void Checks_HaveNoOutcomeBeforeTheEnd()
    {
        var run = Claimed(With(new() { ["loss"] = "..1" }));
        Assert.Empty(Moved(run, new RunEvent.Renew(1, new Dictionary<string, double> { ["loss"] = 2 })).Checks);
    }

    [Fact]
    public void ACheckedMetric_IsThereHoweverManyThereAre()
    {
        var values = Enumerable.Range(0, 2000).Select(i => $"val/accuracy/{i}").Append("zz/rare").ToDictionary(name => name, _ => 0.5);
        var run = Ended(new() { ["zz/rare"] = "0.5..0.5" }, values);
        Assert.True(Assert.Single(run.Checks).Passed);
        Assert.Equal((RunRules.MaxMetrics, 2001 - RunRules.MaxMetrics), (run.Metrics.Count, run.MetricsLeftOut));
    }

    [Fact]
    public void AMetricThatOnlyAnEarlierAttemptLogged_CountsWhenItCameBeforeTheCheckpoint()
    {
        var run = Claimed(With(new() { ["val/best"] = "1.." }));
        var head = Some.Checkpoint(
            1, 10) with { Values = Enumerable.Range(0, 100).Select(i => $"m{i}").Append("val/best").ToDictionary(name => name, _ => 1.0) };
        run = Moved(run, new RunEvent.Commit(1, head));
        run = Moved(run, new RunEvent.Renew(1, new Dictionary<string, double> { ["lost"] = 1 }));
        run = Moved(run, new RunEvent.ExpireLease(), Some.Now + Some.LeaseLength);
        run = Claimed(run);
        run = Moved(run, new RunEvent.Commit(2, Some.Checkpoint(2, 20)));
        run = Moved(run, new RunEvent.Finish(2, new(Cause.Completed, Values: new Dictionary<string, double> { ["loss"] = 3 })));
        Assert.True(Assert.Single(run.Checks).Passed);
        Assert.Equal((102, 3.0), (run.Metrics.Count, run.Metrics["loss"]));
        Assert.DoesNotContain("lost", run.Metrics);
        Assert.Equal(102, run.Head!.Values.Count);
        Assert.All(run.Checkpoints, checkpoint => Assert.InRange(checkpoint.Values.Count, 1, RunRules.MaxCheckpointMetrics));
        Assert.InRange(run.Attempts[1].Resume!.Values.Count, 1, RunRules.MaxCheckpointMetrics);
    }

    [Fact]
    public void OtherChecks_AreEvaluatedAtOnce_WhenTheRunHasEnded()
    {
        var run = Ended(new() { ["loss"] = "..1" }, new() { ["loss"] = 0.5 });
        Assert.True(Assert.Single(run.Checks).Passed);
        var changed = new Dictionary<string, string> { ["loss"] = "..0.1" };
        run = Moved(run, new RunEvent.SetChecks(changed));
        Assert.False(Assert.Single(run.Checks).Passed);
        Assert.IsType<Decision.Unchanged>(RunRules.Decide(run, new RunEvent.SetChecks(changed), Some.Now));
    }

    [Theory]
    [InlineData("checks == passed", false)]
    [InlineData("checks == failed", true)]
    [InlineData("checks != passed and loss < 1", true)]
    public void ATrigger_CanAskForThem(string condition, bool expected)
    {
        var run = Ended(new() { ["loss"] = "..0.1" }, new() { ["loss"] = 0.5 });
        var (parsed, problem) = ConditionParser.Parse(condition);
        Assert.Null(problem);
        Assert.Equal(expected, parsed!.IsTrue(RunFacts.Of(run, run.Metrics)));
    }

    [Fact]
    public void ANotice_NamesThoseThatFailed_AndCountsWhatItHasNoRoomFor()
    {
        var metrics = Enumerable.Range(0, 40).Select(i => $"a{i}").Append("val/accuracy").ToDictionary(name => name, _ => 0.5);
        var notice = NoticeRun.Of(Ended(new() { ["val/accuracy"] = "0.9..", ["a1"] = "..1" }, metrics));
        Assert.Equal((NoticeRun.MaxMetrics, 21), (notice.Metrics.Count, notice.MetricsLeftOut));
        Assert.Contains("val/accuracy", notice.Metrics);
        Assert.Equal(["val/accuracy", "a1"], notice.Checks.Select(check => check.Metric));
        Assert.Equal(new(1, 1), notice.CheckTally);
    }

    private static RunRecord With(Dictionary<string, string> checks) =>
        Some.Run() is var run ? run with { Spec = run.Spec with { Checks = checks } } : null!;

    private static RunRecord Ended(Dictionary<string, string> checks, Dictionary<string, double> values) =>
        Moved(Claimed(With(checks)), new RunEvent.Finish(1, new(Cause.Completed, Values: values)));

    private static RunRecord Claimed(RunRecord run) => Moved(run, new RunEvent.Claim("worker", Some.LeaseLength), Some.Now + (2 * Some.LeaseLength));

    private static RunRecord Moved(RunRecord run, RunEvent happened, DateTimeOffset? now = null)
    {
        if (run.Lease is { Renewed: null } lease) run = run with { Lease = lease with { Renewed = Some.Now } };
        return Assert.IsType<Decision.Moved>(RunRules.Decide(run, happened, now ?? Some.Now)).Run;
    }
}
