using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Serverless.Core.Storage.Folder;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class UpCommandTests
{
    [Fact]
    public async Task Up_OnAFolderWithALivePlatform_IsRefused()
    {
        await using var platform = await ExpPlatform.Start(workers: 0);
        var second = await platform.Exp("up", "--port", "0", "--workers", "0");
        Assert.Equal(2, second.ExitCode);
        Assert.Contains("a platform is live on", Assert.Single(second.ErrorLines), StringComparison.Ordinal);
        Assert.Equal(0, (await platform.Exp("list")).ExitCode);
    }

    [Fact]
    public async Task Up_OnAPortThatIsTaken_IsRefused()
    {
        await using var platform = await ExpPlatform.Start(workers: 0);
        var port = new Uri(File.ReadAllText(Path.Combine(platform.Data, "address"))).Port;
        var second = await platform.Exp("up", "--port", $"{port}", "--data", Path.Combine(platform.Folder, "other"));
        Assert.Equal(2, second.ExitCode);
        Assert.Contains("--port", Assert.Single(second.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_OnAFolderThatLostItsWorkspace_SaysThatItBeginsEmpty()
    {
        await using var platform = await ExpPlatform.Start(workers: 0);
        platform.Up.Signal("TERM");
        var first = await platform.Up.Ended();
        TemporaryFolder.Delete(Path.Combine(platform.Data, "workspace"));

        await platform.StartUp(workers: 0);
        platform.Up.Signal("TERM");
        var second = await platform.Up.Ended();

        Assert.DoesNotContain("no workspace", first.Output + first.Error, StringComparison.Ordinal);
        Assert.Contains($"{platform.Data} has keys and no workspace", second.Output + second.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task Up_Stopped_EndsCleanly_AndTheNextStartCarriesOn(string signal)
    {
        await using var platform = await ExpPlatform.Start(workers: 0);
        var id = await platform.Submit(platform.Script("later.sh", "echo ran\n"));
        platform.Up.Signal(signal);
        var ended = await platform.Up.Ended();
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Equal(3, (await platform.Exp("list")).ExitCode);

        await platform.StartUp(workers: 1);
        Assert.Equal(0, (await platform.Exp("wait", id)).ExitCode);
    }

    [Fact]
    public async Task Up_Stopped_LetsWorkersHandBackTheirRuns()
    {
        await using var platform = await ExpPlatform.Start(workers: 1);
        var id = await platform.Submit(platform.Script("long.sh", "trap 'exit 143' TERM; n=0; while [ $((n=n+1)) -lt 900 ]; do sleep 0.1; done\n"));
        await platform.RunIs(id, "running");
        platform.Up.Signal("TERM");
        var ended = await platform.Up.Ended();
        Assert.True(ended.ExitCode == 0, ended.ToString());

        await platform.StartUp(workers: 0);
        var run = await platform.Json("show", id);
        Assert.Equal("queued", run.GetProperty("state").GetString());
        Assert.Equal("preempted", run.GetProperty("cause").GetString());
    }

    [Fact]
    public async Task Up_StoppedTwice_WhileItsFolderIsAway_EndsAtOnce_AndMakesNoOther()
    {
        await using var platform = await ExpPlatform.Start(workers: 1);
        var id = await platform.Submit(platform.Script("long.sh", "sleep 600\n"));
        await platform.RunIs(id, "running");
        Directory.Move(platform.Data, platform.Data + " moved");
        Assert.Equal(3, (await platform.Exp("list")).ExitCode);
        platform.Up.Signal("TERM");
        await platform.Up.Says("Ctrl-C again");
        platform.Up.Signal("TERM");
        var ended = await platform.Up.Ended();
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.False(Directory.Exists(platform.Data));
    }

    [Fact]
    public async Task Up_KilledHard_LeavesNoWorkerBehind_AndStartsAgain()
    {
        await using var platform = await ExpPlatform.Start(workers: 1);
        var worker = await WorkerOf(platform);
        platform.Up.Process.Kill();
        await platform.Up.Ended();
        await Eventually.True(() => HasEnded(worker), ExpProcess.Patience, () => $"worker {worker} has ended");
        await platform.StartUp(workers: 1);
        Assert.Equal(0, (await platform.Exp("run", platform.Script("after.sh", "true\n"), "--wait")).ExitCode);
    }

    [Fact]
    public async Task Command_AfterThePlatformWasKilled_SendsNoKeyToWhoeverListensThere()
    {
        await using var platform = await ExpPlatform.Start(workers: 0);
        var address = File.ReadAllText(Path.Combine(platform.Data, "address")).Trim();
        platform.Up.Process.Kill();
        await platform.Up.Ended();
        using var listener = new TcpListener(IPAddress.Loopback, new Uri(address).Port);
        listener.Start();
        foreach (var result in (ExpResult[])[await platform.Exp("list"), await platform.Exp("list", "--data", platform.Data)])
        {
            Assert.Equal(3, result.ExitCode);
            Assert.Contains("no platform is running on", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        }

        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task Worker_Killed_IsStartedAgain_AndItsRunFinishes()
    {
        await using var platform = await ExpPlatform.Start(workers: 1, "--lease", "2s");
        var id = await platform.Submit(platform.Script("twice.sh", "if [ $EXP_ATTEMPT = 1 ]; then sleep 600; fi; echo second try\n"));
        await platform.RunIs(id, "running");
        using (var worker = Process.GetProcessById(await WorkerOf(platform))) worker.Kill();
        await platform.Up.Says("starting it again");
        var waited = await platform.Exp("wait", id);
        Assert.True(waited.ExitCode == 0, waited.ToString());
        Assert.Equal(2, (await platform.Json("show", id)).GetProperty("epoch").GetInt32());
    }

    [Fact]
    public async Task Worker_StoppedBySignal_IsLetGoOn_SaysSo_AndTakesRuns()
    {
        await using var platform = await ExpPlatform.Start(workers: 1);
        var stop = platform.Script("stop.py", $"import os, signal\nos.kill({await WorkerOf(platform)}, signal.SIGSTOP)\n");
        var ended = await platform.Exp("run", stop, "--wait");
        Assert.True(ended.ExitCode == 0, ended.ToString());
        await platform.Up.Says("was stopped with a signal");
        Assert.Equal(0, (await platform.Exp("run", platform.Script("after.sh", "true\n"), "--wait")).ExitCode);
    }

    /// <summary>The process of the only worker, once that has said that it is there; the platform answers before.</summary>
    private static async Task<int> WorkerOf(ExpPlatform platform)
    {
        int? process = null;
        await Eventually.True(async () =>
        {
            var workers = (await platform.Json("machines")).GetProperty("workers");
            if (workers.GetArrayLength() > 0) process = workers[0].GetProperty("processId").GetInt32();
            return process is not null;
        }, ExpProcess.Patience, () => "the worker has said that it is there");
        return process!.Value;
    }

    private static bool HasEnded(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return process.HasExited;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    [Fact]
    public async Task Up_WithSeveralOddThingsInItsFolder_SaysThemAll_ALineEach()
    {
        using var folder = new TemporaryFolder();
        var data = Path.Combine(folder.Path, "data");
        PrivateFolder.Ensure(data);
        foreach (var (path, thing) in ((string, OddThing)[])[("bus", OddThing.File), ("workspace/.store", OddThing.Pipe),
            ("exp.lock", OddThing.EmptyFolder)]) thing.Put(Path.Combine(data, path), folder.Path, isFolder: true);
        var refused = await ExpProcess.Run(folder.Path, new Dictionary<string, string> { ["EXP_DATA"] = data }, "up", "--port", "0");
        Assert.Equal(2, refused.ExitCode);
        Assert.Equal(3, refused.ErrorLines.Length);
        foreach (var path in (string[])["bus", "workspace/.store", "exp.lock"])
        {
            Assert.Contains(refused.ErrorLines, line => line.Contains($"{Path.Combine(data, path)} is a", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Up_InsideTheWorkspaceOfAnother_OrWhereOneLivesWhoseLockWasRemoved_IsRefused_AndLeavesThatOneAlone()
    {
        await using var platform = await ExpPlatform.Start(workers: 0);
        File.Delete(Path.Combine(platform.Data, "exp.lock"));
        foreach (var (data, why) in ((string, string)[])[(Path.Combine(platform.Data, "workspace"), "is itself a workspace"),
            (platform.Data, "a platform is live on")])
        {
            var refused = await platform.Exp("up", "--data", data, "--port", "0");
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains(why, Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        }

        Assert.Equal(0, (await platform.Exp("list")).ExitCode);
    }

    [Fact]
    public async Task Up_WithANameThatIsEmpty_IsAMistakeOfTheUser()
    {
        using var folder = new TemporaryFolder();
        var refused = await ExpProcess.Run(folder.Path, new Dictionary<string, string>(), "up", "--data", "");
        Assert.Equal((2, "exp: --data: the folder's name is missing"), (refused.ExitCode, Assert.Single(refused.ErrorLines)));
    }

    [Theory]
    [InlineData("data", OddThing.File)]
    [InlineData("data", OddThing.DanglingLink)]
    [InlineData("data", OddThing.Pipe)]
    [InlineData("data/admin.key", OddThing.EmptyFolder)]
    [InlineData("data/admin.key", OddThing.Pipe)]
    [InlineData("data/admin.key", OddThing.DanglingLink)]
    [InlineData("data/admin.key.tmp", OddThing.EmptyFolder)]
    public async Task Up_WithSomethingOddInItsWay_SaysSoInOneLineThatNamesIt(string path, OddThing thing)
    {
        using var folder = new TemporaryFolder();
        if (path != "data") PrivateFolder.Ensure(Path.Combine(folder.Path, "data"));
        thing.Put(Path.Combine(folder.Path, path), Path.Combine(folder.Path, "elsewhere"), isFolder: false);
        var refused = await ExpProcess.Run(
            folder.Path, new Dictionary<string, string> { ["EXP_DATA"] = Path.Combine(folder.Path, "data") }, "up", "--port", "0", "--workers", "0");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains(Path.Combine(folder.Path, path), Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "elsewhere")));
    }

    [Theory]
    [InlineData(30)]
    [InlineData(50)]
    [InlineData(100)]
    [InlineData(400)]
    public async Task Up_WhereFewFilesCanBeOpen_SaysSoInOneLine(int limit)
    {
        using var folder = new TemporaryFolder();
        using var process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo(
                "bash", ["-c", $"ulimit -n {limit}; exec \"$0\" up --port 0 --data \"$1\"", BuiltPrograms.PathOf("cli", "exp"), folder.Path])
        {
            RedirectStandardError = true,
        })!;
        var said = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, process.ExitCode);
        Assert.Contains("ulimit -n 4096", Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }
}
