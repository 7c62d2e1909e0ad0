using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Code that does everything wrong: its run ends with the right cause and a log that says why, and its worker takes the next one.</summary>
public sealed class BadCodeTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private readonly WorkerRig rig = shared.Rig;

    [Fact]
    public async Task CodeThatDoesNotCompile_EndsWithFileLineAndMessage()
    {
        var run = await rig.SubmitCSharp("var x = 1;\nint y = \"text\";\nunknown();\n");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.Build), (ended.State, ended.Cause));
        Assert.StartsWith("train.cs(2,9): error CS0029: ", ended.Message, StringComparison.Ordinal);
        Assert.Contains("train.cs(3,1): error CS0103: ", ended.Message, StringComparison.Ordinal);
        Assert.Contains("train.cs(3,1): error CS0103: ", await rig.Log(run), StringComparison.Ordinal);
        await shared.LivesOn();
    }

    [Fact]
    public async Task CodeThatThrows_EndsWithTheExceptionAndItsLine()
    {
        var run = await rig.SubmitCSharp(
            "Console.WriteLine(\"before\");\nFail();\nstatic void Fail() =>\n    throw new InvalidOperationException(\"boom\");\n");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.UserCode, 1), (ended.State, ended.Cause, ended.ExitCode));
        Assert.Equal("InvalidOperationException: boom (train.cs:4)", ended.Message);
        var log = await rig.Log(run);
        Assert.StartsWith("before\nUnhandled exception. System.InvalidOperationException: boom\n", log, StringComparison.Ordinal);
        Assert.Contains("train.cs:line 4", log, StringComparison.Ordinal);
        Assert.DoesNotContain("Serverless.GpuWorker", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExceptionOnAnotherThread_EndsWithTheException()
    {
        var run = await rig.SubmitCSharp(
            "var thread = new Thread(() => throw new FormatException(\"odd\")); thread.Start(); thread.Join(); Thread.Sleep(5000);");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.UserCode), (ended.State, ended.Cause));
        Assert.StartsWith("FormatException: odd", ended.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExitCode_IsKept_WithTheLastLineOfTheLog()
    {
        var ended = await rig.Ended(await rig.SubmitShell("echo begin; echo 'ValueError: bad shape' >&2; exit 3"));

        Assert.Equal((RunState.Failed, Cause.UserCode, 3), (ended.State, ended.Cause, ended.ExitCode));
        Assert.Equal("exit code 3; the last line of its log: ValueError: bad shape", ended.Message);
    }

    [Theory]
    [InlineData("exit 137")]
    [InlineData("kill -9 $$")]
    public async Task ExitCode137_WithoutEvidenceOfTheKernel_IsTheCodesOwn(string command)
    {
        var ended = await rig.Ended(await rig.SubmitShell(command));

        Assert.Equal((RunState.Failed, Cause.UserCode, 137), (ended.State, ended.Cause, ended.ExitCode));
        Assert.Equal("exit code 137: killed by signal 9", ended.Message);
        await shared.LivesOn();
    }

    [Fact]
    public async Task ManagedMemoryExhausted_EndsOutOfMemory()
    {
        var run = await rig.SubmitCSharp(
            "var kept = new List<byte[]>(); while (true) kept.Add(new byte[8 << 20]);",
            spec => spec with { Env = new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x4000000" } });

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.OutOfMemory), (ended.State, ended.Cause));
    }

    [Fact]
    public async Task FullDisk_IsToldFromOtherFailures()
    {
        var managed = await rig.Ended(await rig.SubmitCSharp("File.WriteAllText(\"/dev/full\", \"x\");"));
        var shell = await rig.Ended(await rig.SubmitShell("cat readme.txt > /dev/full"));

        Assert.Equal((RunState.Failed, Cause.DiskFull), (managed.State, managed.Cause));
        Assert.Equal((RunState.Failed, Cause.DiskFull), (shell.State, shell.Cause));
    }

    [Fact]
    public async Task PrintingAGigabyte_KeepsTheBeginningAndTheEnd_AndSaysWhatLiesBetween()
    {
        var run = await rig.SubmitShell("echo begin; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo 'ValueError: the end'; exit 3");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, "exit code 3; the last line of its log: ValueError: the end"), (ended.State, ended.Message));
        var log = await rig.Log(run);
        Assert.InRange(log.Length, 60 << 20, 70 << 20);
        Assert.StartsWith("begin\nxxxx", log, StringComparison.Ordinal);
        Assert.Contains(" bytes of the log are left out here: it is longer than its limit\nxxxx", log, StringComparison.Ordinal);
        Assert.Contains("xxxx\nValueError: the end\n[worker] " + ended.Message + "\n", log[^1000..], StringComparison.Ordinal);
        await shared.LivesOn();
    }

    [Fact]
    public async Task PrintingWhatIsNotText_NeverEndsTheWorker()
    {
        var run = await rig.SubmitShell(
            """
            printf '{"step":1,"loss":0.3,"note":"cut \\ud83d"}\n'
            printf '{"step":2,"loss":0.2,"file":"caf\351.png","\\udc00":1}\n'
            printf '{"step":3,"name":"\\ud83d\351","value":1}\n' >> $EXP_OUTPUT/metrics.jsonl
            head -c 300000 /dev/urandom
            printf '\nstep 4 loss=0.1'
            """);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string, 1), (ended.State, ended.Message, ended.Epoch));
        Assert.Equal([0.3, 0.2, 0.1], (await rig.Metrics(run)).Where(point => point.Name == "loss").Select(point => point.Value));
        await shared.LivesOn();
    }

    [Fact]
    public async Task ForkingAndHanging_LeavesNothingBehind()
    {
        // A plain background process, one in a session of its own, and one that also dropped every variable that could tell whose it is.
        var run = await rig.SubmitShell(
            "sleep 1000 & echo pid=$!; setsid sleep 1000 & echo pid=$!; env -i /bin/sh -c 'setsid /bin/sh -c \"sleep 1000 & echo pid=\\$!\" &'; " +
            "sleep 0.2");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        var log = await rig.Log(run);
        var pids = log.Split('\n').Where(line => line.StartsWith("pid=", StringComparison.Ordinal)).Select(line => line[4..]).ToList();
        Assert.Equal(3, pids.Count);
        foreach (var pid in pids) await WorkerRig.Until(() => Task.FromResult(!Directory.Exists($"/proc/{pid}")), () => $"process {pid} still runs");
        Assert.Contains("[worker] ended 3 processes that the code had left running", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task IgnoringSigterm_EndsByTheTimeoutAndItsGrace()
    {
        var run = await rig.SubmitShell("trap '' TERM; while :; do sleep 0.05; done", spec => spec with
        {
            Timeout = TimeSpan.FromSeconds(0.5),
            Grace = TimeSpan.FromSeconds(0.5),
        });

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.Timeout), (ended.State, ended.Cause));
        Assert.Contains("ran longer than its timeout of 00:00:00.5", await rig.Log(run), StringComparison.Ordinal);
        await shared.LivesOn();
    }

    [Fact]
    public async Task DeletingItsOwnFolders_HarmsOnlyItself()
    {
        var ended = await rig.Ended(await rig.SubmitShell("rm -rf \"$PWD\" \"$EXP_OUTPUT\" \"$EXP_INPUTS\" \"$TMPDIR\"; echo done"));

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        await shared.LivesOn();
    }

    [Fact]
    public async Task NotANumberAndHalfAJsonLine_AreNotFatal()
    {
        var run = await rig.SubmitShell(
            """
            cat > $EXP_OUTPUT/metrics.jsonl <<'END'
            {"step":1,"name":"loss","value":0.5}
            {"step":2,"name":"loss","value":NaN}
            {"step":3,"name":"loss","value":-Infinity}
            {"step":4,"na
            nonsense
            {"step":5,"loss":0.25,"acc":0.9}
            END
            printf '{"step":6,"name":"loss","va' >> $EXP_OUTPUT/metrics.jsonl
            """);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        var points = await rig.Metrics(run);
        Assert.Equal(
            [("loss", 1, 0.5), ("loss", 2, double.NaN), ("loss", 3, double.NegativeInfinity), ("loss", 5, 0.25), ("acc", 5, 0.9)],
            points.Select(point => (point.Name, point.Step, point.Value)));
        Assert.Equal((0.25, 0.9, 5), (ended.Metrics["loss"], ended.Metrics["acc"], ended.Step));
        Assert.Single(
            (await rig.Log(run)).Split('\n'), line => line.StartsWith("[worker] metrics.jsonl line 4 is ignored: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task InputThatChangedSinceSubmission_EndsTheRunBeforeItsCode()
    {
        await rig.PutText("data/set/a.csv", "1,2");
        var waiting = await rig.SubmitShell("sleep 1");
        var run = await rig.SubmitShell("cat $EXP_INPUTS/set/a.csv", spec => spec with { Inputs = ["data/set/a.csv"] });
        await rig.PutText("data/set/a.csv", "3,4");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.InputChanged, "data/set/a.csv changed since submission"), (ended.State, ended.Cause, ended.Message));
        await rig.Ended(waiting);
    }

    [Fact]
    public async Task DamagedSnapshot_EndsInvalid()
    {
        var waiting = await rig.SubmitShell("sleep 1");
        var run = await rig.Submit(spec => spec with { Command = "true" }, ("unique.txt", "of this test"));
        var code = (await rig.Load(run)).Spec.Code;
        await rig.PutText(WorkspacePaths.Code(code.Snapshot), "not a zip");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.Invalid), (ended.State, ended.Cause));
        await rig.Ended(waiting);
    }

    [Fact]
    public async Task FailingSetup_EndsAsABuildFailure()
    {
        var ended = await rig.Ended(await rig.SubmitShell("true", spec => spec with { Setup = "echo no such package >&2; exit 1" }));

        Assert.Equal((RunState.Failed, Cause.Build), (ended.State, ended.Cause));
        Assert.Equal("setup: exit code 1; the last line of its log: no such package", ended.Message);
    }

    [Fact]
    public async Task FailingCode_IsTriedAgainWithinItsBudget()
    {
        var run = await rig.SubmitShell("exit 4", spec => spec with { Retries = new(Failed: 1) });

        var again = await rig.Until(run, record => record is { State: RunState.Queued, Failures: 1 } or { State: RunState.Failed });

        Assert.Equal((RunState.Queued, Cause.UserCode), (again.State, again.Cause));
        Assert.NotNull(again.NotBefore);
    }

    [Fact]
    public async Task MessagesThatAreNoWakes_ArePutAside()
    {
        var ids = new Core.SystemIds(TimeProvider.System);
        await rig.Bus.Send("runs-cpu", new(ids.Nonce(), "rubbish"), cancel: TestContext.Current.CancellationToken);
        await rig.Bus.Send("runs-cpu", new(ids.Nonce(), """{"workspace":"../escape","run":"x"}"""), cancel: TestContext.Current.CancellationToken);

        await shared.LivesOn();

        await WorkerRig.Until(async () => (await rig.Bus.DeadLetters("runs-cpu")).Count == 2, () => "not two dead letters");
    }
}
