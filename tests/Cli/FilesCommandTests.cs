using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class FilesCommandTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Put_OfTwoFilesThatWouldBecomeOne_IsRefused()
    {
        Platform.Script("from/a/same.txt", "a");
        Platform.Script("from/b/same.txt", "b");
        var refused = await Platform.Exp("files", "put", "from/a/same.txt", "from/b/same.txt", "--to", "data/both/");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("would both become data/both/same.txt", refused.Error, StringComparison.Ordinal);
        Assert.Empty((await Platform.Json("files", "ls", "data/both/")).GetProperty("files").EnumerateArray());
    }

    /// <summary>As under cron, with nobody to hear what is said on standard error.</summary>
    [Fact]
    public async Task AClosedOrFullStandardError_ChangesNothing()
    {
        Platform.Script("heard.sh", "true\n");
        using var shell = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("sh", ["-c", $"cd '{Platform.Folder}'; export EXP_DATA='{Platform.Data}'; "
                + "\"$0\" run heard.sh 2>&- && \"$0\" run heard.sh --wait 2>/dev/full", BuiltPrograms.PathOf("cli", "exp")]))!;
        await shell.WaitForExitAsync(Cancel);
        Assert.Equal(0, shell.ExitCode);
    }

    [Fact]
    public async Task Files_ThatWerePut_ComeBackTheSame()
    {
        Platform.Script("set/a.csv", "1,2\n");
        Platform.Script("set/deep/er/ü b.csv", "3,4\n");
        Assert.Equal(0, (await Platform.Exp("files", "put", "set")).ExitCode);
        Assert.Equal(["data/set/a.csv", "data/set/deep/er/ü b.csv"], (await Platform.Json("files", "ls", "set/")).GetProperty("files")
            .EnumerateArray().Select(file => file.GetProperty("path").GetString()).Order());
        Assert.Equal("1,2\n", (await Platform.Exp("files", "get", "data/set/a.csv", "-")).Output);
        Assert.Equal(0, (await Platform.Exp("files", "get", "data/set/", "back")).ExitCode);
        Assert.Equal("3,4\n", File.ReadAllText(Path.Combine(Platform.Folder, "back/deep/er/ü b.csv")));

        Assert.Equal(2, (await Platform.Exp("files", "rm", "data/set/")).ExitCode);
        Assert.Equal(0, (await Platform.Exp("files", "rm", "-r", "data/set/")).ExitCode);
        Assert.Equal(4, (await Platform.Exp("files", "get", "data/set/a.csv", "-")).ExitCode);
    }

    [Fact]
    public async Task Downloads_SideBySide_LeaveOneAnotherAndOwnFilesAlone()
    {
        var from = Directory.CreateDirectory(Path.Combine(Platform.Folder, "beside")).FullName;
        var large = new string('A', 4 << 20);
        await File.WriteAllTextAsync(Path.Combine(from, "model"), large, Cancel);
        await File.WriteAllTextAsync(Path.Combine(from, "model.partial"), "B", Cancel);
        Assert.Equal(0, (await Platform.Exp("files", "put", from)).ExitCode);

        var to = Path.Combine(Platform.Folder, "got-beside");
        Assert.Equal(0, (await Platform.Exp("files", "get", "data/beside/", to)).ExitCode);
        Assert.Equal(large, await File.ReadAllTextAsync(Path.Combine(to, "model"), Cancel));
        Assert.Equal("B", await File.ReadAllTextAsync(Path.Combine(to, "model.partial"), Cancel));
        Assert.Equal(2, Directory.GetFileSystemEntries(to).Length);

        // What somebody has there already stays, also behind a link.
        var (own, link) = (Path.Combine(to, "own"), Path.Combine(to, "link"));
        await File.WriteAllTextAsync(own, "mine", Cancel);
        File.CreateSymbolicLink(link, own);
        Assert.Equal(0, (await Platform.Exp("files", "get", "data/beside/model.partial", link)).ExitCode);
        Assert.Equal("B", await File.ReadAllTextAsync(own, Cancel));
        Assert.Equal(own, new FileInfo(link).LinkTarget);
    }

    [Fact]
    public async Task ADownload_TakesThePlaceOfNoPipe()
    {
        Assert.Equal(0, (await Platform.Exp("files", "put", Platform.Script("for-a-pipe", "x"))).ExitCode);
        var pipe = Path.Combine(Platform.Folder, "pipe");
        await Unix.Do("mkfifo", pipe);
        var result = await Platform.Exp("files", "get", "data/for-a-pipe", pipe);
        Assert.Equal(2, result.ExitCode);
        Assert.Equal($"exp: {pipe} cannot be written: a named pipe is there", Assert.Single(result.ErrorLines));
    }

    [Theory]
    [InlineData("files put")]
    [InlineData("dataset publish")]
    public async Task LinksToFolders_AreNamedAndNotFollowed(string command)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Platform.Folder, "circle")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "f"), "x", Cancel);
        foreach (var name in (string[])["a", "b"])
        {
            if (!Path.Exists(Path.Combine(folder, name))) File.CreateSymbolicLink(Path.Combine(folder, name), ".");
        }

        var result = await Platform.Exp([.. command.Split(' '), folder]);
        Assert.Equal(2, result.ExitCode);
        Assert.Equal(3, result.ErrorLines.Length);
        Assert.Contains("it is a link to the folder", result.ErrorLines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_List_FoldsFolders()
    {
        Platform.Script("folded/x/1", "1");
        Platform.Script("folded/x/2", "2");
        await Platform.Exp("files", "put", "folded");
        Assert.Matches(@"2 B .* data/folded/x/\n", (await Platform.Exp("files", "ls", "data/folded/")).Output);
    }

    [Fact]
    public async Task Run_WithAnInput_ReadsWhatWasPut()
    {
        Platform.Script("numbers.txt", "41\n");
        await Platform.Exp("files", "put", "numbers.txt", "--to", "data/in/");
        var result = await Platform.Exp("run", Platform.Script("reads.sh", "cat \"$EXP_INPUTS/in/numbers.txt\"\n"), "--input", "data/in/", "--wait");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("41\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Artifacts_AreListedAndFetched()
    {
        var script = Platform.Script("makes.sh", """
            mkdir -p "$EXP_OUTPUT/artifacts/plots"
            echo curve > "$EXP_OUTPUT/artifacts/plots/loss.txt"; echo all > "$EXP_OUTPUT/artifacts/table.txt"
            """);
        Assert.Equal(0, (await Platform.Exp("run", script, "--wait")).ExitCode);
        Assert.Equal("curve\n", (await Platform.Exp("artifacts", "get", "makes", "plots/loss.txt", "--to", "-")).Output);
        Assert.Equal(0, (await Platform.Exp("artifacts", "get", "makes", "--to", "made")).ExitCode);
        Assert.Equal("all\n", File.ReadAllText(Path.Combine(Platform.Folder, "made/table.txt")));
        Assert.Equal(4, (await Platform.Exp("artifacts", "get", "makes", "nothing.txt")).ExitCode);
    }

    [Fact]
    public async Task Checkpoints_AreListedAndFetched()
    {
        var script = Platform.Script("saves.sh",
            "for s in 1 2; do mkdir -p \"$EXP_OUTPUT/checkpoints/$s\"; echo weights $s > \"$EXP_OUTPUT/checkpoints/$s/model.safetensors\"; done\n");
        Assert.Equal(0, (await Platform.Exp("run", script, "--wait")).ExitCode);
        Assert.Equal([1L, 2L], (await Platform.Json("checkpoints", "ls", "saves")).GetProperty("checkpoints").EnumerateArray()
            .Select(one => one.GetProperty("step").GetInt64()));
        Assert.Equal(0, (await Platform.Exp("checkpoints", "get", "saves", "1", "--to", "weights")).ExitCode);
        Assert.Equal("weights 1\n", File.ReadAllText(Path.Combine(Platform.Folder, "weights/model.safetensors")));
    }
}
