using Microsoft.Extensions.Time.Testing;
using Serverless.GpuWorker.Collect;
using Serverless.Tests.Metrics;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker.Capture;

/// <summary>Metrics that libraries log to files of their own, anywhere below the folder that code works in.</summary>
public sealed class LoggedFilesTests
{
    private static readonly byte[] Events = LoggedFormatsTests.WrittenByTorchSharp();

    [Fact]
    public async Task EventFiles_AreFoundAnywhere_AndReadAsTheyGrow()
    {
        using var rig = new CaptureRig();
        await rig.Logs("runs/Nov27/events.out.tfevents.1.vm", Events.AsSpan(0, 150)).Collects();
        await rig.Collects();
        Assert.Equal("loss@0=1.5 loss@7=0.30000001192092896", await rig.Curves());
        await rig.Logs("runs/Nov27/events.out.tfevents.1.vm", Events.AsSpan(150)).Collects();
        Assert.Equal("loss@0=1.5 loss@7=0.30000001192092896 acc/größe@7=NaN loss@-1=-Infinity", await rig.Curves());
    }

    [Fact]
    public async Task ATable_IsReadAsItGrows_AndALastLineThatWasCutIsNot()
    {
        using var rig = new CaptureRig();
        await rig.Logs("lightning_logs/version_0/metrics.csv", "epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.6\n1,19,0.").Collects();
        Assert.Equal("train_loss@9=0.5 val_loss@9=0.6", await rig.Curves());
        await rig.Logs("lightning_logs/version_0/metrics.csv", "4,\n2,29,0.3").Ends();
        Assert.Equal("train_loss@9=0.5 val_loss@9=0.6 train_loss@19=0.4", await rig.Curves());
    }

    /// <summary>Lightning writes all of it again when there is another column.</summary>
    [Fact]
    public async Task ATableThatIsWrittenAnew_CountsOnce()
    {
        using var rig = new CaptureRig();
        await rig.Logs("metrics.csv", "step,loss\n1,0.5\n2,0.4\n").Collects();
        rig.Removes("metrics.csv");
        await rig.Logs("metrics.csv", "step,loss,acc\n1,0.5,\n2,0.4,\n2,,0.9\n3,0.3,\n").Collects();
        Assert.Equal("loss@1=0.5 loss@2=0.4 acc@2=0.9 loss@3=0.3", await rig.Curves());
    }

    [Fact]
    public async Task FoldersOfTheParts_AreInTheNames()
    {
        using var keras = new CaptureRig();
        keras.Logs("logs/train/events.out.tfevents.1", LoggedFormatsTests.Scalar("loss", 1, 5));
        await keras.Logs("logs/validation/events.out.tfevents.2", LoggedFormatsTests.Scalar("loss", 1, 6)).Ends();
        Assert.Equal("train/loss@1=5 validation/loss@1=6", await Sorted(keras));

        using var scalars = new CaptureRig();
        scalars.Logs("runs/a/events.out.tfevents.1", LoggedFormatsTests.Scalar("loss", 1, 5));
        await scalars.Logs("runs/a/loss_val/events.out.tfevents.2", LoggedFormatsTests.Scalar("loss", 1, 6)).Ends();
        Assert.Equal("loss@1=5 loss_val/loss@1=6", await Sorted(scalars));
    }

    [Fact]
    public async Task WhatIsPrintedOrWrittenToo_IsTakenFromThere()
    {
        using var rig = new CaptureRig();
        await rig.Prints("step 1 loss=0.5\nstep 2 loss=0.4\n").Writes("""{"step":1,"acc":0.9}""" + "\n").Collects();
        await rig.Logs("metrics.csv", "step,loss,acc,lr\n0,0.5,0.9,0.1\n1,0.4,0.9,0.1\n").Logs("events.out.tfevents.1", Events).Ends();
        Assert.Equal("acc/größe@7=NaN acc@1=0.9 loss@1=0.5 loss@2=0.4 lr@0=0.1 lr@1=0.1", await Sorted(rig));
    }

    /// <summary>Which of the two it is may not be what one expects, and so it is said where it matters.</summary>
    [Fact]
    public async Task AMetricThatIsPrintedOnceAndLoggedOften_IsSaidToBe()
    {
        using var rig = new CaptureRig();
        await rig.Prints("step 0 loss=2.3\nstep 1 acc=0.1\nstep 2 acc=0.2\nstep 3 acc=0.3\n").Collects();
        await rig.Logs("metrics.csv", $"step,loss,acc\n{string.Concat(Enumerable.Range(0, 8).Select(step => $"{step},0.5,0.9\n"))}").Ends();
        Assert.Equal("acc@1=0.1 acc@2=0.2 acc@3=0.3 loss@0=2.3", await Sorted(rig));
        Assert.Contains("'loss' is taken from what is printed, 1 point, and not from its CSV log, 8: print all of it", await rig.LogText(),
            StringComparison.Ordinal);
        Assert.DoesNotContain("'acc' is taken", await rig.LogText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMetricInLogsOfTwoKinds_IsTakenFromOne()
    {
        using var rig = new CaptureRig();
        await rig.Logs("metrics.csv", "step,loss\n0,1.5\n7,0.3\n").Collects();
        await rig.Logs("events.out.tfevents.1", Events).Ends();
        Assert.Equal("loss@0=1.5 loss@7=0.3 acc/größe@7=NaN", await rig.Curves());
    }

    [Fact]
    public async Task LogsThatCameWithTheCode_AreNotTheRuns_UntilTheyAreReplaced()
    {
        using var rig = new CaptureRig();
        rig.Logs("old/events.out.tfevents.1", Events).Logs("metrics.csv", "step,loss\n1,9\n").Logs("again/metrics.csv", "step,acc\n1,9\n");
        rig.Metrics.NoteGiven();
        rig.Logs("metrics.csv", "2,8\n");
        rig.Removes("again/metrics.csv");
        await rig.Logs("other", "").Logs("again/metrics.csv", "step,acc\n1,1\n").Ends();
        Assert.Equal("acc@1=1", await rig.Curves());
        Assert.Contains("metrics.csv came with the code, so what is added to it is not read", await rig.LogText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsNoLog_IsSaidOnce_OrPassedOver()
    {
        using var rig = new CaptureRig();
        rig.Logs("events.out.tfevents.1", [.. Events[..80], .. "damage that goes on"u8]);
        rig.Logs(".hidden/metrics.csv", "step,a\n1,1\n").Logs("node_modules/x/metrics.csv", "step,b\n1,1\n").Logs("my-metrics.csv", "step,c\n1,1\n");
        await rig.Collects();
        await rig.Ends();
        Assert.Equal("loss@0=1.5", await rig.Curves());
        Assert.Single((await rig.LogText()).Split("events.out.tfevents.1 is not read further: it is no event file from byte 80 on").Skip(1));
    }

    [Fact]
    public async Task MoreFilesThanAreRead_AreSaid()
    {
        using var rig = new CaptureRig();
        for (var i = 0; i < 260; i++) rig.Logs($"run{i}/metrics.csv", $"step,m{i}\n1,1\n");
        await rig.Ends();
        Assert.Equal(Enumerable.Range(0, 256).Select(i => $"m{i}"), (await rig.Points()).Select(point => point.Name));
        Assert.Contains("more than 256 files have metrics; run256/metrics.csv and further ones", await rig.LogText(), StringComparison.Ordinal);
    }

    /// <summary>One training in several goes, each with a writer of its own: found one after the other, or all at once, it is one curve.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task FilesOfOneFolder_GoOn_InTheOrderInWhichTheyWereBegun(bool atOnce)
    {
        // Each longer than what is read at a time.
        const int Each = 3000;
        using var rig = new CaptureRig();
        string[] begun =
        [
            "9.vm.100.0", "10.vm.100.0", "10.vm.100.1", "10.vm.100.2", "10.vm.100.10", "10.vm.100.11", "11.vm.7.0", "1795821084.vm.7.0",
        ];
        var written = begun.Index().ToList();
        if (atOnce) written.Reverse();
        foreach (var (i, name) in written)
        {
            byte[] events = [.. Enumerable.Range(i * Each, Each).SelectMany(step => LoggedFormatsTests.Scalar("acc", step, step))];
            rig.Logs("runs/events.out.tfevents." + name, events);
            if (!atOnce) await rig.Collects();
        }

        await rig.Ends();
        Assert.Equal(Enumerable.Range(0, Each * begun.Length).Select(step => (long)step), (await rig.Points()).Select(point => point.Step));
    }

    [Fact]
    public async Task TheSameMetricOfAnotherFolder_IsAnotherMetric_AndSaidToBe()
    {
        using var rig = new CaptureRig();
        foreach (var fold in (int[])[10, 2, 1]) rig.Logs($"runs/fold_{fold}/events.out.tfevents.5.vm", LoggedFormatsTests.Scalar("loss", 1, fold));
        rig.Logs("lightning_logs/version_1/metrics.csv", "step,a\n1,1\n").Logs("lightning_logs/version_0/metrics.csv", "step,a,b\n1,0,7\n");
        await rig.Ends();
        Assert.Equal("a@1=0 b@1=7 fold_10/loss@1=10 fold_2/loss@1=2 loss@1=1 version_1/a@1=1", await Sorted(rig));
        Assert.Contains("runs/fold_10/events.out.tfevents.5.vm has metrics of the same names as a log in runs/fold_1; they are called fold_10/loss",
            await rig.LogText(), StringComparison.Ordinal);
    }

    /// <summary>A log that people keep among their artifacts, in checkpoints, under another name: whichever is found first.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ACopyOfALog_IsNoOtherLog(bool inBetween)
    {
        using var rig = new CaptureRig();
        const string One = "step,loss\n1,0.5\n2,0.4\n", More = "3,0.3\n4,0.2\n";
        rig.Logs("z/metrics.csv", One).Logs("a/metrics.csv", One).Logs("runs/events.out.tfevents.5.vm", Events);
        if (inBetween) await rig.Collects();
        rig.Logs("z/metrics.csv", More).Logs("b/metrics.csv", One + More).Logs("kept/events.out.tfevents.5.vm", Events);
        if (inBetween) await rig.Collects();
        rig.Logs("kept/last/metrics.csv", One + More).Logs("old/events.out.tfevents.5.vm", Events.AsSpan(0, 150));
        await rig.Ends();
        Assert.Equal("acc/größe@7=NaN loss@1=0.5 loss@2=0.4 loss@3=0.3 loss@4=0.2", await Sorted(rig));
        rig.Logs("fold_2/metrics.csv", "step,loss\n").Logs("fold_3/metrics.csv", "step,loss\n1,0.5\n");
        await rig.Collects();
        await rig.Logs("fold_2/metrics.csv", "1,0.5\n2,0.9\n").Logs("fold_3/metrics.csv", "2,0.7\n").Ends();
        Assert.Equal("acc/größe@7=NaN fold_2/loss@1=0.5 fold_2/loss@2=0.9 fold_3/loss@1=0.5 fold_3/loss@2=0.7 "
            + "loss@1=0.5 loss@2=0.4 loss@3=0.3 loss@4=0.2", await Sorted(rig));
    }

    [Fact]
    public async Task ALogThatIsMoved_GoesOn()
    {
        using var rig = new CaptureRig();
        await rig.Logs("metrics.csv", "step,loss\n1,0.5\n").Collects();
        await rig.Logs("kept/there", "").Moves("metrics.csv", "kept/metrics.csv").Logs("kept/metrics.csv", "2,0.4\n").Ends();
        Assert.Equal("loss@1=0.5 loss@2=0.4", await rig.Curves());
    }

    [Fact]
    public async Task EventsOfAnotherTraining_ThatTheCodeFetches_AreNotTheRuns()
    {
        using var rig = new CaptureRig();
        rig.Time.Set(TimeSpan.FromDays(365));
        rig.Metrics.NoteGiven();
        await rig.Logs("model/runs/events.out.tfevents.1.vm", LoggedFormatsTests.Scalar("loss", 1, 9, rig.Time.GetUtcNow().AddDays(-2)))
            .Logs("runs/events.out.tfevents.2.vm", LoggedFormatsTests.Scalar("loss", 1, 5, rig.Time.GetUtcNow())).Ends();
        Assert.Equal("loss@1=5", await rig.Curves());
        Assert.Contains("before the run began: they are not the run's", await rig.LogText(), StringComparison.Ordinal);
    }

    /// <summary>However many logs there are and however dense they are, so much is held at once.</summary>
    [Fact]
    public void ManyDenseTables_AreReadAPartAtATime()
    {
        using var folder = new TemporaryFolder();
        for (var i = 0; i < 20; i++)
        {
            Directory.CreateDirectory(folder[$"fold{i}"]);
            var rows = Enumerable.Range(0, 100).Select(step => $"{step}{string.Concat(Enumerable.Repeat($",{i}", 500))}\n");
            File.WriteAllText(
                folder[$"fold{i}/metrics.csv"], $"step{string.Concat(Enumerable.Range(0, 500).Select(at => $",m{at}"))}\n{string.Concat(rows)}");
        }

        var logs = new LoggedFiles([() => folder.Path], new FakeTimeProvider(), _ => { });
        var (all, points, more) = (0, new List<LoggedPoint>(), true);
        while (more)
        {
            more = logs.Read(look: false, points);
            Assert.InRange(points.Count, 0, 250_000);
            all += points.Count;
            points.Clear();
        }

        Assert.Equal(20 * 100 * 500, all);
    }

    [Fact]
    public async Task FoldersThatLieInEachOther_OrFarApart_AreToldApart()
    {
        using var rig = new CaptureRig();
        await rig.Logs("a/x/logs/metrics.csv", "step,m\n1,1\n").Collects();
        await rig.Logs("a/y/logs/metrics.csv", "step,m\n1,2\n").Logs("a/metrics.csv", "step,m\n1,3\n").Logs("metrics.csv", "step,m\n1,4\n").Ends();
        Assert.Equal("./m@1=4 a/m@1=3 m@1=1 y/logs/m@1=2", await Sorted(rig));
    }

    private static async Task<string> Sorted(CaptureRig rig) => string.Join(' ', (await rig.Curves()).Split(' ').Order(StringComparer.Ordinal));
}
