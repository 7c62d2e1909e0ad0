using Serverless.Core.Runs;

namespace Serverless.Tests.Runs;

public sealed class MetricOrderTests
{
    private static readonly string[] wanted =
        ["layer00/grad", "eval/accuracy", "val/accuracy", "test/flops", "val_calibration", "accuracy", "train/loss", "a/loss2", "layer01/grad",
            "system/cpu"];

    [Fact]
    public void WhatTheSpecNamesComesFirst_ThenHeldOutData_ThenLosses_AndTheMachineLast()
    {
        var order = MetricOrder.Of(Some.Run().Spec with { Checks = new Dictionary<string, string> { ["layer00/grad"] = "..1" } });
        Assert.Equal(wanted, wanted.OrderBy(name => name, StringComparer.Ordinal).Order(order));
    }

    [Theory]
    [InlineData("val/x"), InlineData("valid/x"), InlineData("validation/x"), InlineData("test/x"), InlineData("eval/x"), InlineData(
        "test.x"), InlineData("test-x"), InlineData("test_x")]
    [InlineData("train/accuracy"), InlineData("acc"), InlineData("loss"), InlineData("error"), InlineData("f1"), InlineData("auc"), InlineData(
        "perplexity"), InlineData("reward"), InlineData("score")]
    public void EachTellingName_ComesBeforeOthers_AndAllBeforeTheMachines(string name)
    {
        Assert.Equal([name, "aaa", "system/loss"], ((string[])["system/loss", "aaa", name]).Order(new MetricOrder()));
        Assert.True(MetricOrder.IsOfMachine("system/loss"));
        Assert.False(MetricOrder.IsOfMachine(name));
    }

    [Fact]
    public void LatestValues_OfWhatComesByTheThousand_AreTheMostTellingOnes_EachAsItWasLast()
    {
        var latest = new LatestValues(new(), 3);
        for (var i = 999; i >= 0; i--) latest[$"m{i:D3}"] = i;
        for (var i = 0; i < 1000; i++) latest[$"m{i:D3}"] = -i;
        Assert.Equal(new Dictionary<string, double> { ["m000"] = 0, ["m001"] = -1, ["m002"] = -2 }, latest.Copy().ToDictionary());
    }

    [Fact]
    public void LatestValues_KeepTheMostTelling_WhateverComesFirst()
    {
        var latest = new LatestValues(new(), 3);
        foreach (var name in (string[])["layer00/grad", "layer01/grad", "layer02/grad", "val/accuracy", "layer03/grad", "system/cpu"])
        {
            latest[name] = 1;
        }

        latest["val/accuracy"] = 2;
        latest["layer02/grad"] = 2;
        Assert.Equal(
            new Dictionary<string, double> { ["layer00/grad"] = 1, ["layer01/grad"] = 1, ["val/accuracy"] = 2 }, latest.Copy().ToDictionary());
    }

    [Fact]
    public void Lists_SayHowManyMetricsTheyHaveNoRoomFor()
    {
        var metrics = Enumerable.Range(0, 300).Select(i => $"layer{i:D3}/grad").Append("val/accuracy").ToDictionary(name => name, _ => 0.5);
        var listed = RunSummary.FromMetadata(RunSummary.Of(Some.Run() with { Metrics = metrics, MetricsLeftOut = 9 }).ToMetadata())!;
        Assert.Contains("val/accuracy", listed.Metrics);
        Assert.Equal(310, listed.Metrics.Count + listed.MetricsLeftOut);
    }

    [Fact]
    public void Lists_SayHowManyParametersTheyHaveNoRoomFor()
    {
        var parameters = Enumerable.Range(0, 200).ToDictionary(
            i => $"a-parameter-with-a-long-name-{i}", i => System.Text.Json.JsonSerializer.SerializeToElement(i));
        var run = Some.Run();
        var listed = RunSummary.FromMetadata(RunSummary.Of(run with { Spec = run.Spec with { Params = parameters } }).ToMetadata())!;
        Assert.True(listed.ParamsLeftOut > 0);
        Assert.Equal(200, listed.Params.Count + listed.ParamsLeftOut);
    }
}
