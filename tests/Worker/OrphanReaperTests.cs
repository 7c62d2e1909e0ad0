using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>
/// Helpers that code detached and that ended: while the code goes on, none of them stays behind as
/// a dead process, and the code learns how its own children ended.
/// </summary>
public sealed class OrphanReaperTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private readonly WorkerRig rig = shared.Rig;

    public static bool IsLinux => OperatingSystem.IsLinux();

    [Fact(Skip = "only Linux lets a process adopt orphans", SkipUnless = nameof(IsLinux))]
    public async Task Command_ThatDetachesHundreds_HasNoneOfThemDeadBesideIt_AndEndsWithItsOwnCode()
    {
        var run = await rig.SubmitShell("""
            i=0; while [ $i -lt 500 ]; do (setsid true &); i=$((i+1)); done
            (exit 3) & wait $!; echo own child $?
            while [ "$(cat /proc/$PPID/task/*/children | tr -d ' ')" != $$ ]; do sleep 0.1; done
            echo alone; exit 7
            """);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.UserCode, 7), (ended.State, ended.Cause, ended.ExitCode));
        Assert.Equal("own child 3\nalone\n", (await rig.Log(run)).Split("[worker]")[0]);
        await shared.LivesOn();
    }

    [Fact(Skip = "only Linux lets a process adopt orphans", SkipUnless = nameof(IsLinux))]
    public async Task CSharp_LosesItsOrphans_AndNoEndOfItsOwnChildren()
    {
        var run = await rig.SubmitCSharp("""
            using System.Diagnostics;
            using System.Runtime.InteropServices;
            var late = Process.Start("sh", ["-c", "exit 5"]);
            for (var i = 0; i < 100; i++)
            {
                using var one = Process.Start("sh", ["-c", "(setsid true &); exit 4"]);
                one.WaitForExit();
                if (one.ExitCode != 4) Console.WriteLine($"lost {one.ExitCode}");
            }

            while (Directory.GetDirectories("/proc/self/task").Any(task => File.ReadAllText(task + "/children").Length > 0))
            {
                var status = C.system("exit 6");
                if (status != 6 << 8) Console.WriteLine($"lost {status}");
                Thread.Sleep(100);
            }

            late.WaitForExit();
            Console.WriteLine($"alone {late.ExitCode}");

            static class C
            {
                [DllImport("libc")]
                public static extern int system(string command);
            }
            """);

        var ended = await rig.Ended(run);

        Assert.True(ended.State == RunState.Succeeded, ended.Message);
        Assert.Equal("alone 5\n", await rig.Log(run));
    }
}
