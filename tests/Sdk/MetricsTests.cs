using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class MetricsTests
{
    [Fact]
    public async Task Log_FromSeveralThreads_KeepsEveryValueAndEachThreadsOrder()
    {
        using var folder = new SdkRunFolder();
        var program = SdkProgram.Of("""
            var threads = Enumerable.Range(0, 4).Select(t => new Thread(() => { for (var i = 0; i < 50_000; i++) run.Log("thread/" + t, i * 0.5, i); })).ToList();
            threads.ForEach(t => t.Start());
            threads.ForEach(t => t.Join());
            """);
        (await folder.Run(program)).Succeeded();

        var points = folder.Metrics();
        Assert.Equal(200_000, points.Count);
        foreach (var thread in points.GroupBy(p => p.Name))
        {
            Assert.Equal(Enumerable.Range(0, 50_000).Select(i => (long)i), thread.Select(p => p.Step));
            Assert.All(thread, p => Assert.Equal(p.Step * 0.5, p.Value));
        }
    }

    [Fact]
    public async Task Log_StampsTheTimeOfTheCall()
    {
        using var folder = new SdkRunFolder();
        var before = TimeProvider.System.GetUtcNow();
        (await folder.Run(SdkProgram.Of("""run.Log("a", 1, 1); Thread.Sleep(30); run.Log("a", 2, 2);"""))).Succeeded();
        var after = TimeProvider.System.GetUtcNow();

        var times = folder.Metrics().Select(p => DateTimeOffset.UnixEpoch.AddMicroseconds(p.UnixMicros)).ToList();
        Assert.InRange(times[0], before, after);
        Assert.InRange(times[1] - times[0], TimeSpan.FromMilliseconds(30), after - before);
    }

    [Fact]
    public async Task Log_TakesNanInfinityAndLongNames_WhichStayDistinct()
    {
        using var folder = new SdkRunFolder();
        (await folder.Run(
            SdkProgram.Of(
                """run.Log("nan", double.NaN, 1); run.Log("inf", double.NegativeInfinity, 2); run.Log(new string('ä', 1000), 3, 3); run.Log(new string('ä', 1001), 4, 4);"""))).Succeeded();

        var points = folder.Metrics();
        Assert.True(double.IsNaN(points[0].Value));
        Assert.Equal(double.NegativeInfinity, points[1].Value);
        Assert.All(points[2..], point => Assert.Matches("^ä{119}~[0-9a-f]{16}$", point.Name));
        Assert.NotEqual(points[2].Name, points[3].Name);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("Environment.Exit(3);", 3)]
    [InlineData("throw new InvalidOperationException();", 134)]
    public async Task Log_WhicheverWayTheProcessEnds_IsWritten(string ending, int exitCode)
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of($"""for (var i = 0; i < 1000; i++) run.Log("a", i, i); {ending}"""));

        Assert.Equal(exitCode, outcome.ExitCode);
        Assert.Equal(1000, folder.Metrics().Count);
    }

    [Fact]
    public async Task Log_WhenTheDiskRefuses_ThrowsAtShutdownInsteadOfLosingValues()
    {
        using var folder = new SdkRunFolder();
        // A folder where the file should be: no one, root included, can open it for writing.
        Directory.CreateDirectory(Path.Combine(folder.Output, "metrics.expm"));
        var outcome = await folder.Run(SdkProgram.Of("""
            run.Log("a", 1, 1);
            Thread.Sleep(200);
            try { Run.Shutdown(); Console.WriteLine("lost"); } catch (IOException) { Console.WriteLine("told"); }
            Directory.Delete(Path.Combine(run.Output, "metrics.expm"));
            """));

        Assert.Equal("told\n", outcome.Succeeded().Output);
        Assert.Single(folder.Metrics());
    }
}
