using System.Security.Cryptography;
using Serverless.Core.Runs;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Workspaces;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>A cancel in every state that a run can be in.</summary>
public sealed class CancelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cancel_WhileQueued_EndsAtOnce_AndItsWakeIsHarmless()
    {
        await using var rig = new WorkerRig();
        var run = await rig.SubmitShell("echo ran");
        await rig.Cancel(run, "not needed");
        await rig.StartWorker();

        await rig.Ended(await rig.SubmitShell("true"));

        var ended = await rig.Load(run);
        Assert.Equal((RunState.Cancelled, 0), (ended.State, ended.Epoch));
        Assert.Equal("", await rig.Log(run));
    }

    [Fact]
    public async Task Cancel_WhileItWaitsForItsNextTry_EndsAtOnce()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.SubmitShell("echo ran; exit 1", spec => spec with { Retries = new(Failed: 3) });
        await rig.Until(run, record => record is { State: RunState.Queued, Failures: 1 });

        await rig.Cancel(run);

        var ended = await rig.Load(run);
        Assert.Equal((RunState.Cancelled, Cause.Cancelled, 1), (ended.State, ended.Cause, ended.Epoch));
    }

    [Fact]
    public async Task Cancel_WhileItIsSetUp_EndsThePreparation()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var begun = Path.Combine(rig.Folder, "setting-up");
        var run = await rig.SubmitShell("echo ran", spec => spec with { Setup = $"touch {begun}; sleep 1000" });
        await WorkerRig.Until(() => Task.FromResult(File.Exists(begun)), () => "no setup");

        await rig.Cancel(run);

        await EndedBeforeItRan(rig, run);
    }

    [Fact]
    public async Task Cancel_WhileItIsCompiled_EndsThePreparation()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker("w1", TimeSpan.FromMilliseconds(300));

        // Some seconds of work for the compiler; the cancel is seen within a tenth of one.
        var program = "var x = 1L;\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"x += x * {i} + \"{i}\".Length;\n"))
            + "Console.WriteLine(\"ran\");";
        var run = await rig.SubmitCSharp(program);
        await rig.Until(run, record => record.State == RunState.Preparing);

        await rig.Cancel(run);

        await EndedBeforeItRan(rig, run);
    }

    [Fact]
    public async Task Cancel_WhileRunning_LetsTheCodeLeave()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.SubmitShell("trap 'echo leaving; exit 0' TERM; echo begun; while :; do sleep 0.05; done");
        await rig.LogHas(run, "begun");

        await rig.Cancel(run, "wrong data");

        var ended = await rig.Ended(run);
        Assert.Equal((RunState.Cancelled, Cause.Cancelled, "wrong data"), (ended.State, ended.Cause, ended.Message));
        Assert.Contains("leaving\n", await rig.Log(run), StringComparison.Ordinal);
    }

    /// <summary>The store is kept from taking the checkpoint's manifest until the cancel has been seen.</summary>
    [Fact]
    public async Task Cancel_WhileACheckpointIsCommitted_KeepsTheCheckpoint()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var go = Path.Combine(rig.Folder, "go");
        var run = await rig.SubmitShell(
            $"trap 'exit 0' TERM; echo pid=$$; while [ ! -f {go} ]; do sleep 0.05; done; mkdir -p $EXP_OUTPUT/checkpoints/$(cat {go}); echo state " +
            $"> $EXP_OUTPUT/checkpoints/$(cat {go})/state; while :; do sleep 0.05; done");
        await rig.LogHas(run, "pid=");
        var code = (await rig.Log(run)).Split('\n')[0][4..];
        var step = FirstOfAnotherStripe(step => WorkspacePaths.CheckpointManifest(run, 1, step), WorkspacePaths.Run(run), State(run));
        using (await Hold(rig, WorkspacePaths.CheckpointManifest(run, 1, step)))
        {
            await Write(go, $"{step}");
            await WorkerRig.Until(
                () => Task.FromResult(Directory.Exists(Path.Combine(rig.WorkspaceFolder, WorkspacePaths.CheckpointsOf(run, 1), "chunks"))),
                () => "no checkpoint is stored");
            await rig.Cancel(run);
            await WorkerRig.Until(() => Task.FromResult(!Directory.Exists($"/proc/{code}")), () => "the code does not leave");
        }

        var ended = await rig.Ended(run);
        Assert.Equal((RunState.Cancelled, Cause.Cancelled, step), (ended.State, ended.Cause, (int)ended.Head!.Step));
    }

    /// <summary>Code that came to its end has a result, and a cancel comes too late to take it away.</summary>
    [Fact]
    public async Task Cancel_WhileTheResultsAreStored_ComesTooLate()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var go = Path.Combine(rig.Folder, "go");
        var run = await rig.SubmitShell(
            $"echo pid=$$; while [ ! -f {go} ]; do sleep 0.05; done; echo result > $EXP_OUTPUT/artifacts/result-$(cat {go})");
        await rig.LogHas(run, "pid=");
        var code = (await rig.Log(run)).Split('\n')[0][4..];
        var n = FirstOfAnotherStripe(n => WorkspacePaths.Artifact(run, 1, $"result-{n}"), WorkspacePaths.Run(run));
        using (await Hold(rig, WorkspacePaths.Artifact(run, 1, $"result-{n}")))
        {
            await Write(go, $"{n}");
            await WorkerRig.Until(() => Task.FromResult(!Directory.Exists($"/proc/{code}")), () => "the code does not end");
            await rig.Cancel(run);
        }

        var ended = await rig.Ended(run);
        Assert.Equal((RunState.Succeeded, Cause.Completed), (ended.State, ended.Cause));
        Assert.Equal("result\n", await rig.Text(Assert.Single((await rig.Outputs(ended)).Artifacts).Key));
    }

    private static async Task EndedBeforeItRan(WorkerRig rig, string run)
    {
        var ended = await rig.Ended(run);
        Assert.Equal((RunState.Cancelled, Cause.Cancelled), (ended.State, ended.Cause));
        Assert.DoesNotContain(ended.History, entry => entry.State == RunState.Running);
        Assert.DoesNotContain("ran", await rig.Log(run), StringComparison.Ordinal);
    }

    /// <summary>The chunk that a checkpoint of these tests consists of.</summary>
    private static string State(string run) => WorkspacePaths.CheckpointChunk(run, 1, Convert.ToHexStringLower(SHA256.HashData("state\n"u8)));

    /// <summary>
    /// A number whose key can be held without holding the others. The numbers that are tried are far apart: keys that differ in their last characters
    /// alone are mostly of one stripe.
    /// </summary>
    private static int FirstOfAnotherStripe(Func<int, string> key, params string[] others) =>
        Enumerable.Range(1, 200).Select(i => i * 7_919_017).First(n => !others.Select(Stripes.Of).Contains(Stripes.Of(key(n))));

    /// <summary>Keeps every writer of the key waiting.</summary>
    private static async Task<IDisposable> Hold(WorkerRig rig, string key) =>
        await new Stripes(new FolderLayout(rig.WorkspaceFolder)).Take(key, Token);

    private static async Task Write(string file, string text)
    {
        await File.WriteAllTextAsync(file + ".tmp", text, Token);
        File.Move(file + ".tmp", file);
    }
}
