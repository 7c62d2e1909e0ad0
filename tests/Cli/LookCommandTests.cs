using System.Xml.Linq;
using Parquet.Serialization;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class LookCommandTests(SharedPlatform shared)
{
    private const string Curves = """
        for step in 1 2 3 4; do echo "{\"step\":$step,\"name\":\"val/accuracy\",\"value\":0.$step}" >> "$EXP_OUTPUT/metrics.jsonl"; done
        echo done
        """;

    private ExpPlatform Platform => shared.Platform;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Show_TakesTheEndOrBeginningOfAnId_AndAnExperimentsName()
    {
        var id = await Platform.Submit(Platform.Script("names.sh", "true\n"), "--name", "names-of-runs");
        foreach (var name in (string[])[id, id[^8..], id[^8..].ToLowerInvariant(), id[..20], "names-of-runs"])
        {
            Assert.Equal(id, (await Platform.Json("show", name)).GetProperty("id").GetString());
        }
    }

    [Fact]
    public async Task Metrics_IntoAFile_AreEveryPoint_WithTheRun()
    {
        const string Code = """
            printf '{"step":1,"name":"a, \"b\"","value":NaN}\n{"step":-2,"name":"loss","value":1e-9}\n' > "$EXP_OUTPUT/metrics.jsonl"
            """;
        using var folder = new TemporaryFolder();
        var id = await Platform.Submit(Platform.Script("tables.sh", Code), "--name", "tables");
        await Platform.Exp("wait", id);
        var (parquet, csv) = (Path.Combine(folder.Path, "new", "m.parquet"), Path.Combine(folder.Path, "m.csv"));
        foreach (var file in (string[])[parquet, csv])
        {
            var written = await Platform.Exp("metrics", id, "--out", file);
            Assert.True(written.ExitCode == 0, written.ToString());
            Assert.Contains($"Wrote 2 points into {file}", written.Error, StringComparison.Ordinal);
        }

        Assert.Equal((await Platform.Exp("metrics", id, "--csv")).Output, await File.ReadAllTextAsync(csv, Cancel));
        var rows = await ParquetSerializer.DeserializeAsync<PointRow>(parquet, cancellationToken: Cancel);
        Assert.Equal(
            [(id, "a, \"b\"", 1L, double.NaN), (id, "loss", -2L, 1e-9)], rows.Data.Select(row => (row.run!, row.metric!, row.step, row.value)));
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        Assert.All(rows.Data, row => Assert.InRange(row.time, now.AddMinutes(-10), now.AddMinutes(1)));

        var other = await Platform.Submit(Platform.Script("tables.sh", Code), "--name", "tables", "--param", "other=1");
        await Platform.Exp("wait", other);
        var many = await Platform.Exp("metrics", "--where", "experiment == tables", "--out", parquet, "lo*");
        Assert.Contains($"Wrote 2 points of 2 runs into {parquet}", many.Error, StringComparison.Ordinal);
        rows = await ParquetSerializer.DeserializeAsync<PointRow>(parquet, cancellationToken: Cancel);
        Assert.Equal([(other, "tables", "loss"), (id, "tables", "loss")], rows.Data.Select(row => (row.run!, row.experiment!, row.metric!)));
        foreach (var (args, said) in ((string[], string)[])[
            (["metrics"], "name the run whose metrics to show; the newest: exp metrics last"),
            (["metrics", "--where", "loss > 0"], "--where is about many runs: give it with --out FILE.parquet"),
            (["metrics", "--where", "loss > 0", "--out", csv], "--where is about many runs: give it with --out FILE.parquet"),
            (["metrics", "--where", "experiment == nothing", "--out", parquet], "there are no such runs")])
        {
            Assert.Equal($"exp: {said}", Assert.Single((await Platform.Exp(args)).ErrorLines));
        }

        await Platform.Exp("metrics", id, "loss", "--out", parquet);
        Assert.Single((await ParquetSerializer.DeserializeAsync<PointRow>(parquet, cancellationToken: Cancel)).Data);
        var refused = await Platform.Exp("metrics", id, "los", "--out", parquet);
        Assert.Contains("did you mean 'loss'", refused.Error, StringComparison.Ordinal);
        refused = await Platform.Exp("metrics", id, "--out", "m.txt");
        Assert.Equal((2, "exp: --out m.txt: expected a name that ends in .csv or .parquet"), (refused.ExitCode, Assert.Single(refused.ErrorLines)));
        Assert.Equal(2, Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public async Task Logs_AreSearched()
    {
        var id = await Platform.Submit(Platform.Script("searched.sh", "echo one; echo 'loss is NaN'; echo three\n"), "--name", "searched");
        await Platform.Exp("wait", id);
        Assert.Equal("2: loss is NaN\n", (await Platform.Exp("logs", id, "--search", "nan")).Output);
        Assert.Equal(2, (await Platform.Json("logs", id, "--search", "loss")).GetProperty("matches")[0].GetProperty("line").GetInt32());
        var nothing = await Platform.Exp("logs", id, "--search", "Nan");
        Assert.Equal((4, "exp: no line of the log has 'Nan'"), (nothing.ExitCode, Assert.Single(nothing.ErrorLines)));
        Assert.Equal(2, (await Platform.Exp("logs", id, "--search", "x", "-f")).ExitCode);
        Assert.Equal(2, (await Platform.Exp("logs", id, "--search", "")).ExitCode);
    }

    [Theory]
    [InlineData("--tag")]
    [InlineData("--project")]
    [InlineData("--experiment")]
    [InlineData("--where")]
    public async Task List_WithAnEmptyFilter_IsRefused(string filter)
    {
        var refused = await Platform.Exp("list", filter, "");
        Assert.Equal((2, $"exp: {filter}: is empty; leave it out for all"), (refused.ExitCode, Assert.Single(refused.ErrorLines)));
    }

    [Fact]
    public async Task Plot_DrawsCurvesOfSeveralRuns_InTheTerminalAndAsAPicture()
    {
        var runs = new List<string>();
        foreach (var lr in (string[])["0.1", "0.2"])
        {
            runs.Add(await Platform.Submit(Platform.Script("plotted.sh", Curves), "--name", "plotted", "--param", $"lr={lr}"));
        }

        foreach (var run in runs) await Platform.Exp("wait", run);
        var drawn = await Platform.Exp(["plot", .. runs]);
        Assert.True(drawn.ExitCode == 0, drawn.ToString());
        foreach (var part in (string[])["val/accuracy", "plotted lr=0.1", "plotted lr=0.2", "step 4"])
        {
            Assert.Contains(part, drawn.Output, StringComparison.Ordinal);
        }

        var told = await Platform.Json(["plot", .. runs, "--metric", "val/accuracy"]);
        Assert.Equal(runs, told.EnumerateArray().Select(run => run.GetProperty("run").GetString()));

        var (png, svg) = (Path.Combine(Platform.Folder, "curves.png"), Path.Combine(Platform.Folder, "curves.svg"));
        Assert.Equal(0, (await Platform.Exp(["plot", .. runs, "--out", png])).ExitCode);
        Assert.Equal(0, (await Platform.Exp(["plot", .. runs, "--metric", "val/*", "--x", "time", "--out", svg])).ExitCode);
        Assert.Equal([0x89, .. "PNG"u8], (await File.ReadAllBytesAsync(png, Cancel))[..4]);
        var picture = XDocument.Parse(await File.ReadAllTextAsync(svg, Cancel));
        Assert.Contains("plotted lr=0.2", picture.Root!.Value, StringComparison.Ordinal);

        string[] best = ["plot", "--where", "experiment == plotted and lr > 0", "--order", "-lr"];
        Assert.Equal(runs.AsEnumerable().Reverse(),
            (await Platform.Json([.. best, "--metric", "val/accuracy"])).EnumerateArray().Select(run => run.GetProperty("run").GetString()));
        Assert.Equal(runs[1], Assert.Single((await Platform.Json([.. best, "-n", "1"])).EnumerateArray()).GetProperty("run").GetString());
        foreach (var (args, said) in ((string[], string)[])[
            (["plot"], "name the runs to plot, or say which with --where, as in exp list"),
            (["plot", "last", "--where", "lr > 0"], "name the runs to plot, or say which with --where, as in exp list"),
            (["plot", "last", "--order", "lr"], "--order is about the runs of --where"),
            (["plot", "--where", "lr > 0", "-n", "101"], "--limit: a number from 1 to 100"),
            (["plot", "--where", "lr > 7"], "there are no such runs")])
        {
            Assert.Equal($"exp: {said}", Assert.Single((await Platform.Exp(args)).ErrorLines));
        }

        Assert.Equal("exp: --out a.jpg: expected a name that ends in .png or .svg",
            Assert.Single((await Platform.Exp(["plot", .. runs, "--out", "a.jpg"])).ErrorLines));
        Assert.Equal("exp: no run has a metric 'val/accurcy'; did you mean 'val/accuracy'?",
            Assert.Single((await Platform.Exp(["plot", .. runs, "--metric", "val/accurcy"])).ErrorLines));
    }

    [Fact]
    public async Task Plot_SaysWhichCurvesHaveNoValueToDraw()
    {
        var id = await Platform.Submit(
            Platform.Script("nan.sh", "for step in 1 2 3; do echo \"step $step loss: 0.$step grad: nan\"; done\n"), "--name", "nan");
        await Platform.Exp("wait", id);
        const string Why = "no value that can be drawn: all are NaN, infinite or beyond ±1e100";
        var drawn = await Platform.Exp("plot", id, "--metric", "loss", "--metric", "grad");
        Assert.True(drawn.ExitCode == 0, drawn.ToString());
        Assert.Equal($"Not plotted: grad; {Why}", Assert.Single(drawn.ErrorLines));
        var nothing = await Platform.Exp("plot", id, "--metric", "grad");
        Assert.Equal((4, $"exp: grad: {Why}"), (nothing.ExitCode, Assert.Single(nothing.ErrorLines)));
    }

    [Fact]
    public async Task Show_OfAnAmbiguousBeginning_ListsWhatItCouldBe()
    {
        await Platform.Submit(Platform.Script("two.sh", "true\n"));
        var id = await Platform.Submit("two.sh", "--fresh");
        var result = await Platform.Exp("show", id[..3]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"'{id[..3]}' matches ", result.ErrorLines[0], StringComparison.Ordinal);
        Assert.Contains($"  {id}", result.ErrorLines);
    }

    [Fact]
    public async Task List_IntoAPipe_CutsNothing_AndOneLongNameWidensItsOwnLineOnly()
    {
        var name = new string('m', 180);
        var wide = await Platform.Submit(Platform.Script("wide.sh",
            $"echo '{{\"step\":1,\"name\":\"{name}\",\"value\":0.5}}' >> $EXP_OUTPUT/metrics.jsonl\n"), "--name", "wide", "--tag", "widths");
        await Platform.Submit(Platform.Script("narrow.sh", "true\n"), "--name", "narrow", "--tag", "widths");
        await Platform.Exp("wait", "narrow");
        await Platform.Exp("wait", wide);

        var lines = (await Platform.Exp("list", "--tag", "widths")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Contains(name, Assert.Single(lines, line => line.Contains(" wide ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.All(lines.Where(line => !line.Contains(name, StringComparison.Ordinal)), line => Assert.InRange(line.Length, 1, 180));
    }

    [Fact]
    public async Task Show_OfNothingThatIsThere_ExitsWithFour()
    {
        foreach (var name in (string[])["nobody", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"])
        {
            var result = await Platform.Exp("show", name);
            Assert.Equal(4, result.ExitCode);
            Assert.StartsWith("exp: there is no run", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Checks_AreShownEverywhere_AndAFailedOneHasAnExitCodeOfItsOwn()
    {
        const string Many = """
            for layer in $(seq 100 160); do echo "{\"step\":1,\"name\":\"layer$layer/grad\",\"value\":$layer}" >> "$EXP_OUTPUT/metrics.jsonl"; done
            echo "{\"step\":1,\"name\":\"val/accuracy\",\"value\":0.7}" >> "$EXP_OUTPUT/metrics.jsonl"
            """;
        Platform.Script("checked/train.sh", Many);
        Platform.Script("checked/experiment.yaml",
            "project: checks\nname: checked\ncommand: sh train.sh\nchecks: { val/accuracy: \"0.95..\", layer100/grad: \"..100\" }\n");
        var waited = await Platform.Exp("run", "checked", "--wait");
        Assert.True(waited.ExitCode == 6, waited.ToString());
        Assert.Contains("check val/accuracy: 0.7, wanted 0.95..", waited.Output, StringComparison.Ordinal);
        var shown = (await Platform.Exp("show", "checked")).Output;
        Assert.Contains("wanted 0.95..", shown, StringComparison.Ordinal);
        Assert.Contains("layer160/grad", shown, StringComparison.Ordinal);
        var listed = (await Platform.Exp("list", "--experiment", "checked")).Output;
        Assert.Contains("✗ 1 of 2", listed, StringComparison.Ordinal);
        Assert.Contains("val/accuracy 0.7", listed, StringComparison.Ordinal);
        Assert.Matches(@"and \d+ more", listed);
        Platform.Script("checked/experiment.yaml", "project: checks\nname: checked\ncommand: sh train.sh\nchecks: { val/accuracy: \"0.5..\" }\n");
        waited = await Platform.Exp("run", "checked", "--wait");
        Assert.True(waited.ExitCode == 0, waited.ToString());
        Assert.Contains("1 check passed", waited.Output, StringComparison.Ordinal);
        Platform.Script("checked/experiment.yaml", "project: checks\nname: checked\ncommand: sh train.sh\nchecks: { val/accuracy: \"base..\" }\n");
        var result = await Platform.Exp("run", "checked");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("against another commit are not supported", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_InAPipe_HasOneUncutLineARunAndNoControlSequences()
    {
        var tag = "tag-of-list";
        await Platform.Submit(Platform.Script("listed.sh", "true\n"), "--tag", tag, "--param", $"long={new string('x', 300)}");
        await Platform.Submit("listed.sh", "--tag", tag, "--param", "long=b");
        var result = await Platform.ExpWith(new Dictionary<string, string> { ["GITHUB_ACTIONS"] = "true", ["TERM"] = "xterm-256color" }, "list",
            "--tag", tag);
        var lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Contains(new string('x', 300), result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', result.Output);
        Assert.All(lines, line => Assert.Equal(line.TrimEnd(), line));
    }

    [Fact]
    public async Task List_WithALimit_GoesOnWhereThePageEnds()
    {
        for (var i = 0; i < 3; i++) await Platform.Submit(Platform.Script("page.sh", "true\n"), "--param", $"i={i}", "--tag", "paged");
        Assert.Equal(2, (await Platform.Json("list", "--tag", "paged", "-n", "2")).GetProperty("runs").GetArrayLength());
        Assert.Equal(3, (await Platform.Json("list", "--tag", "paged", "-n", "0")).GetProperty("runs").GetArrayLength());
    }

    [Fact]
    public async Task List_OfWhatIsAskedFor_IsOrdered_AndNamesThatNoRunHas_AreSaid()
    {
        foreach (var lr in (double[])[0.3, 0.1, 0.2])
        {
            var script = Platform.Script("asked.sh", "echo \"step 1 score=$EXP_PARAM_LR\"\n");
            Assert.Equal(0, (await Platform.Exp("run", script, "--param", FormattableString.Invariant($"lr={lr}"), "--tag", "asked", "--wait")).ExitCode);
        }

        var asked = await Platform.Exp("list", "--where", "tags == asked and score > 0.1 and state == succeeded", "--order", "-lr");
        Assert.Matches(@"lr=0\.3[^\n]*score 0\.3[^\n]*\n[^\n]*lr=0\.2", asked.Output);
        Assert.DoesNotContain("lr=0.1", asked.Output, StringComparison.Ordinal);
        Assert.Contains("no run has a metric or a parameter 'scor'; did you mean 'score'?", (await Platform.Exp("list", "--where", "scor > 1")).Error,
            StringComparison.Ordinal);
        var wrong = await Platform.Exp("list", "--where", "score >");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("where: at character 8: it ends", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CurvesWhoseRangeIsBeyondADouble_AreDrawn()
    {
        var script = Platform.Script("vast.sh", "for i in 1 2; do echo step $i vast=1.7e308; done\nfor i in 3 4; do echo step $i vast=-1.7e308; done\n");
        Assert.Equal(0, (await Platform.Exp("run", script, "--wait")).ExitCode);
        Assert.Contains("██▁▁", (await Platform.Exp("metrics", "vast")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_AreATable_APlot_OrEveryPointAsCsv()
    {
        Assert.Equal(0, (await Platform.Exp("run", Platform.Script("curves.sh", Curves), "--wait")).ExitCode);
        var table = await Platform.Exp("metrics", "curves");
        Assert.Matches(@"val/accuracy +0\.4 +0\.1 +0\.4 +4 +4 +▁", table.Output);
        Assert.Contains("│", (await Platform.Exp("metrics", "curves", "val/accuracy")).Output, StringComparison.Ordinal);
        var csv = (await Platform.Exp("metrics", "curves", "--csv")).Output.Split('\n');
        Assert.Equal("metric,step,value,time", csv[0]);
        Assert.StartsWith("val/accuracy,3,0.3,20", csv[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_OfTheMachine_AreOnlyWhereTheyAreAskedFor()
    {
        Assert.Equal(0, (await Platform.Exp("run", Platform.Script("lasts.sh", "echo step 1 loss=0.5; sleep 1.5\n"), "--wait")).ExitCode);
        foreach (var form in (string[])["--csv", "--json"])
        {
            var own = (await Platform.Exp("metrics", "lasts", form)).Output;
            Assert.Contains("loss", own, StringComparison.Ordinal);
            Assert.DoesNotContain("system/", own, StringComparison.Ordinal);
            Assert.Contains("system/cpu_percent", (await Platform.Exp("metrics", "lasts", form, "--system")).Output, StringComparison.Ordinal);
            Assert.Contains("system/cpu_percent", (await Platform.Exp("metrics", "lasts", "system/*", form)).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Logs_AreTheBytesThatWerePrinted()
    {
        await Platform.Exp("run", Platform.Script("bytes.sh", "printf 'a\\r\\tb\\n\\nlast without end'\n"), "--wait");
        Assert.Equal("a\r\tb\n\nlast without end", (await Platform.Exp("logs", "bytes")).Output);
        Assert.Equal("a\r\tb\n\nlast without end", (await Platform.Exp("logs", "bytes", "-f")).Output);
        Assert.Equal("\nlast without end", (await Platform.Exp("logs", "bytes", "-n", "2")).Output);
        Assert.Equal("\nlast without end", (await Platform.Exp("logs", "bytes", "-n", "2", "-f")).Output);
    }

    [Fact]
    public async Task Compare_ShowsWhatDiffersAndHidesWhatIsTheSame()
    {
        var script = Platform.Script("compared.sh", "true\n");
        var a = await Platform.Submit(script, "--param", "lr=0.1", "--param", "same=yes");
        var b = await Platform.Submit(script, "--param", "lr=0.2", "--param", "same=yes");
        var result = await Platform.Exp("compare", a, b);
        Assert.Matches(@"lr +0\.1 +0\.2\n", result.Output);
        Assert.DoesNotContain("same", result.Output, StringComparison.Ordinal);
        Assert.Matches(@"same +yes +yes\n", (await Platform.Exp("compare", a, b, "--all")).Output);
        Assert.Equal(2, (await Platform.Exp("compare", a, a)).ExitCode);
    }

    [Fact]
    public async Task Tag_AddsAndTakesAway()
    {
        var id = await Platform.Submit(Platform.Script("tagged.sh", "true\n"), "--tag", "draft");
        await Platform.Exp("tag", id, "paper", "best", "--remove", "draft");
        Assert.Equal(["paper", "best"], (await Platform.Json("show", id)).GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));
    }

    [Fact]
    public async Task Delete_WithNobodyToAsk_WantsYes_AndThenDeletes()
    {
        var id = (await Platform.Json("run", Platform.Script("deleted.sh", "true\n"), "--wait"))[0].GetProperty("id").GetString()!;
        var asked = await Platform.Exp("delete", id);
        Assert.Equal(2, asked.ExitCode);
        Assert.Contains("--yes", Assert.Single(asked.ErrorLines), StringComparison.Ordinal);
        Assert.Equal(0, (await Platform.Exp("delete", id, "--yes")).ExitCode);
        Assert.Equal(4, (await Platform.Exp("show", id)).ExitCode);
    }

    private sealed class PointRow
    {
        public string? run { get; set; }
        public string? experiment { get; set; }
        public string? metric { get; set; }
        public long step { get; set; }
        public double value { get; set; }
        public DateTime time { get; set; }
    }
}
