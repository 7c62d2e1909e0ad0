using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class DatasetCommandTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    [Fact]
    public async Task AFolderOfThisMachine_IsPublished_Used_ComparedAndFetched()
    {
        Platform.Script("letters/a.txt", "a\n");
        Platform.Script("letters/deep/b.txt", "b\n");
        Assert.Contains("letters:1", (await Platform.Exp("dataset", "publish", "./letters")).Output, StringComparison.Ordinal);
        var again = await Platform.Exp("dataset", "publish", "letters");
        Assert.Contains("letters:1 has this content already", again.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Sent", again.Error, StringComparison.Ordinal);

        Platform.Script("letters/a.txt", "A\n");
        var changed = await Platform.Exp("dataset", "publish", "letters");
        Assert.Contains("Sent: 1 file, 2 B", changed.Error, StringComparison.Ordinal);
        Assert.Equal("~ a.txt\n", (await Platform.Exp("dataset", "diff", "letters:1", "letters:latest")).Output);

        var read = Platform.Script("letters.sh", "cat \"$EXP_INPUTS/letters/a.txt\"\n");
        Assert.Contains("A\n", (await Platform.Exp("run", read, "--input", "letters:latest", "--wait")).Output, StringComparison.Ordinal);
        Assert.Contains("letters:2", (await Platform.Exp("show", "letters")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await Platform.Exp("run", read, "--input", "letters:1", "--wait")).ExitCode);
        Assert.Matches("datasets +letters +letters:2 +→ +letters:1", (await Platform.Exp("why-not-reused", "letters")).Output);

        Assert.Equal(0, (await Platform.Exp("dataset", "get", "letters:1", "fetched")).ExitCode);
        Assert.Equal("a\n", File.ReadAllText(Path.Combine(Platform.Folder, "fetched/a.txt")));
        Assert.Equal("b\n", File.ReadAllText(Path.Combine(Platform.Folder, "fetched/deep/b.txt")));
    }

    [Fact]
    public async Task ADamagedContent_IsNotTakenForTheFile_AndPublishingAgainMendsIt()
    {
        Platform.Script("precious/a.txt", "precious\n");
        Assert.Equal(0, (await Platform.Exp("dataset", "publish", "./precious")).ExitCode);
        var sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("precious\n"u8));
        var stored = Path.Combine(Platform.Data, "workspace", "contents", sha256[..2], sha256);
        foreach (var damaged in (string[])["wr", "worthless"])
        {
            File.WriteAllText(stored, damaged);
            var refused = await Platform.Exp("dataset", "get", "precious:1", "precious-again");
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains(sha256, refused.Error, StringComparison.Ordinal);
            Assert.False(File.Exists(Path.Combine(Platform.Folder, "precious-again/a.txt")));
            var mended = await Platform.Exp("dataset", "publish", "precious");
            Assert.Contains("Sent: 1 file", mended.Error, StringComparison.Ordinal);
            Assert.Equal("precious\n", File.ReadAllText(stored));
        }
    }

    [Fact]
    public async Task Lineage_IsATree_APictureAndAReasonNotToDelete()
    {
        var maker = Platform.Script("makes-weights.sh", "mkdir -p \"$EXP_OUTPUT/data/made\"; echo w > \"$EXP_OUTPUT/data/made/w\"\n");
        Assert.Equal(0, (await Platform.Exp("run", maker, "--wait")).ExitCode);
        await Eventually.True(async () =>
            (await Platform.Exp("files", "get", "data/made/w", "-")).ExitCode == 0, ExpProcess.Patience, () => "data/made/w is published");
        Assert.Equal(0, (await Platform.Exp("run", Platform.Script("reads-weights.sh", "cat \"$EXP_INPUTS/made/w\"\n"), "--input", "data/made/",
            "--wait")).ExitCode);
        Assert.Matches(@"(?s)^makes-weights .*led to\n.*data/made/w .*\(published\)\n.*reads-weights .*\(input\)\n",
            (await Platform.Exp("lineage", "makes-weights")).Output);
        Assert.Matches(@"(?s)came from\n.*makes-weights .*led to\n.*reads-weights", (await Platform.Exp("lineage", "data/made/w")).Output);
        Assert.Equal(0, (await Platform.Exp("lineage", "reads-weights", "--svg", "lineage.svg")).ExitCode);
        Assert.Contains(">makes-weights<", File.ReadAllText(Path.Combine(Platform.Folder, "lineage.svg")), StringComparison.Ordinal);
        Assert.StartsWith("digraph", (await Platform.Exp("lineage", "reads-weights", "--dot")).Output, StringComparison.Ordinal);

        var refused = await Platform.Exp("delete", "makes-weights", "--yes");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("(reads-weights)", refused.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await Platform.Exp("files", "rm", "data/made/w")).ExitCode);
        Assert.Contains("1 run read files of data/made/", (await Platform.Exp("files", "rm", "-r", "data/made/")).Error, StringComparison.Ordinal);

        // Together with what came of it, in any order.
        var both = await Platform.Exp("delete", "makes-weights", "reads-weights", "--yes");
        Assert.True(both.ExitCode == 0, both.ToString());
        Assert.Equal(0, (await Platform.Exp("files", "rm", "data/made/w")).ExitCode);
        Assert.Equal(2, (await Platform.Exp("lineage")).ExitCode);
    }

    [Fact]
    public async Task AnUnknownVersion_IsSaidWithWhatWasMeant()
    {
        Platform.Script("known/x", "x");
        await Platform.Exp("dataset", "publish", "known");
        var wrong = await Platform.Exp("run", Platform.Script("any.sh", "true\n"), "--input", "knwon:1");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("did you mean 'known'?", wrong.Error, StringComparison.Ordinal);
        Assert.Equal(4, (await Platform.Exp("dataset", "show", "known:7")).ExitCode);
        Assert.Equal(2, (await Platform.Exp("dataset", "get", "known")).ExitCode);
        Assert.Equal(4, (await Platform.Exp("dataset", "publish", "./nothing-here")).ExitCode);
    }
}
