using Serverless.Training;

namespace Serverless.Tests.Sdk;

public sealed class AutoIntervalTests
{
    private static readonly TimeSpan Most = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(0, 0.02, 30)]
    [InlineData(0.05, 0.02, 30)]
    [InlineData(0.6, 0.02, 30)]
    [InlineData(1, 0.02, 50)]
    [InlineData(1, 0.005, 200)]
    [InlineData(12, 0.02, 600)]
    [InlineData(500, 0.02, 600)]
    public void Of_IsTheCostOverTheOverhead_WithinBounds(double costSeconds, double overhead, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), AutoInterval.Of(TimeSpan.FromSeconds(costSeconds), overhead, Most));

    [Fact]
    public void Of_WithLessToLoseThanTheLeast_IsWhatOneCanBearToLose() =>
        Assert.Equal(TimeSpan.FromSeconds(5), AutoInterval.Of(TimeSpan.Zero, 0.02, TimeSpan.FromSeconds(5)));

    [Fact]
    public void Cost_IsWhatASaveBlocks_AndWhatTheStepsBehindItTakeLonger()
    {
        var training = new Simulated();
        Assert.Equal(AutoInterval.Least, training.Interval.Current);
        training.Steps(100, milliseconds: 100);
        training.Save(milliseconds: 400);
        Assert.Equal(0.4, training.Cost, 6);

        // Ten steps of 150 ms while it is written: half a second more, in all 0.9.
        training.Steps(10, milliseconds: 150, writing: true);
        Assert.Equal(0.9, training.Cost, 6);
        Assert.Equal(45, training.Interval.Current.TotalSeconds, 6);

        // The worker takes it: 20 ms more a step for 2 s, which count, and then it is as before.
        training.Steps(10, milliseconds: 120);
        training.Steps(1000, milliseconds: 100);
        Assert.Equal(1.1, training.Cost, 6);
    }

    [Fact]
    public void Cost_OfTheNewestCheckpoint_CountsHalf()
    {
        var training = new Simulated();
        training.Steps(50, milliseconds: 100);
        training.Save(milliseconds: 4000);
        training.Steps(50, milliseconds: 100);
        training.Save(milliseconds: 1000);
        Assert.Equal(2.5, training.Cost, 6);
        training.Save(milliseconds: 1000);
        Assert.Equal(1.75, training.Cost, 6);
    }

    [Fact]
    public void StepsOfDifferentLengths_AreNoCost()
    {
        var training = new Simulated();
        for (var i = 0; i < 60; i++) training.Alternate();
        training.Save(milliseconds: 100);
        for (var i = 0; i < 10; i++) training.Alternate(writing: true);
        Assert.Equal(0.1, training.Cost, 6);
    }

    [Fact]
    public void StepsThatAreFasterBehindASave_DoNotMakeItCheaperThanItsBlocking()
    {
        var training = new Simulated();
        training.Steps(50, milliseconds: 100);
        training.Save(milliseconds: 300);
        training.Steps(10, milliseconds: 50, writing: true);
        Assert.Equal(0.3, training.Cost, 6);
    }

    /// <summary>The promise itself: over a long training, what checkpoints cost stays within the overhead.</summary>
    [Theory]
    [InlineData(0.02, 0.8)]
    [InlineData(0.02, 5)]
    [InlineData(0.1, 30)]
    public void OverALongTraining_CheckpointsCostWhatTheyMay(double overhead, double costSeconds)
    {
        var interval = new AutoInterval(overhead, Most);
        var (now, last, cost) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
        while (now < TimeSpan.FromHours(5))
        {
            now += TimeSpan.FromMilliseconds(500);
            interval.Step(now, TimeSpan.FromMilliseconds(500), writing: false);
            if (now - last < interval.Current) continue;
            var blocked = TimeSpan.FromSeconds(costSeconds);
            (now, cost) = (now + blocked, cost + blocked);
            interval.Saved(last = now, blocked);
        }

        Assert.InRange(cost / now, overhead * 0.9, overhead * 1.01);
    }

    private sealed class Simulated
    {
        private TimeSpan now;

        public AutoInterval Interval { get; } = new(0.02, Most);
        public double Cost => Interval.Cost!.Value.TotalSeconds;

        public void Steps(int count, double milliseconds, bool writing = false)
        {
            for (var i = 0; i < count; i++)
            {
                now += TimeSpan.FromMilliseconds(milliseconds);
                Interval.Step(now, TimeSpan.FromMilliseconds(milliseconds), writing);
            }
        }

        public void Alternate(bool writing = false)
        {
            Steps(1, 20, writing);
            Steps(1, 180, writing);
        }

        public void Save(double milliseconds)
        {
            now += TimeSpan.FromMilliseconds(milliseconds);
            Interval.Saved(now, TimeSpan.FromMilliseconds(milliseconds));
        }
    }
}
