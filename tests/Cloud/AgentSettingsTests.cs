using System.Diagnostics;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cloud;

/// <summary>A worker that is told where the platform is as a container is: by its environment.</summary>
public sealed class AgentSettingsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string[], string> Mistakes => new()
    {
        { [], "say where the platform is" },
        { ["EXP_BLOB_ENDPOINT=https://a.blob.core.windows.net"], "say where the platform is" },
        { ["EXP_BLOB_ENDPOINT=https://a.blob.core.windows.net", "EXP_SERVICEBUS=a.servicebus.windows.net"], "EXP_MACHINE" },
        { ["EXP_BLOB_ENDPOINT=https://a.blob.core.windows.net", "EXP_SERVICEBUS=a.servicebus.windows.net", "EXP_MACHINE=cpu"], "EXP_SCRATCH" },
        { ["EXP_BLOB_ENDPOINT=https://a.blob.core.windows.net", "EXP_SERVICEBUS=a.servicebus.windows.net", "EXP_MACHINE=cpu", "EXP_SCRATCH=/tmp/s",
            "EXP_LIFETIME=long"], "EXP_LIFETIME" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task MissingSetting_IsNamed(string[] environment, string named)
    {
        var (exitCode, errors) = await Agent(environment);
        Assert.Equal(1, exitCode);
        Assert.Contains(named, Assert.Single(errors.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMachineThatEndsSoon_HandsItsRunBack_AndTakesNoOther()
    {
        await using var rig = new WorkerRig();
        var run = await rig.SubmitShell("echo begun; while true; do sleep 0.05; done");
        var worker = await rig.StartWorker("w1", more: ["--lifetime", "00:00:08"]);
        Assert.Equal(0, await worker.Exited());
        var back = await rig.Load(run);
        Assert.Equal((RunState.Queued, Cause.Preempted, 1), (back.State, back.Cause, back.Epoch));
    }

    private static async Task<(int ExitCode, string Errors)> Agent(string[] environment)
    {
        var start = new ProcessStartInfo(WorkerProcess.Executable, ["agent"]) { RedirectStandardError = true };
        foreach (var variable in start.Environment.Keys.Where(name => name.StartsWith("EXP_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(variable);
        }

        foreach (var variable in environment) start.Environment[variable.Split('=', 2)[0]] = variable.Split('=', 2)[1];
        using var process = Process.Start(start)!;
        var errors = await process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, errors);
    }
}
