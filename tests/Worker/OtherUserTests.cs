using System.Diagnostics;
using System.Globalization;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Execute;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Code that runs as another user than the agent, as in the container. Only root can do that; whoever is not root is told so.</summary>
public sealed class OtherUserTests
{
    // Nobody's, on every Linux; it needs no entry among the users.
    private const string Other = "65534";

    private const string Snooping = """
        echo "user $(id -u) home $HOME"
        agent=$(awk '/^PPid:/ { print $2 }' /proc/$PPID/status)
        cat /proc/$agent/environ >/dev/null 2>&1 && echo "read the agent's environment"
        cat /proc/$agent/mem >/dev/null 2>&1 && echo "opened the agent's memory"
        kill -0 $agent 2>/dev/null && echo "may signal the agent"
        (: > $EXP_INPUTS/in.txt) 2>/dev/null && echo "wrote to an input"
        grep -q '^NoNewPrivs:.*1' /proc/self/status && echo "gains no rights"
        cat $EXP_INPUTS/in.txt
        echo tools: $(cat tools/made) $(cat $HOME/.local/made)
        for file in tools/made tools/new $HOME/.local/made; do (: > $file) 2>/dev/null && echo "wrote to what the set-up left: $file"; done
        cache=$(dirname $(dirname $(dirname $(readlink -f tools))))
        ls $cache $cache/setup $cache/build $cache/code $cache/inputs 2>/dev/null && echo "saw the caches"
        mkdir -p $EXP_OUTPUT/artifacts/private; echo mine > $EXP_OUTPUT/artifacts/private/kept.txt; chmod 700 $EXP_OUTPUT/artifacts/private; chmod 600 $EXP_OUTPUT/artifacts/private/kept.txt
        touch $TMPDIR/x $HOME/y
        """;

    public static bool IsRootOnLinux => OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess;

    [Fact(Skip = "only root can start processes of another user", SkipUnless = nameof(IsRootOnLinux))]
    public async Task Code_SeesNothingOfTheAgent_AndItsOutputsAreCollected()
    {
        await using var rig = new WorkerRig();
        await Open(rig);
        await rig.StartWorker(more: ["--run-as", Other]);
        await rig.PutText("data/in.txt", "an input\n");

        var run = await rig.SubmitShell(Snooping, spec => spec with
        {
            Inputs = ["data/in.txt"],
            Setup = "umask 0; mkdir tools $HOME/.local; echo made > tools/made; echo at home > $HOME/.local/made; chmod 4777 tools/made",
        });
        var ended = await rig.Ended(run);

        var log = await rig.Log(run);
        Assert.True(ended.State == RunState.Succeeded, $"{ended.Message}\n{log}");
        Assert.EndsWith($"user {Other} home {rig.Folder}/worker/w1/work/{run}-1/home\ngains no rights\nan input\ntools: made at home\n", log,
            StringComparison.Ordinal);
        var kept = Assert.Single((await rig.Outputs(ended)).Artifacts);
        Assert.Equal("mine\n", await rig.Text(kept.Key));
    }

    [Fact(Skip = "only root can start processes of another user", SkipUnless = nameof(IsRootOnLinux))]
    public async Task CSharp_RunsInARunnerOfThatUser()
    {
        await using var rig = new WorkerRig();
        await Open(rig);
        await rig.StartWorker(spares: 1, more: ["--run-as", Other]);
        var run = await rig.SubmitCSharp(
            "Console.WriteLine(Environment.IsPrivilegedProcess); Console.WriteLine(File.ReadAllText(\"/proc/self/status\").Split('\\n').First(line " +
            "=> line.StartsWith(\"Uid\")));");
        await rig.Ended(run);
        Assert.Equal($"False\nUid:\t{Other}\t{Other}\t{Other}\t{Other}\n", await rig.Log(run));
    }

    /// <summary>What a spec's variables make the dynamic loader do, it does as the code's user only: here, to write a file.</summary>
    [Theory(Skip = "only root can start processes of another user", SkipUnless = nameof(IsRootOnLinux))]
    [InlineData(0)]
    [InlineData(1)]
    public async Task VariablesOfTheSpec_AreSeenByNothingThatRootStarts(int spares)
    {
        await using var rig = new WorkerRig();
        await Open(rig);
        var traces = Directory.CreateDirectory(Path.Combine(rig.Folder, "traces")).FullName;
        Allow(traces, (UnixFileMode)0b111_111_111);
        await rig.StartWorker(spares: spares, more: ["--run-as", Other]);
        var traced = new Dictionary<string, string> { ["LD_DEBUG"] = "files", ["LD_DEBUG_OUTPUT"] = $"{traces}/trace" };

        string[] runs =
        [
            await rig.SubmitCSharp("Console.WriteLine(Environment.GetEnvironmentVariable(\"LD_DEBUG\"));", spec => spec with { Env = traced }),
            await rig.SubmitShell("echo $LD_DEBUG", spec => spec with { Env = traced, Setup = "true" }),
        ];

        foreach (var run in runs)
        {
            var ended = await rig.Ended(run);
            Assert.True(ended.State == RunState.Succeeded, ended.Message);
            Assert.EndsWith("files\n", await rig.Log(run), StringComparison.Ordinal);
        }

        using var asking = Process.Start(new ProcessStartInfo("find", [traces, "-type", "f", "-printf", "%U\n"]) { RedirectStandardOutput = true })!;
        var owners = (await asking.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Split(
            '\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([Other], owners.Distinct());
    }

    /// <summary>Python, for one, executes what it finds in its home.</summary>
    [Fact(Skip = "only root can start processes of another user", SkipUnless = nameof(IsRootOnLinux))]
    public async Task Home_IsEmptyForEachAttempt()
    {
        await using var rig = new WorkerRig();
        await Open(rig);
        await rig.StartWorker(more: ["--run-as", Other]);
        const string Command = "echo found: $(ls -A $HOME); echo left > $HOME/left; mkdir -m 700 $HOME/.closed; ln -s /etc $HOME/link";
        foreach (var run in (string[])[await rig.SubmitShell(Command), await rig.SubmitShell(Command)])
        {
            Assert.Equal(RunState.Succeeded, (await rig.Ended(run)).State);
            Assert.Equal("found:\n", await rig.Log(run));
        }

        Assert.True(Directory.Exists("/etc"));
    }

    /// <summary>
    /// In the folders of all users: what a run leaves there goes with it, but not while another run of the user may need it, and nothing that was
    /// there before.
    /// </summary>
    [Fact(Skip = "only root can start processes of another user", SkipUnless = nameof(IsRootOnLinux))]
    public async Task WhatARunLeavesInCommonFolders_GoesWithTheLastRunOfItsUser()
    {
        const string User = "54322";
        var mark = Path.GetRandomFileName();
        var (before, others) = ($"/tmp/{mark}-before", $"/tmp/{mark}-others");
        await using var rig = new WorkerRig();
        await Open(rig);
        await File.WriteAllTextAsync(before, "", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(others, "", TestContext.Current.CancellationToken);
        await Unix.Do("chown", User, before);
        try
        {
            await rig.StartWorker("w1", more: ["--run-as", User]);
            await rig.StartWorker("w2", more: ["--run-as", User]);
            var end = Path.Combine(rig.Folder, "end");
            var shared = $"/dev/shm/{mark}-1";
            var longer = await rig.SubmitShell($"echo mine > {shared}; echo begun; until [ -e {end} ]; do sleep 0.05; done; cat {shared}");
            await rig.LogHas(longer, "begun\n");
            var deep = string.Join('/', Enumerable.Repeat("d", 60));
            await rig.Ended(await rig.SubmitShell(
                $"mkdir -p /tmp/{mark}-2/{deep}; echo > /tmp/{mark}-2/{deep}/f; chmod 000 /tmp/{mark}-2; ln -s {others} /var/tmp/{mark}-3; "
                    + $"ipcmk -M 4096 -S 1 -Q; echo > /run/lock/{mark}-5; mkfifo /dev/shm/{mark}-4; head -c 1000000 /dev/zero > /dev/shm/$(printf '{mark}-\\377')"));
            Assert.True(File.Exists(shared));
            await File.WriteAllTextAsync(end, "", TestContext.Current.CancellationToken);
            await rig.Ended(longer);

            Assert.Equal("begun\nmine\n", await rig.Log(longer));
            await WorkerRig.Until(() => Task.FromResult(!Left().Any()), () => string.Join(' ', Left()));
            Assert.True(File.Exists(before));
            Assert.True(File.Exists(others));
        }
        finally
        {
            File.Delete(before);
            File.Delete(others);
        }

        IEnumerable<string> Left() =>
            ((string[])["/dev/shm", "/run/lock", "/tmp", "/var/tmp"]).SelectMany(folder => Directory.GetFileSystemEntries(folder, mark + "*"))
                .Except([before, others]).Concat(SharedMemory.Of(uint.Parse(User, CultureInfo.InvariantCulture)).Select(one => $"{one}"));
    }

    /// <summary>Of this user there may be one process; the runtime of the runner needs several threads.</summary>
    [Fact(Skip = "only root can start processes of another user", SkipUnless = nameof(IsRootOnLinux))]
    public async Task AMachineThatIsOutOfProcesses_IsTheWorkersTrouble_NotTheCodes()
    {
        await using var rig = new WorkerRig();
        await Open(rig);
        var limited = Path.Combine(rig.Folder, "limited");
        await File.WriteAllTextAsync(limited, $"#!/bin/sh\nexec prlimit --nproc=1 {rig.Program} \"$@\"\n", TestContext.Current.CancellationToken);
        Allow(limited, (UnixFileMode)0b111_101_101);
        rig.Program = limited;
        await rig.StartWorker(more: ["--run-as", "54321"]);

        foreach (var setup in (string?[])[null, "true"])
        {
            var run = await rig.SubmitShell("echo ran", spec => spec with { Setup = setup });
            var back = await rig.Until(run, record => record.Lost == 1);
            Assert.Equal((RunState.Queued, Cause.WorkerLost, 0), (back.State, back.Cause, back.Failures));
            Assert.NotNull(back.NotBefore);
            Assert.Contains("before the code began", back.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>It ends the process that looks after it, too; of another user it can, and nobody else's.</summary>
    [Fact(Skip = "only root can start processes of another user", SkipUnless = nameof(IsRootOnLinux))]
    public async Task CodeThatEndsEveryProcessOfItsUser_EndedItself()
    {
        await using var rig = new WorkerRig();
        await Open(rig);
        await rig.StartWorker(spares: 1, more: ["--run-as", "54322"]);
        foreach (var command in (string[])["kill -9 -1", "echo begun; sleep 0.2; kill -9 -1"])
        {
            var ended = await rig.Ended(await rig.SubmitShell(command));
            Assert.Equal((RunState.Failed, Cause.UserCode, 1, 137), (ended.State, ended.Cause, ended.Epoch, ended.ExitCode));
            Assert.StartsWith("exit code 137: killed by signal 9", ended.Message, StringComparison.Ordinal);
        }

        Assert.Equal(RunState.Succeeded, (await rig.Ended(await rig.SubmitShell("echo the worker goes on"))).State);
    }

    [Theory]
    [InlineData("nobody-has-this-name", "there is no such user here")]
    [InlineData("0", "that is root")]
    public async Task AUserThatCannotBe_IsRefusedAtTheStart(string user, string said)
    {
        await using var rig = new WorkerRig();
        await using var worker = new WorkerProcess(rig.Folder, "w1", TimeSpan.FromSeconds(30), 0, ["--run-as", user]);
        Assert.Equal(1, await worker.Exited());
        await WorkerRig.Until(() => Task.FromResult(worker.Errors.Contains(said, StringComparison.Ordinal)), () => worker.Errors);
    }

    [Fact]
    public async Task WhoIsNotRoot_OrCannotReachTheFolder_IsToldSo()
    {
        await using var rig = new WorkerRig();
        await using var worker = new WorkerProcess(rig.Folder, "w1", TimeSpan.FromSeconds(30), 0, ["--run-as", Other]);
        Assert.Equal(1, await worker.Exited());

        // A temporary folder is closed to others, so root gets as far as that.
        var said = IsRootOnLinux ? "this user cannot use" : "only root can start processes of another user";
        await WorkerRig.Until(() => Task.FromResult(worker.Errors.Contains(said, StringComparison.Ordinal)), () => worker.Errors);
    }

    private static void Allow(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, mode);
    }

    /// <summary>
    /// Lets the other user come to the rig's folder, with the worker's program in it: nobody knows who may enter the folder that all this was built
    /// in. Linked where the disk is the same.
    /// </summary>
    private static async Task Open(WorkerRig rig)
    {
        Allow(rig.Folder, (UnixFileMode)0b111_101_101);
        var (built, program) = (Path.GetDirectoryName(WorkerProcess.Executable)!, Path.Combine(rig.Folder, "program"));
        using var copying = Process.Start(
            "sh", ["-c", "umask 022; cp -rl \"$1\" \"$2\" 2>/dev/null || { rm -rf \"$2\"; cp -r \"$1\" \"$2\"; }; chmod -R a+rX \"$2\"", "sh", built,
                program]);
        await copying.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, copying.ExitCode);
        rig.Program = Path.Combine(program, Path.GetFileName(WorkerProcess.Executable));
    }
}
