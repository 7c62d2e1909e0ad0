using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Collect;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker.Capture;

/// <summary>What belonged to a checkpoint that is found a while after it was saved. Times are milliseconds around the save.</summary>
public sealed class SaveMomentTests
{
    [Fact]
    public void Log_OfAFolderNamedByAStep_IsCutBeforeTheNextStep_HoweverLateLinesAreRead()
    {
        Assert.Equal(200, Cut(20, (-900, 19), (400, 20), (500, null), (500, 21), (900, 22)));
        Assert.Equal(190, Cut(20, (-900, 17), (-5, null), (5, 21), (500, 22)));
    }

    [Fact]
    public void Log_OfAFolderNamedByAnEpoch_IsCutWhereItWasSaved() =>
        Assert.Equal(190, Cut(3, (-900, 900), (-30, 901), (100, 902), (500, 903)));

    [Fact]
    public void Log_WithoutSteps_IsCutWhereItWasSaved() => Assert.Equal(190, Cut(20, (-900, null), (20, null), (100, null), (500, null)));

    [Fact]
    public void Log_BeforeWhichTheFolderWasNotThere_IsNotCut() => Assert.Equal(190, Cut(20, from: 185, (-900, null), (100, null), (500, null)));

    /// <summary>The worker stood still while the code printed, saved and printed: which came first cannot be told, and nothing may be lost.</summary>
    [Fact]
    public void Log_ThatWasReadLate_IsNotCutBeforeWhatMayBeOlder()
    {
        var places = new PrintedPlaces();
        places.Add(At(-900), At(-900), 170, null);
        places.Add(At(-880), At(400), 180, null);
        places.Add(At(420), At(450), 190, null);
        Assert.Equal(190, places.Find(new(20, At(0), StreamMark.Start), 200));
    }

    [Fact]
    public void Values_AreThoseOfTheStep()
    {
        Assert.Equal("acc=18 loss=20", Values(20, ("loss", 19, -900), ("acc", 18, -900), ("loss", 20, 300), ("loss", 21, 300), ("acc", 21, 500)));

        // Of an epoch, what was measured at its end and what was there.
        Assert.Equal("loss=900 val=3", Values(3, ("loss", 899, -900), ("loss", 900, -60), ("val", 3, 200), ("loss", 950, 400), ("val", 4, 900)));

        // Samples: the folder's name is beyond all steps.
        Assert.Equal("loss=100", Values(6400, ("loss", 99, -900), ("loss", 100, -60), ("loss", 101, 400)));
    }

    [Theory]
    [InlineData("18 19 20 21 22", 21, "18 19 20")]
    [InlineData("18 20 22 24", 21, "18 20")]
    [InlineData("20 19 21 22 20 23", 21, "20 19 20")]
    [InlineData("98 99 100 1 2 3", 2, "98 99 100 1")]
    [InlineData("98 99 100 1 2 3", 99, "98")]
    [InlineData("5 6 7", 8, "5 6 7")]
    [InlineData("5 6 7", 0, "")]
    public void WhatComesBeforeTheFirstStepThatIsLoggedAgain_IsCarried(string before, long again, string expected)
    {
        var carried = new CarriedPoints(before.Split(' ').Select(step => Point("a", long.Parse(step, null))));

        Assert.Empty(carried.Before("b", again));
        Assert.Equal(expected, string.Join(' ', carried.Before("a", again).Select(point => point.Step)));
        if (expected.Length == 0) Assert.Equal(before, string.Join(' ', carried.Rest().Select(point => point.Step)));
        Assert.Empty(carried.Rest());
    }

    private static long Cut(long step, params (int At, long? Step)[] lines) => Cut(step, 0, lines);

    // Lines of ten bytes from 170 on.
    private static long Cut(long step, long from, params (int At, long? Step)[] lines)
    {
        var places = new PrintedPlaces();
        for (var i = 0; i < lines.Length; i++) places.Add(At(lines[i].At), At(lines[i].At), 170 + 10 * i, lines[i].Step);
        return places.Find(new(step, At(0), new(StreamCursor.Start, from)), 170 + 10 * lines.Length);
    }

    private static string Values(long step, params (string Name, long Step, int Read)[] points)
    {
        var recent = new RecentPoints(new(), 10);
        foreach (var (name, at, read) in points) recent.Add(name, at, at, At(read - 100), At(read));
        var values = recent.At(new(step, At(0), StreamMark.Start)).OrderBy(one => one.Key, StringComparer.Ordinal);
        return string.Join(' ', values.Select(one => $"{one.Key}={one.Value}"));
    }

    private static MetricPoint Point(string name, long step) => new(name, step, step, 0);

    private static DateTimeOffset At(int milliseconds) => SampleRuns.Noon.AddMilliseconds(milliseconds);
}
