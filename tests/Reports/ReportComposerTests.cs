using Serverless.Core.Reports;
using Serverless.Core.Runs;
using static Serverless.Tests.Reports.ReportSamples;

namespace Serverless.Tests.Reports;

public class ReportComposerTests
{
    static Report Compose(params IReadOnlyList<ReportedRun> runs) => ReportComposer.Compose("01REPORT", null, Start, runs);

    static ReportBlock.Table TableOf(Report report, string heading) =>
        report.Sections.Single(section => section.Heading == heading).Blocks.OfType<ReportBlock.Table>().Single();

    static string Cell(ReportBlock.Table table, string row, string column) =>
        table.Rows.Single(cells => cells[0] == row)[table.Columns.Index().Single(at => at.Item.Name == column).Index];

    static IReadOnlyList<Chart> Charts(Report report) =>
        [.. report.Sections.SelectMany(section => section.Blocks).OfType<ReportBlock.Picture>().Select(picture => picture.Chart)];

    [Fact]
    public void RunTable_ShowsOnlyTheParametersThatDiffer()
    {
        var table = TableOf(Compose(Run("A00001", "net", new { lr = 0.1, epochs = 5 }), Run("A00002", "net", new { lr = 0.2, epochs = 5 })), "Runs");

        Assert.Contains(table.Columns, column => column.Name == "lr");
        Assert.DoesNotContain(table.Columns, column => column.Name == "epochs");
        Assert.Equal("0.2", Cell(table, "net lr=0.2", "lr"));
    }

    [Fact]
    public void ParametersOfOneExperimentOnly_AreNoDifferenceBetweenExperiments()
    {
        Assert.Equal(
            ["lr"], ReportedRun.DifferingParams(
                [Run("A00001", "mlp", new { lr = 0.1, hidden = 256 }), Run("A00002", "cnn", new { lr = 0.2, channels = 8 })]));
        Assert.Equal(["lr"], ReportedRun.DifferingParams([Run("A00001", "mlp", new { lr = 0.1 }), Run("A00002", "mlp")]));
    }

    [Fact]
    public void RunsOfOneExperiment_AreToldApart_ByWhatDiffers_ElseByTheirIds()
    {
        Assert.Equal(["net lr=0.1", "net lr=0.2", "other"],
            ReportedRun.Labels([Run("A00001", "net", new { lr = 0.1 }), Run("A00002", "net", new { lr = 0.2 }), Run("A00003", "other")]));
        Assert.Equal(["net seed=1", "net seed=2"], ReportedRun.Labels([Run("A00001", "net", seed: 1), Run("A00002", "net", seed: 2)]));
        Assert.Equal(["net …A00001", "net …A00002"], ReportedRun.Labels([Run("A00001", "net"), Run("A00002", "net")]));
    }

    [Fact]
    public void FailedRun_ShowsItsCauseAndItsMessage()
    {
        var report = Compose(Run("A00001", "net", state: RunState.Failed, cause: Cause.OutOfMemory, message: "killed at 7.9 GB"));

        Assert.Equal("failed (out-of-memory)", Cell(TableOf(report, "Runs"), "net", "state"));
        var facts = report.Sections.Single(section => section.Heading == "Details").Blocks.OfType<ReportBlock.Facts>().Single();
        Assert.Contains(("message", "killed at 7.9 GB"), facts.Values);
    }

    [Fact]
    public void MetricsThatRunsShare_AreOverlaidInOnePlot()
    {
        var report = Compose(
            Run("A00001", "mlp",
                series: [Curve("loss", 10, step => step), Curve("only/mlp", 10, step => step), Curve("system/cpu", 10, step => step)]),
            Run("A00002", "cnn", series: [Curve("loss", 20, step => -step), Curve("system/cpu", 10, step => step)]));

        var chart = Assert.Single(Charts(report));
        Assert.Equal("loss", chart.Title);
        Assert.Equal(["mlp", "cnn"], chart.Lines.Select(line => line.Label));
        Assert.Equal([10, 20], chart.Lines.Select(line => line.Points.Count));
    }

    [Fact]
    public void ARunAlone_ShowsAllItsCurves_InFilesOfTheirOwn()
    {
        var charts = Charts(
            Compose(Run(
                "A00001", "mlp", series: [Curve("val/loss", 3, step => step), Curve("val loss", 3, step => step), Curve("../../etc", 3, step => step),
                    Curve("損失", 3, step => step)])));

        Assert.Equal(4, charts.Select(chart => chart.Name).Distinct().Count());
        Assert.All(charts, chart => Assert.Matches("^[a-z0-9-]+$", chart.Name));
    }

    [Fact]
    public void ValuesThatAreNotNumbers_AreLeftOutOfCurves()
    {
        var chart = Assert.Single(
            Charts(Compose(
                Run("A00001", "mlp", series: [Curve("loss", 5, step => step == 2 ? double.NaN : step), Curve("all/nan", 5, _ => double.NaN)]))));

        Assert.Equal([0, 1, 3, 4], chart.Lines.Single().Points.Select(point => point.X));
    }

    [Fact]
    public void DeclaredPlotOfResults_BecomesATable_AndAPlotWithTheBaselineAsALevel()
    {
        var report = Compose(DemoRuns);

        var table = TableOf(report, "Accuracy against sparsity");
        Assert.Equal(["run", "model", "dense", "50 %", "80 %", "90 %", "95 %", "weights", "time"], table.Columns.Select(column => column.Name));
        Assert.Equal("97.1 %", Cell(table, "prune-mlp", "dense"));
        Assert.Equal("96.2 %", Cell(table, "prune-mlp", "90 %"));
        Assert.Equal("50,826 → 2,541", Cell(table, "prune-mlp", "weights"));
        Assert.Equal("21.4 s", Cell(table, "prune-mlp", "time"));
        Assert.Equal("–", Cell(table, "baseline-mlnet", "90 %"));
        Assert.Contains(report.Sections[0].Blocks, block => block is ReportBlock.Paragraph { Text: "Data: drawn digits." });
        var plot = Charts(report)[0];
        Assert.Equal(
            ("accuracy-against-sparsity", "weights set to zero", "test accuracy", true), (plot.Name, plot.XLabel, plot.YLabel, plot.Percent));
        Assert.Equal(["prune-mlp, fine-tuned", "prune-mlp, just pruned", "prune-cnn, fine-tuned", "prune-cnn, just pruned"],
            plot.Lines.Select(line => line.Label));
        Assert.Equal([new("baseline-mlnet", 2, 0.9544)], plot.Levels);
        Assert.Equal([0, 0.5, 0.8, 0.9, 0.95], plot.XTicks);
        Assert.Equal([(0, 0.9712), (0.5, 0.9733), (0.8, 0.9705), (0.9, 0.9616), (0.95, 0.9399)], plot.Lines[0].Points);
    }

    [Fact]
    public void DeclaredPlot_NamesItsAxes_WhereverTheBaselineStands()
    {
        var plot = Charts(Compose([.. DemoRuns.Reverse()]))[0];
        Assert.Equal(("weights set to zero", true, "baseline-mlnet"), (plot.XLabel, plot.Percent, Assert.Single(plot.Levels).Label));
    }

    [Fact]
    public void DeclaredPlotOfMetrics_HasTheRunsCurvesInOnePlot()
    {
        IReadOnlyList<ReportPlot> declared = [new("Both losses", Series: [new("train/loss", "train"), new("val/loss", "val", Dashed: true)])];
        var chart = Charts(
            Compose(Run("A00001", "net", series: [Curve("train/loss", 5, step => step), Curve("val/loss", 3, step => -step)], report: declared)))[0];
        Assert.Equal(("Both losses", "step"), (chart.Title, chart.XLabel));
        Assert.Equal([("net, train", 5, false), ("net, val", 3, true)], chart.Lines.Select(line => (line.Label, line.Points.Count, line.Dashed)));
    }

    [Fact]
    public void DeclaredPlotOverAParameter_HasAPointForEachRun()
    {
        IReadOnlyList<ReportPlot> declared = [new("Accuracy by rate", X: "params.optimizer.lr", Series: [new("acc")])];
        var chart = Assert.Single(Charts(Compose(
            Run("A00001", "net", new { optimizer = new { lr = 0.2 } }, new() { ["acc"] = 0.7 }, report: declared),
            Run("A00002", "net", new { optimizer = new { lr = 0.1 } }, new() { ["acc"] = 0.9 }, report: declared),
            Run("A00003", "net", new { optimizer = new { lr = 0.3 } }, report: declared))));
        Assert.Equal([(0.1, 0.9), (0.2, 0.7)], Assert.Single(chart.Lines).Points);
    }

    [Fact]
    public void ACsvFile_IsReadByItsLineOfNames()
    {
        var file = ResultsFile.Read("curve.csv", "x, y\n1, 0.5\n2, high\n"u8.ToArray())!;
        Assert.Equal(["0.5", "high"], file.Rows(null).Select(row => row["y"].ToString()));
        Assert.Equal(2, ResultsFile.Number(file.Value("x", null)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1, 2]")]
    [InlineData("5")]
    [InlineData("{\"accuracy\": \"high\"}")]
    [InlineData("{\"accuracy\": 1e300, \"rows\": [{\"sparsity\": \"a\", \"after\": {}}]}")]
    [InlineData("{\"accuracy\": 0.9, \"rows\": null}")]
    [InlineData("{\"accuracy\": 0.9, \"rows\": [nu")]
    public void AResultsFileOfAnotherShape_DrawsNothing(string json)
    {
        var run = Run("A00001", "net", report: ReportOf("prune-mlp"));
        var file = ResultsFile.Read(ResultsName, System.Text.Encoding.UTF8.GetBytes(json));
        Assert.Empty(Charts(Compose(file is null ? run : run with { Results = new Dictionary<string, ResultsFile> { [ResultsName] = file } })));
    }

    [Fact]
    public void ManyParametersAndMetrics_AreNamedWhereTheyAreNotShown()
    {
        var parameters = Enumerable.Range(0, 9).ToDictionary(i => $"p{i}", i => i);
        var report = Compose(Run("A00001", "net", parameters), Run("A00002", "net"));

        Assert.Equal(ReportComposer.MaxParamColumns, TableOf(report, "Runs").Columns.Count(column => column.Name.StartsWith('p')));
        Assert.Contains(report.Sections.SelectMany(section => section.Blocks).OfType<ReportBlock.Paragraph>(),
            paragraph => paragraph.Text.Contains("p8", StringComparison.Ordinal));
    }
}
