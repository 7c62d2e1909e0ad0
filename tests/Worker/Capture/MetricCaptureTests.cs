using System.Globalization;
using System.Text;
using Serverless.Contract;
using Serverless.Core.Metrics;
using Serverless.Core.Metrics.Printed;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;

namespace Serverless.Tests.Worker.Capture;

/// <summary>From what code prints and writes to the points that are stored, and to what the log says about the others.</summary>
public sealed class MetricCaptureTests : IDisposable
{
    private readonly CaptureRig rig = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => rig.Dispose();

    [Theory]
    [InlineData("\rstep 1: 1/2 [00:01, loss=0.5]\rstep 2: 2/2 [00:02, loss=0.25]\n", "loss@1=0.5 loss@2=0.25")]
    [InlineData("step 1 loss=0.5\r\nstep 2 loss=0.25\r\n", "loss@1=0.5 loss@2=0.25")]
    [InlineData("step 3 \u001b[32mloss=0.3\u001b[0m acc=\u001b[1;31m0.7\u001b[m", "loss@3=0.3 acc@3=0.7")]
    [InlineData("\u001b]0;title\u0007\u001b[2Kst\u001b[1mep 3 loss=0.3\u001b(B", "loss@3=0.3")]
    [InlineData("step 1 loss=0.5\u001b[1A\u001b[2Kstep 2 loss=0.25\n", "loss@1=0.5 loss@2=0.25")]
    [InlineData("step 1 loss=0.5\nstep 2 acc=0.97", "loss@1=0.5 acc@2=0.97")]
    [InlineData("\ufeffstep 1 loss=0.5\n", "loss@1=0.5")]
    [InlineData(
        "\u001eexp:7\nstep 1 loss=0.5\nste\u001eexp:8\np 2 loss=0.25\n\u001eno marker, step 3 loss=0.1\n", "loss@1=0.5 loss@2=0.25 loss@3=0.1")]
    public async Task WhatATerminalShows_IsWhatIsRead(string printed, string expected)
    {
        await rig.Prints(printed).Ends();

        Assert.Equal(expected, await rig.Curves());
    }

    [Fact]
    public async Task ProgressBar_OfAnyLength_HasAPointAStep()
    {
        for (var step = 1; step <= 20_000; step++) rig.Prints($"\rstep {step}: {step}/20000 [00:01<00:04, loss={step}.5]");

        await rig.Prints("\n").Ends();

        var points = await rig.Points();
        Assert.Equal(Enumerable.Range(1, 20_000).Select(step => ((long)step, step + 0.5)), points.Select(point => (point.Step, point.Value)));
    }

    [Fact]
    public async Task LineOfAMegabyte_IsRead_AndALongerOneIsTold()
    {
        var padding = new string('x', LineSplitter.MaxLine - 100);
        rig.Prints($$"""{"step":1,"loss":0.5,"pad":"{{padding}}"}""" + "\n").Prints($"step 2 loss=0.25 {padding}{padding}\nstep 3 loss=0.125\n");
        rig.Writes($$"""{"step":1,"acc":0.5,"pad":"{{padding}}{{padding}}"}""" + "\n" + $$"""{"step":2,"acc":0.7,"pad":"{{padding}}"}""" + "\n");

        await rig.Ends();

        Assert.Equal("acc@2=0.7 loss@1=0.5 loss@3=0.125", await rig.Curves());
        var log = await rig.LogText();
        Assert.Contains("[worker] a printed line of more than 1 MiB is not read for metrics", log, StringComparison.Ordinal);
        Assert.Contains("[worker] metrics.jsonl line 1 is ignored: it is longer than 1 MiB", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PrintedAndWritten_AreBothKept()
    {
        await rig.Prints("step 1 loss=0.9\n").Collects();
        await rig.Prints("step 2 loss=0.8\n").Writes("""{"step":2,"name":"val/acc","value":0.5}""" + "\n").Collects();
        await rig.Prints("step 3 loss=0.7\n").Ends();

        Assert.Equal("loss@1=0.9 val/acc@2=0.5 loss@2=0.8 loss@3=0.7", await rig.Curves());
    }

    [Fact]
    public async Task SameMetricPrintedAndWritten_IsOneCurve_FromTheFileAsSoonAsItIsThere()
    {
        await rig.Prints("step 1 loss=0.9\n").Collects();
        await rig.Writes("{\"step\":1,\"loss\":0.91}\n{\"step\":2,\"loss\":0.81}\n").Prints("step 2 loss=0.8\n").Collects();
        await rig.Prints("step 3 loss=0.7\n").Writes("{\"step\":3,\"loss\":0.71}\n").Ends();

        Assert.Equal("loss@1=0.9 loss@2=0.81 loss@3=0.71", await rig.Curves());
    }

    [Fact]
    public async Task SameMetricPrintedAndLogged_IsThatOfTheSdk()
    {
        rig.Prints("step 1 loss=0.9\nstep 1 lr=0.1\n").Writes(ContractNames.MetricsBinary, Stream("loss", (1, Micros(5)), (2, Micros(6))));

        await rig.Prints("step 2 loss=0.8\n").Ends();

        Assert.Equal("lr@1=0.1 loss@1=1 loss@2=2", await rig.Curves());
    }

    [Fact]
    public async Task CheckpointOfTheSdk_CutsPrintedPointsWhereItCutsItsOwn()
    {
        await rig.Writes(ContractNames.MetricsBinary, Stream("acc", (1, Micros(0)), (2, Micros(2)))).Prints("step 1 loss=0.9\n").Collects();
        rig.Prints("step 2 loss=0.8\nstep 3 loss=0.7\n");

        var place = await rig.Metrics.PlaceOf(8 + 7 + 3 + 2 * MetricStream.PointBytes, step: 2, Cancel);

        var points = new List<MetricPoint>();
        var stored = await rig.Store.Get(WorkspacePaths.MetricsSegment(rig.Run.Id, 1, 0), cancel: Cancel);
        new MetricStreamReader().Read(stored!.Body.AsSpan(0, (int)place.LengthBytes), points);
        Assert.Equal(["acc@1", "acc@2", "loss@1", "loss@2"], points.Select(point => $"{point.Name}@{point.Step}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task LongNames_StayTwoMetrics_HoweverTheyCome()
    {
        var (a, b) = (new string('x', 300) + "A", new string('x', 300) + "B");
        rig.Writes($$"""{"step":1,"name":"{{a}}","value":1}""" + "\n").Writes($$"""{"step":1,"name":"{{b}}","value":2}""" + "\n");
        await rig.Prints($"step 2 {a}=3 {a}c=4\n").Ends();

        var points = await rig.Points();

        Assert.Equal([1, 2, 4], points.Select(point => point.Value));
        Assert.Equal(3, points.Select(point => point.Name).Distinct().Count());
        Assert.All(points, point => Assert.Equal(MetricName.MaxBytes, Encoding.UTF8.GetByteCount(point.Name)));
        Assert.Equal(points.Select(point => point.Name).Order(), rig.Metrics.Latest.Keys.Order());
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(-5_000_000)]
    [InlineData(0)]
    public async Task AbsurdTime_IsTheTimeOfArrival(long factor)
    {
        await rig.Writes(ContractNames.MetricsBinary, Stream("loss", (1, Micros(0)), (2, Micros(0) * factor), (3, Micros(0) * factor))).Ends();

        Assert.All(await rig.Points(), point => Assert.Equal(rig.Time.GetUtcNow(), point.At));
        Assert.Single((await rig.LogText()).Split('\n'), line => line.Contains("the time of its arrival is kept", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AbsurdTime_ThatIsStored_CanBeRead()
    {
        var stored = Stream("loss", (1, long.MaxValue), (2, long.MinValue), (3, Micros(0)));
        await rig.Store.Put(WorkspacePaths.MetricsSegment(rig.Run.Id, 1, 0), stored, cancel: Cancel);

        var series = Assert.Single((await new MetricsReader(rig.Store).Read(rig.Run, new([]), Cancel)).Series);

        Assert.Equal([1, 2, 3], series.Points.Select(point => point.Step));
        Assert.Equal(rig.Time.GetUtcNow(), series.Points[2].At);
    }

    [Fact]
    public async Task WhatIsLeftOut_IsToldOnce()
    {
        for (var step = 1; step <= 10; step++) rig.Prints($"step {step} tokens=1,234 loss=1\n")
            .Writes($$"""{"step":{{step}},"loss":1e999}""" + "\nnonsense\n");

        await rig.Ends();

        Assert.Equal(10, (await rig.Points()).Count);
        var said = (await rig.LogText()).Split('\n').Where(line => line.StartsWith("[worker]", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, said.Count);
        Assert.Contains(said, line => line.Contains("'tokens=1,234', which was printed, is not kept as a metric", StringComparison.Ordinal));
        Assert.Contains(
            said, line => line.Contains("metrics.jsonl line 1: 'loss' is ignored: no double can hold the number", StringComparison.Ordinal));
        Assert.Contains(said, line => line.Contains("metrics.jsonl line 2 is ignored: not JSON", StringComparison.Ordinal));
    }

    [Fact]
    public async Task EachKindOfMistakeInAFile_IsToldOnce_WithItsLine()
    {
        string[] lines =
        [
            "# a comment", "another", """{"step":"7","loss":1}""", """{"step":1.5,"loss":1}""", """{"loss":1}""",
            """{"step":1,"name":"c","value":null}""", """{"step":2,"loss":"0.3"}""", "[1]", """{"step":3,"loss":0.5}""",
        ];
        await rig.Writes(string.Concat(lines.Concat(lines).Select(line => line + "\n"))).Ends();

        Assert.Equal("loss@3=0.5 loss@3=0.5", await rig.Curves());
        var said = (await rig.LogText()).Split('\n').Where(line => line.Contains("is ignored", StringComparison.Ordinal)).Select(line => line[..41]);
        Assert.Equal(
            [
                "[worker] metrics.jsonl line 1 is ignored:", "[worker] metrics.jsonl line 3 is ignored:", "[worker] metrics.jsonl line 5 is ignored:",
                "[worker] metrics.jsonl line 6 is ignored:", "[worker] metrics.jsonl line 7 is ignored:", "[worker] metrics.jsonl line 8 is ignored:",
            ], said);
    }

    [Fact]
    public async Task ByteOrderMarkOfAFile_CostsNoPoint()
    {
        await rig.Writes("\ufeff{\"step\":1,\"loss\":0.5}\r\n{\"step\":2,\"loss\":0.25}").Ends();

        Assert.Equal("loss@1=0.5 loss@2=0.25", await rig.Curves());
    }

    /// <summary>What was printed before the clock was set back came "later" than all that follows, and must hold nothing up.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task AClockThatIsSet_HoldsNoCurve(int hours)
    {
        using var rig = new CaptureRig();
        rig.Prints("step 1 loss=1\n");
        rig.Time.Set(TimeSpan.FromHours(hours));
        await rig.Prints("step 2 loss=2\n").Collects();
        Assert.Equal("loss@1=1 loss@2=2", await rig.Curves());
    }

    [Fact]
    public void PrintedWhileTheStoreIsAway_IsBounded_KeepsTheShapeOfEachCurve_AndIsCounted()
    {
        const int steps = 500_000;
        var points = new PrintedPoints(TimeProvider.System, TimeSpan.Zero);
        for (var step = 0; step < steps; step++) Print(points, $"step {step} a=1 b=2");

        var kept = new List<MetricPoint>();
        while (points.TryTake(long.MaxValue, out var point)) kept.Add(point);

        Assert.InRange(kept.Count, PrintedPoints.MaxWaiting / 2, PrintedPoints.MaxWaiting);
        foreach (var curve in kept.GroupBy(point => point.Name))
        {
            Assert.InRange(curve.Count(), kept.Count / 3, kept.Count);
            Assert.Equal((0, steps - 1), (curve.First().Step, curve.Last().Step));
        }

        Assert.StartsWith(FormattableString.Invariant($"{2 * steps - kept.Count:N0} printed points of 'a', 'b' are left out"),
            Assert.Single(points.TakeRemarks()), StringComparison.Ordinal);
        Assert.Empty(points.TakeRemarks());
    }

    [Fact]
    public void WhatIsPrintedRarely_IsNotLeftOutForWhatIsPrintedOften()
    {
        var points = new PrintedPoints(TimeProvider.System, TimeSpan.Zero);
        for (var step = 0; step < 20; step++) Print(points, $"step {step} acc=0.9");
        Print(points, "step 20 acc=0.2");
        for (var step = 0; step < 300_000; step++) Print(points, $"step {step} loss=1");

        var kept = new List<MetricPoint>();
        while (points.TryTake(long.MaxValue, out var point)) kept.Add(point);

        Assert.Equal(21, kept.Count(point => point.Name == "acc"));
        Assert.Equal(0.2, kept.Last(point => point.Name == "acc").Value);
        Assert.Contains("points of 'loss' are left out", Assert.Single(points.TakeRemarks()), StringComparison.Ordinal);
    }

    [Fact]
    public void OfVeryManyMetricsThatAreLeftOut_OnlyRealNamesAreSaid()
    {
        var points = new PrintedPoints(TimeProvider.System, TimeSpan.Zero);
        for (var metric = 0; metric < 3 * PrintedPoints.MaxWaiting; metric++) Print(points, $"step 1 name{metric}=1");

        var said = Assert.Single(points.TakeRemarks());
        Assert.Contains("'name", said, StringComparison.Ordinal);
        Assert.Contains(" and many more are left out", said, StringComparison.Ordinal);
        Assert.DoesNotContain("…", said, StringComparison.Ordinal);
    }

    /// <summary>With a store that takes what comes, a program that prints fast waits for it, and nothing is left out.</summary>
    [Theory]
    [InlineData(400_000, "step {0} loss=1 acc=2\n")]
    [InlineData(40_000, "step {0} a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 i=9 j=1 k=2 l=3\n")]
    [InlineData(20, "{{\"step\":{0},LONG}}\n")]
    public async Task WhoeverPrintsFasterThanItIsStored_WaitsForRoom(int steps, string line)
    {
        line = line.Replace("LONG", string.Join(',', Enumerable.Range(0, 20_000).Select(metric => $"\"m{metric}\":1")), StringComparison.Ordinal);
        var metrics = line.Count(one => one == (line[0] == '{' ? ':' : '=')) - (line[0] == '{' ? 1 : 0);
        using var fast = new CaptureRig(patience: TimeSpan.FromMinutes(2));
        var printing = Task.Run(() =>
        {
            using var all = new MemoryStream();
            for (var step = 0; step < steps; step++) all.Write(Encoding.UTF8.GetBytes(string.Format(CultureInfo.InvariantCulture, line, step)));
            foreach (var read in all.ToArray().Chunk(256 * 1024)) fast.Log.Write(read);
        }, TestContext.Current.CancellationToken);

        while (!printing.IsCompleted)
        {
            await Task.WhenAny(fast.Metrics.Filling, printing);
            await fast.Collects();
        }

        await printing;
        await fast.Ends();
        Assert.Equal(steps * metrics, (await fast.Points()).Count);
        Assert.DoesNotContain("left out: they", await fast.LogText(), StringComparison.Ordinal);
    }

    private void Print(PrintedPoints points, string line)
    {
        points.AwaitRoom();
        points.Read(Encoding.UTF8.GetBytes(line), rig.Time.GetUtcNow());
    }

    private long Micros(int milliseconds) => (rig.Time.GetUtcNow().ToUnixTimeMilliseconds() + milliseconds) * 1000;

    private static byte[] Stream(string name, params (long Step, long Micros)[] points)
    {
        var bytes = new byte[8 + MetricStream.MaxNameFrameBytes + points.Length * MetricStream.PointBytes];
        MetricStream.Header.CopyTo(bytes);
        var length = 8 + MetricStream.WriteName(bytes.AsSpan(8), 1, name);
        foreach (var (step, micros) in points) length += MetricStream.WritePoint(bytes.AsSpan(length), 1, step, micros, step);
        return bytes[..length];
    }
}
