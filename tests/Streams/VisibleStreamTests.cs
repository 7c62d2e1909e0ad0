using Serverless.Core.Runs;
using Serverless.Core.Streams;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Streams;

public sealed class VisibleStreamTests
{
    [Fact]
    public void Run_ThatNobodyClaimed_ShowsNothing() => Assert.Empty(VisibleStream.Of(Run(), StreamKind.Logs));

    [Fact]
    public void LiveAttempt_IsReadToItsLiveEnd() => Assert.Equal([new(1, null)], VisibleStream.Of(Run(attempts: Attempt(1)), StreamKind.Metrics));

    [Fact]
    public void EndedAttempt_StopsWhereItSaid() =>
        Assert.Equal([new(1, new(2, 70))], VisibleStream.Of(Run(attempts: Attempt(1, metrics: new(2, 70), logs: new(0, 5))), StreamKind.Metrics));

    [Fact]
    public void ResumedAttempt_FollowsTheOneBeforeCutAtItsCheckpoint()
    {
        var checkpoint = Checkpoint(1, 40, metrics: new(1, 30), logs: new(0, 9));
        var run = Run(attempts: [Attempt(1), Attempt(2, checkpoint)]);
        Assert.Equal([new(1, new(1, 30)), new(2, null)], VisibleStream.Of(run, StreamKind.Metrics));
        Assert.Equal([new(1, new(0, 9)), new(2, null)], VisibleStream.Of(run, StreamKind.Logs));
    }

    [Fact]
    public void AttemptThatStartedAfresh_HidesTheOnesBefore() =>
        Assert.Equal(
            [new(2, null)], VisibleStream.Of(Run(attempts: [Attempt(1, metrics: new(3, 3), logs: new(0, 1)), Attempt(2)]), StreamKind.Metrics));

    [Fact]
    public void AttemptWithoutACheckpointOfItsOwn_IsSkippedByTheChain()
    {
        var checkpoint = Checkpoint(1, 40, new(0, 100), new(0, 10));
        var run = Run(attempts: [Attempt(1), Attempt(2, checkpoint), Attempt(3, checkpoint)]);
        Assert.Equal([new(1, new(0, 100)), new(3, null)], VisibleStream.Of(run, StreamKind.Metrics));
    }

    [Fact]
    public void LongChain_IsReadFromItsBeginning()
    {
        var one = Checkpoint(1, 10, new(0, 1), new(0, 1));
        var two = Checkpoint(2, 20, new(0, 2), new(0, 2));
        var run = Run(attempts: [Attempt(1), Attempt(2, one), Attempt(3), Attempt(4, two)]);
        Assert.Equal([new(1, new(0, 1)), new(2, new(0, 2)), new(4, null)], VisibleStream.Of(run, StreamKind.Logs));
    }

    [Fact]
    public void EarlierAttempt_CanBeLookedAtAsItWasSeen()
    {
        var checkpoint = Checkpoint(1, 40, new(0, 100), new(0, 10));
        var run = Run(attempts: [Attempt(1), Attempt(2, checkpoint, logs: new(0, 3)), Attempt(3, checkpoint)]);
        Assert.Equal([new(1, new(0, 10)), new(2, new(0, 3))], VisibleStream.Of(run, StreamKind.Logs, epoch: 2));
    }

    [Fact]
    public void Record_WhoseAttemptsResumeInACircle_IsRefused() => Assert.Throws<InvalidDataException>(() =>
        VisibleStream.Of(Run(attempts: [Attempt(1, Checkpoint(2, 1, new(0, 0), new(0, 0))), Attempt(2, Checkpoint(1, 1, new(0, 0), new(0, 0)))]),
            StreamKind.Logs));

    [Fact]
    public void Shared_EndsWhereTheViewsPart()
    {
        var checkpoint = Checkpoint(1, 40, new(0, 100), new(0, 10));
        var run = Run(attempts: [Attempt(1), Attempt(2, checkpoint)]);
        var shared = VisibleStream.Shared(VisibleStream.Of(run, StreamKind.Logs, 1), VisibleStream.Of(run, StreamKind.Logs));
        Assert.Equal([new(1, new StreamCursor(0, 10))], shared);
        Assert.Empty(
            VisibleStream.Shared(VisibleStream.Of(run, StreamKind.Logs, 2),
                VisibleStream.Of(Run(attempts: [Attempt(1), Attempt(2, checkpoint), Attempt(3)]), StreamKind.Logs)));
    }
}
