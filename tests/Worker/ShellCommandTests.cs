using System.Diagnostics;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

public sealed class ShellCommandTests
{
    [Theory]
    [InlineData("python3 train.py --lr 0.1")]
    [InlineData("  ./run.sh  ")]
    [InlineData("python3 -u 'my file.py' \"$EXP_OUTPUT/x\" --glob *.csv")]
    [InlineData("/usr/bin/env python3 train.py")]
    public void AProgramWithItsArguments_TakesTheShellsPlace(string line) =>
        Assert.Equal($"exec {line.Trim()}", ShellCommand.OfOneProgram(line));

    [Theory]
    [InlineData("cd src && python3 train.py")]
    [InlineData("python3 a.py; python3 b.py")]
    [InlineData("python3 train.py | tee log")]
    [InlineData("python3 train.py > log")]
    [InlineData("A=1 python3 train.py")]
    [InlineData("exit 3")]
    [InlineData("test -f x")]
    [InlineData("echo $(date)")]
    [InlineData("$PYTHON train.py")]
    [InlineData("'my program' x")]
    [InlineData("a\nb")]
    [InlineData("# nothing")]
    [InlineData("")]
    public void AnythingElse_IsTheShells(string line) => Assert.Equal(line, ShellCommand.OfOneProgram(line));

    [Fact]
    public async Task CodeThatSignalsItsOwnGroup_AndGoesOn_EndsAsItSays()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        foreach (var signal in (string[])["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "PIPE"])
        {
            var script = $"trap 'echo caught' {signal}; kill -{signal} 0; echo goes on; exit 0\n";
            var run = await rig.Submit(spec => spec with { Command = "sh group.sh" }, ("group.sh", script));
            var ended = await rig.Ended(run);
            Assert.Equal((signal, RunState.Succeeded, null), (signal, ended.State, ended.Message));
            Assert.Equal("caught\ngoes on\n", await rig.Log(run));
        }
    }

    /// <summary>Between the start of a program and the starter's next step may lie any time, and all signals that the program sends to its group.</summary>
    [Fact]
    public async Task WhoStartsAProgram_DoesNotEndByItsSignals_AndTheProgramDoes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the numbers of signals are Linux's");
        await using var child = ChildProcess.Start<Starter>([], []);
        await child.Success();
    }

    private sealed class Starter : IChildProgram
    {
        public static Task<int> Run(string[] args)
        {
            Native.IgnoreEndingSignals();
            foreach (var signal in (int[])[1, 2, 3, 10, 12, 13, 14])
            {
                using var program = Native.WithDefaultSignals(() =>
                {
                    Assert.Equal(0, Native.Kill(Environment.ProcessId, signal));
                    return Process.Start("sh", ["-c", $"kill -{signal} $$; exit 7"]);
                });
                program.WaitForExit();
                Assert.Equal(128 + signal, program.ExitCode);
            }

            return Task.FromResult(0);
        }
    }
}
