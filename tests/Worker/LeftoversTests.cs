using System.Diagnostics;
using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>What is left when a worker and the supervisor of its code are killed together: whoever starts next ends it, and nothing else.</summary>
public sealed class LeftoversTests
{
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Processes that left the group and the session, of which one has no parent any more; all keep standing still until they are ended.
    /// </summary>
    private const string Code = "setsid sleep 1000 & echo pid=$!; setsid sh -c 'sleep 1000 & echo pid=$!; kill -STOP $!' ; echo pid=$$; echo " +
        "begun; sleep 1000";

    [Theory]
    [InlineData("w1")]
    [InlineData("w2")]
    public async Task WorkerAndRunnerKilledTogether_TheNextWorkerEndsTheirCode_AndRemovesTheirFolder(string next)
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease);
        var run = await rig.SubmitShell($"if [ $EXP_ATTEMPT = 2 ]; then exit; fi; head -c 1000000 /dev/zero > big; {Code}");
        await rig.LogHas(run, "begun");
        var code = Pids(await rig.Log(run));
        KillWithChildren(first);
        Assert.All(code, pid => Assert.True(Lives(pid), $"{pid} did not outlive its worker"));

        var second = await rig.StartWorker(next, ShortLease);

        await WorkerRig.Until(() => Task.FromResult(!code.Any(Lives)),
            () => $"of {string.Join(' ', code)} some outlive their worker: {string.Join(' ', code.Where(Lives))}");
        Assert.Equal((RunState.Succeeded, 2), ((await rig.Ended(run)).State, (await rig.Load(run)).Epoch));
        await WorkerRig.Until(
            () => Task.FromResult(!Directory.EnumerateFiles(Path.Combine(rig.Folder, "worker"), "big", SearchOption.AllDirectories).Any()),
            () => "the work of the killed worker is there still");
        if (next != "w1") Assert.False(Directory.Exists(Path.Combine(rig.Folder, "worker", "w1")));
        Assert.False(second.HasExited, second.Errors);
    }

    [Fact]
    public async Task AWorkerThatStarts_LeavesTheCodeOfLivingWorkersAndOfOtherPlatformsAlone()
    {
        await using var rig = new WorkerRig();
        await using var other = new WorkerRig();
        await rig.StartWorker("w1");
        await other.StartWorker("w1");
        var runs = new List<(WorkerRig Rig, string Run)>();
        foreach (var one in (WorkerRig[])[rig, other])
        {
            runs.Add((one, await one.SubmitShell("echo begun; while [ ! -f ../../../../../go ]; do sleep 0.05; done")));
        }

        foreach (var (one, run) in runs) await one.LogHas(run, "begun");

        await rig.StartWorker("w2");
        await rig.Ended(await rig.SubmitShell("true"));

        foreach (var (one, run) in runs)
        {
            await File.WriteAllTextAsync(Path.Combine(one.Folder, "go"), "", TestContext.Current.CancellationToken);
            Assert.Equal((RunState.Succeeded, 1), ((await one.Ended(run)).State, (await one.Load(run)).Epoch));
        }
    }

    /// <summary>The scratch folder may be one that holds other things as well.</summary>
    [Fact]
    public async Task AWorkerThatStarts_RemovesOnlyWhatWasAWorkers()
    {
        await using var rig = new WorkerRig();
        var scratch = Directory.CreateDirectory(Path.Combine(rig.Folder, "worker")).FullName;
        foreach (var (folder, file) in ((string, string)[])[("mine", "thesis.tex"), ("locked", "lock")])
        {
            Directory.CreateDirectory(Path.Combine(scratch, folder));
            await File.WriteAllTextAsync(Path.Combine(scratch, folder, file), "mine", TestContext.Current.CancellationToken);
        }

        await rig.StartWorker("w1");
        await rig.Ended(await rig.SubmitShell("true"));

        Assert.True(File.Exists(Path.Combine(scratch, "mine", "thesis.tex")));
        Assert.True(File.Exists(Path.Combine(scratch, "locked", "lock")));
    }

    private static List<int> Pids(string log) =>
        [.. log.Split('\n').Where(line => line.StartsWith("pid=", StringComparison.Ordinal))
            .Select(line => int.Parse(line[4..], CultureInfo.InvariantCulture))];

    // The worker is stopped first, so that it cannot react to the end of its runner.
    private static void KillWithChildren(WorkerProcess worker)
    {
        Run("kill", "-STOP", $"{worker.ProcessId}");
        foreach (var thread in Directory.GetDirectories($"/proc/{worker.ProcessId}/task"))
        {
            var children = File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (var child in children) Run("kill", "-KILL", child);
        }

        worker.Kill();
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
    }

    private static bool Lives(int pid)
    {
        try
        {
            // A zombie is dead; whoever is to take note of it may be busy.
            return !File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1].StartsWith('Z');
        }
        catch (IOException)
        {
            return false;
        }
    }
}
