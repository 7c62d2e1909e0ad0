using System.Diagnostics;
using System.Globalization;
using Serverless.GpuWorker.Execute;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Where a user, or a service, may have so many processes and threads, code that uses up all of them hurts only itself.</summary>
public sealed class ManyProcessesTests
{
    private const int Limit = 400;

    // Nobody else has this id, so that its processes are those of the test.
    private const string User = "61234";

    [Theory]
    [InlineData(400UL, null, 1, 300UL)]
    [InlineData(400UL, null, 2, 350UL)]
    [InlineData(100_000UL, null, 1, 99_488UL)]
    [InlineData(100_000UL, "400 5000", 1, 300UL)]
    [InlineData(ulong.MaxValue, null, 1, null)]
    [InlineData(ulong.MaxValue, "4915", 1, 4403UL)]
    public void Code_GetsLessThanThereIs(ulong own, string? ofGroups, int parts, ulong? expected) => Assert.Equal(
        expected,
        ProcessLimit.Lowered(own, (ofGroups ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(limit => ulong.Parse(limit)), parts));

    [Fact]
    public async Task CodeThatUsesThemUp_EndsNeitherThePlatform_NorARunThatHasWhatItNeeds()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "prlimit is a thing of Linux");
        var isRoot = Environment.UserName == "root";
        var limit = isRoot ? Limit : Limit + Process.GetProcesses().Sum(process => process.Threads.Count);
        string[] around = [
            "prlimit", string.Create(CultureInfo.InvariantCulture, $"--nproc={limit}:{limit}"),
            .. isRoot ? (string[])["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups"] : [],
        ];
        await using var platform = await ExpPlatform.StartUnder(around, isRoot ? $"{User}:{User}" : null, workers: 2);
        platform.Script("greedy.py", """
            import subprocess, time
            helpers, began = [], time.time()
            while time.time() - began < 8:
                try: helpers.append(subprocess.Popen(['sleep', '30']))
                except OSError: time.sleep(0.01)
            for helper in helpers: helper.kill()
            print('used', len(helpers))
            """);
        platform.Script("quiet.py", """
            import os, time
            for step in range(10):
                print(f'step {step} loss=0.5', flush=True)
                time.sleep(0.5)
            os.makedirs(os.environ['EXP_OUTPUT'] + '/artifacts', exist_ok=True)
            open(os.environ['EXP_OUTPUT'] + '/artifacts/done', 'w').write('kept')
            """);
        var quiet = await platform.Submit("quiet.py", "--name", "quiet");
        var greedy = await platform.Submit("greedy.py", "--name", "greedy");
        await platform.RunIs(greedy, "succeeded");
        await platform.RunIs(quiet, "succeeded");
        Assert.Contains("used ", (await platform.Exp("logs", greedy)).Output, StringComparison.Ordinal);
        Assert.Equal("kept", (await platform.Exp("artifacts", "get", quiet, "done", "--to", "-")).Output);

        // Nor does what comes after it see anything of it.
        await platform.RunIs(await platform.Submit("quiet.py", "--name", "quiet", "--fresh"), "succeeded");
        Assert.False(platform.Up.Process.HasExited);
    }

    /// <summary>The runtime ends a runner that cannot go on by itself with this signal. What its program was up to, it does not know.</summary>
    [Fact]
    public void ARunnerThatIsAborted_IsNoFaultOfTheCode()
    {
        var end = new ExecutionEnd(134, null, Killed: false, new(RunnerReport.FailureKind.Aborted, ""), KernelKilled: false, LeftBehind: 0);
        Assert.Equal(Cause.WorkerLost, end.Explain(null).Cause);
        var own = end with { Report = null };
        Assert.Equal(Cause.UserCode, own.Explain(null).Cause);
    }
}
