using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

/// <summary>A command line that says something else than was meant is an error, and says what to write.</summary>
public sealed class CommandLineTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    [Theory]
    [InlineData("run args.sh --wiat", "unknown option '--wiat'; did you mean '--wait'?")]
    [InlineData("run args.sh --seeds 1,2", "unknown option '--seeds'; did you mean '--seed'?")]
    [InlineData("run args.sh --lr 0.1", "unknown option '--lr'; for a parameter write --param lr=0.1, for an argument of the code put it after --")]
    [InlineData("run args.sh --lr=0.1", "unknown option '--lr'; for a parameter write --param lr=0.1, for an argument of the code put it after --")]
    [InlineData("run --lr 0.1 args.sh", "unknown option '--lr'; for a parameter write --param lr=0.1, for an argument of the code put it after --")]
    [InlineData("run args.sh --lr", "unknown option '--lr'; for a parameter write --param lr=VALUE, for an argument of the code put it after --")]
    [InlineData("submit experiment.yaml --lr 0.1", "unknown option '--lr'; for a parameter write --param lr=0.1")]
    [InlineData("run args.sh one", "unexpected argument 'one'; arguments for the code go after --")]
    [InlineData("wait last --jsn", "unknown option '--jsn'; did you mean '--json'?")]
    [InlineData("delete last --yse", "unknown option '--yse'; did you mean '--yes'?")]
    [InlineData("tag last --remvoe draft", "unknown option '--remvoe'; did you mean '--remove'?")]
    [InlineData("lst", "unknown command 'lst'; did you mean 'list'?")]
    [InlineData("list one", "unexpected argument 'one'")]
    [InlineData("list --state gone", "--state: 'gone' is unknown; known: queued, preparing, running, succeeded, failed, cancelled")]
    [InlineData("up --workers many", "--workers many: expected a whole number")]
    [InlineData("list --limit 99999999999", "--limit 99999999999: expected a whole number of at most 2147483647")]
    [InlineData("up --port", "--port needs a value: --port N")]
    [InlineData("run args.sh --name a --name b", "--name is given more than once; leave one")]
    [InlineData("webhook add team", "--url is missing: --url URL")]
    [InlineData("files put", "PATH is missing: Files and folders on this machine")]
    [InlineData("keys", "exp keys needs a command: add, list, revoke")]
    public async Task ACommandLineThatCannotBeMeant_SaysWhatToWrite(string line, string says)
    {
        Platform.Script("args.sh", "true\n");
        var result = await Platform.Exp(line.Split(' '));
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Equal($"exp: {says}", result.ErrorLines[0]);
        Assert.Equal(2, result.ErrorLines.Length);
        Assert.StartsWith("See: exp ", result.ErrorLines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("up --lease 0s", "--lease 0s: give a length of time such as 02:00:00, 2h, 90m or 45s, at least 100ms")]
    [InlineData("up --machines GPU", "--machines: 'GPU' is not a machine class: a–z, 0–9 and '-', at most 40 characters")]
    [InlineData("run args.sh --param a=2 --param a.b=1", "--param a and --param a.b: one of them is within the other; leave one")]
    public async Task AValueThatCannotBeMeant_SaysWhatToWrite(string line, string says)
    {
        Platform.Script("args.sh", "true\n");
        var result = await Platform.Exp(line.Split(' '));
        Assert.Equal((2, $"exp: {says}"), (result.ExitCode, Assert.Single(result.ErrorLines)));
    }

    [Theory]
    [InlineData("init", "/proc/first", "no file can be made in that folder")]
    [InlineData("files get data/there.txt", "/proc/there.txt", "no file can be made in that folder")]
    [InlineData("lineage data/there.txt --svg", "/proc/1/none/there.svg", "there is no folder /proc/1/none")]
    [InlineData("lineage data/there.txt --svg", "/dev", "a folder is there")]
    [InlineData("lineage data/there.txt --svg", "/dev/full", "there is no room left on that disk")]
    public async Task WhatCannotBeWrittenHere_IsNamed_WithTheReason(string command, string where, string reason)
    {
        Assert.Equal(0, (await Platform.Exp("files", "put", Platform.Script("there.txt", "x"))).ExitCode);
        var result = await Platform.Exp([.. command.Split(' '), where]);
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Equal($"exp: {where} cannot be written: {reason}", Assert.Single(result.ErrorLines));
    }

    [Fact]
    public async Task SeveralUnknownOptions_AreNamedAllAtOnce()
    {
        var result = await Platform.Exp("run", Platform.Script("several.sh", "true\n"), "--wiat", "--lr", "0.1", "--fersh");
        Assert.Equal(4, result.ErrorLines.Length);
    }

    [Fact]
    public async Task WhatFollowsTwoDashes_GoesToTheCode_WhateverItLooksLike()
    {
        var result = await Platform.Exp("run", Platform.Script("dashes.sh", "for one; do echo \"<$one>\"; done\n"), "--wait", "--", "--wiat",
            "--wait", "-5", "two words", "--");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("<--wiat>\n<--wait>\n<-5>\n<two words>\n<-->\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AValueThatLooksLikeAnOption_IsTheValue()
    {
        var result = await Platform.Exp("run", Platform.Script("value.sh", "echo \"<$EXP_PARAM_SHIFT>\"\n"), "--wait", "--param", "shift=-0.5",
            "--env=A=--b");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("<-0.5>", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMetricThatTheRunDoesNotHave_IsNotFound_AndOneLikeItIsSuggested()
    {
        await Platform.Exp("run", Platform.Script("loss.sh", "echo 'step 1 loss=0.5'\n"), "--wait");
        foreach (var options in (string[][])[[], ["--csv"], ["--json"]])
        {
            var result = await Platform.Exp(["metrics", "loss", "losss", .. options]);
            Assert.True(result.ExitCode == 4, result.ToString());
            Assert.EndsWith("has no metric 'losss'; did you mean 'loss'?", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        }

        Assert.Equal(0, (await Platform.Exp("metrics", "loss", "lo*")).ExitCode);
    }

    [Fact]
    public async Task Metrics_ShowWhatIsInfinite_CountWhatIsNoNumber_AndKeepLineEndsInNames()
    {
        const string Values = """
            {"step":1,"name":"up","value":"Infinity"}
            {"step":1,"name":"mixed","value":NaN}
            {"step":2,"name":"mixed","value":"-Infinity"}
            {"step":3,"name":"mixed","value":2}
            {"step":1,"name":"none","value":NaN}
            {"step":1,"name":"# a,\"b\"\nc","value":3}
            """;
        Platform.Script("infinite/values.jsonl", Values + "\n");
        Platform.Script("infinite/go.sh", "cp values.jsonl \"$EXP_OUTPUT/metrics.jsonl\"\n");
        Platform.Script("infinite/experiment.yaml", "project: p\nname: infinite\ncommand: sh go.sh\n");
        Assert.Equal(0, (await Platform.Exp("run", "infinite", "--wait")).ExitCode);

        var table = (await Platform.Exp("metrics", "infinite")).Output;
        Assert.Matches(@"\nup +∞ +∞ +∞ +1 +1", table);
        Assert.Matches(@"\nmixed +2 +-∞ +2 +1 +3 +3", table);
        Assert.Matches(@"\nnone +NaN +NaN +NaN +1 +1 +1", table);
        var csv = await Platform.Exp("metrics", "infinite", "--csv");
        Assert.Contains("\n\"# a,\"\"b\"\"\nc\",1,3,", csv.Output, StringComparison.Ordinal);
        Assert.Equal("", csv.Error);
    }
}
