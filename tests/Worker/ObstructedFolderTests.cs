using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Something else stands where what runs leave belongs.</summary>
public sealed class ObstructedFolderTests : IAsyncLifetime
{
    private readonly WorkerRig rig = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => rig.DisposeAsync();

    [Fact]
    public async Task FolderOfAllRuns_IsWaitedFor_AndNothingIsComputedTwice()
    {
        var attempts = Path.Combine(rig.WorkspaceFolder, WorkspacePaths.Attempts.TrimEnd('/'));
        await File.WriteAllTextAsync(attempts, "", TestContext.Current.CancellationToken);
        var worker = await rig.StartWorker();
        var run = await rig.SubmitShell("echo x > $EXP_OUTPUT/artifacts/x; echo said");

        await WorkerRig.Until(
            () => Task.FromResult(worker.Errors.Contains("where a folder of the workspace belongs: move it away", StringComparison.Ordinal)),
            () => $"the worker does not say what it waits for: {worker.Errors}");
        File.Delete(attempts);

        var ended = await rig.Ended(run);
        Assert.Equal((RunState.Succeeded, 1), (ended.State, ended.Epoch));
        Assert.Equal("said\n", await rig.Log(run));
    }

    /// <summary>Somebody frees room, and takes a worker's folder for a leftover: with it went what the run had made.</summary>
    [Fact]
    public async Task FolderOfTheWorker_RemovedWhileARunUsesIt_IsTheWorkersTrouble()
    {
        await rig.StartWorker();
        var go = Path.Combine(rig.Folder, "go");
        var run = await rig.SubmitShell($"echo x > $EXP_OUTPUT/artifacts/x; echo begun; until [ -e {go} ]; do sleep 0.05; done");
        await rig.LogHas(run, "begun\n");
        var worker = Directory.GetParent(Directory.GetDirectories(rig.Folder, $"{run}-1", SearchOption.AllDirectories).Single())!.Parent!;
        await Unix.Do("rm", "-rf", worker.FullName);
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
        await rig.StartWorker("w2");

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 2, Cause.WorkerLost), (ended.State, ended.Epoch, ended.Attempts[0].Cause));
        Assert.Equal(["x"], (await rig.Outputs(ended)).Artifacts.Select(file => file.Path));
    }

    [Fact]
    public async Task FolderOfOneRun_EndsThatRun_WhichSaysWhatToDo()
    {
        var run = await rig.SubmitShell("echo said");
        Directory.CreateDirectory(Path.Combine(rig.WorkspaceFolder, "attempts"));
        await File.WriteAllTextAsync(Path.Combine(rig.WorkspaceFolder, "attempts", run), "", TestContext.Current.CancellationToken);
        await rig.StartWorker();

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Failed, Cause.Invalid, 1), (ended.State, ended.Cause, ended.Epoch));
        Assert.Contains($"'attempts/{run}' is a file, not a folder: move it away", ended.Message, StringComparison.Ordinal);
    }
}
