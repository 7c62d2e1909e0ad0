using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>What code leaves in its folders and on its output, and what becomes of it in the workspace.</summary>
public sealed class CollectTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private readonly WorkerRig rig = shared.Rig;

    [Fact]
    public async Task PrintedMetrics_BecomeCurves()
    {
        var run = await rig.SubmitShell(
            """
            echo 'starting at 12:30:11, lr=0.1'
            echo 'step 1 loss=0.5 acc: 0.25'
            echo '[Step 2/10] loss: 4e-1, acc=50%, time 3.2s'
            echo '{"step": 3, "loss": 0.3}'
            echo 'step 4 loss=nan'
            """);

        await rig.Ended(run);

        Assert.Equal(
            [("loss", 1, 0.5), ("acc", 1, 0.25), ("loss", 2, 0.4), ("acc", 2, 50), ("loss", 3, 0.3), ("loss", 4, double.NaN)],
            (await rig.Metrics(run)).Select(point => (point.Name, point.Step, point.Value)));
    }

    [Fact]
    public async Task Artifacts_AndData_AreInTheManifest_LinksAndPipesAreNot()
    {
        var run = await rig.SubmitShell(
            """
            cd $EXP_OUTPUT; mkdir -p artifacts/plots; echo a > artifacts/plots/a.txt; : > artifacts/empty; ln -s /etc/passwd artifacts/link; mkfifo artifacts/pipe; echo d > data/d.csv
            """);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        var outputs = await rig.Outputs(ended);
        Assert.Equal(["empty", "plots/a.txt"], outputs.Artifacts.Select(file => file.Path));
        Assert.Equal("a\n", await rig.Text(outputs.Artifacts[1].Key));
        Assert.Equal(WorkspacePaths.PublishedFile(run, 1, "d.csv"), Assert.Single(outputs.Data).Key);
        Assert.Contains("left out: artifacts/link: it is a link", await rig.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatPythonPrints_IsSeenAtOnce()
    {
        var go = Path.Combine(rig.Folder, "python-goes-on");
        var run = await rig.SubmitShell(
            $"python3 -c 'import os, time; print(\"first\"); [time.sleep(0.05) for _ in iter(lambda: os.path.exists(\"{go}\"), True)]'");
        await rig.LogHas(run, "first");
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
        Assert.Equal(RunState.Succeeded, (await rig.Ended(run)).State);
    }

    [Fact]
    public async Task FailedRun_KeepsItsArtifacts_ButPublishesNothing()
    {
        var ended = await rig.Ended(await rig.SubmitShell("echo a > $EXP_OUTPUT/artifacts/a; echo d > $EXP_OUTPUT/data/d; exit 1"));

        var outputs = await rig.Outputs(ended);
        Assert.Single(outputs.Artifacts);
        Assert.Empty(outputs.Data);
    }

    [Fact]
    public async Task Inputs_AreMaterializedReadOnly()
    {
        await rig.PutText("data/in/a.csv", "1,2\n");
        await rig.PutText("data/in/deep/b.csv", "3\n");

        var run = await rig.SubmitShell(
            "cd $EXP_INPUTS; cat in/a.csv in/deep/b.csv; stat -c %A in/a.csv", spec => spec with { Inputs = ["data/in/"] });

        Assert.Equal(RunState.Succeeded, (await rig.Ended(run)).State);
        Assert.Equal("1,2\n3\n-r--r--r--\n", await rig.Log(run));
    }

    [Fact]
    public async Task CheckpointOfTheSdk_IsCommittedWhileTheCodeRuns_ExactlyWhereMetricsAndLogStood()
    {
        var run = await rig.SubmitCSharp(
            """
            using Serverless;
            using static TorchSharp.torch;
            var run = Run.Current;
            var model = nn.Linear(4, 2);
            for (var step = 1; step <= 5; step++) { run.Log("loss", 1.0 / step, step); Console.WriteLine($"step {step}"); }
            run.SaveCheckpoint(5, model);
            for (var step = 6; step <= 8; step++) { run.Log("loss", 1.0 / step, step); Console.WriteLine($"step {step}"); }
            while (!run.StopRequested) Thread.Sleep(20);
            run.Leave();
            """);

        var live = await rig.Until(run, record => record.Head is not null || record.State.IsTerminal);
        var head = live.Head!;
        await rig.Cancel(run, null);
        var ended = await rig.Ended(run);

        Assert.Equal((1, 5), (head.Epoch, head.Step));
        Assert.Equal([1, 2, 3, 4, 5], (await rig.Metrics(run, end: head.Metrics)).Select(point => point.Step));
        Assert.Equal("step 1\nstep 2\nstep 3\nstep 4\nstep 5\n", (await rig.Log(run))[..(int)head.Logs.LengthBytes]);
        Assert.Equal(8, (await rig.Metrics(run)).Count);
        Assert.Equal((RunState.Cancelled, 143), (ended.State, ended.ExitCode));
        var manifest = await rig.Manifest(head);
        Assert.Contains(manifest.Files, file => file.Path == "model.safetensors");
        Assert.Equal(0.2, head.Values["loss"]);
    }

    [Fact]
    public async Task CheckpointOfAnyCode_IsResumedFrom_AndItsUnchangedPiecesAreStoredOnce()
    {
        // The first attempt fails after its checkpoint; the second finds it, adds to it, and shares what is the same.
        var run = await rig.SubmitShell(
            """
            if [ -n "$EXP_RESUME" ]; then echo resumed from $(cat $EXP_RESUME/state); mkdir $EXP_OUTPUT/checkpoints/20; cp $EXP_RESUME/frozen $EXP_OUTPUT/checkpoints/20/; echo 20 > $EXP_OUTPUT/checkpoints/20/state; exit 0; fi
            mkdir $EXP_OUTPUT/checkpoints/10; head -c 20000000 /dev/urandom > $EXP_OUTPUT/checkpoints/10/frozen; echo 10 > $EXP_OUTPUT/checkpoints/10/state; exit 1
            """,
            spec => spec with { Retries = new(Failed: 1) });

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 2, 20), (ended.State, ended.Epoch, ended.Head?.Step));
        Assert.Equal("resumed from 10\n", await rig.Log(run, epoch: 2));
        var first = await rig.Manifest(ended.Checkpoints[0]);
        var second = await rig.Manifest(ended.Checkpoints[1]);
        Assert.Equal(first.Files[0].Chunks, second.Files[0].Chunks);
        Assert.Equal(3, first.Files[0].Chunks.Count);
    }

    [Fact]
    public async Task RunThatStartsFromAnother_FindsItsCheckpoint()
    {
        var trained = await rig.SubmitShell("mkdir $EXP_OUTPUT/checkpoints/7; echo weights > $EXP_OUTPUT/checkpoints/7/w");
        await rig.Ended(trained);

        var run = await rig.SubmitShell("cat $EXP_FROM/w; echo resume=$EXP_RESUME", spec => spec with { From = new(trained) });

        Assert.Equal((RunState.Succeeded, null as string), ((await rig.Ended(run)).State, (await rig.Load(run)).Message));
        Assert.Equal("weights\nresume=\n", await rig.Log(run));
    }

    [Fact]
    public async Task Standard_OutputAndError_KeepTheirOrder()
    {
        var run = await rig.SubmitCSharp("for (var i = 0; i < 50; i++) { Console.WriteLine($\"out {i}\"); Console.Error.WriteLine($\"err {i}\"); }");

        await rig.Ended(run);

        Assert.Equal(string.Concat(Enumerable.Range(0, 50).Select(i => $"out {i}\nerr {i}\n")), await rig.Log(run));
    }

    /// <summary>Many programs begin by deleting their output folder and making it again.</summary>
    [Theory]
    [InlineData("rm -rf $EXP_OUTPUT; mkdir -p $EXP_OUTPUT/artifacts $EXP_OUTPUT/checkpoints/7 $EXP_OUTPUT/data")]
    [InlineData("mkdir -p ../new/artifacts ../new/checkpoints/7 ../new/data; mv $EXP_OUTPUT ../old; mv ../new $EXP_OUTPUT")]
    public async Task OutputFolderThatIsMadeAgain_IsCollectedLikeTheFirst(string command)
    {
        var run = await rig.SubmitShell(
            $$"""
            {{command}}
            cd $EXP_OUTPUT; echo a > artifacts/a.txt; echo s > checkpoints/7/state; echo d > data/made-again.csv
            echo '{"step":7,"loss":0.5}' > metrics.jsonl
            """);

        var ended = await rig.Ended(run);

        Assert.True(ended.State == RunState.Succeeded, ended.Message);
        Assert.Null(ended.LeftOut);
        Assert.Equal(("a.txt", "made-again.csv", 7),
            ((await rig.Outputs(ended)).Artifacts.Single().Path, (await rig.Outputs(ended)).Data.Single().Path, ended.Head?.Step));
        Assert.Equal(("loss", 7, 0.5), (await rig.Metrics(run)).Select(point => (point.Name, point.Step, point.Value)).Single());
    }

    [Theory]
    [InlineData("rm -rf $EXP_OUTPUT", "deleted or moved away")]
    [InlineData("mv $EXP_OUTPUT ../old; ln -s /etc $EXP_OUTPUT", "it is a link")]
    [InlineData("rm -rf $EXP_OUTPUT; echo x > $EXP_OUTPUT", "it is not a folder")]
    public async Task OutputFolderThatIsGone_IsSaid(string command, string why)
    {
        var run = await rig.SubmitShell($"echo a > $EXP_OUTPUT/artifacts/a.txt; {command}");

        var ended = await rig.Ended(run);

        Assert.Equal(RunState.Succeeded, ended.State);
        Assert.Contains(why, Assert.Single(ended.LeftOut!.Files, file => file.Path == "EXP_OUTPUT").Why, StringComparison.Ordinal);
        if (ended.Outputs is not null) Assert.DoesNotContain((await rig.Outputs(ended)).Artifacts, artifact => artifact.Path == "passwd");
    }

    /// <summary>Rolling saves: the folder has one name, and what is in it is the last.</summary>
    [Theory]
    [InlineData("printf $n > $EXP_OUTPUT/checkpoints/0/state")]
    [InlineData(
        "mkdir $EXP_OUTPUT/.next; printf $n > $EXP_OUTPUT/.next/state; rm -rf $EXP_OUTPUT/checkpoints/0; mv $EXP_OUTPUT/.next " +
        "$EXP_OUTPUT/checkpoints/0")]
    public async Task CheckpointThatIsWrittenAgain_IsTakenAgain_AndResumedFrom(string save)
    {
        var run = await rig.SubmitShell(
            $$"""
            if [ -n "$EXP_RESUME" ]; then cp $EXP_RESUME/state $EXP_OUTPUT/artifacts/resumed; exit 0; fi
            mkdir -p $EXP_OUTPUT/checkpoints/0
            n=1; {{save}}
            until [ -e {{rig.Folder}}/first-$EXP_RUN_ID ]; do sleep 0.05; done
            n=2; {{save}}
            exit 1
            """, spec => spec with { Retries = new(Failed: 1) });
        var first = await rig.Until(run, record => record.Head is not null);
        await File.WriteAllTextAsync(Path.Combine(rig.Folder, $"first-{run}"), "", TestContext.Current.CancellationToken);

        var ended = await rig.Ended(run);

        Assert.True(ended.State == RunState.Succeeded, ended.Message);
        Assert.NotEqual(first.Head!.Manifest, ended.Attempts[^1].Resume?.Manifest);
        Assert.Single(ended.Checkpoints);
        var resumed = (await rig.Outputs(ended)).Artifacts.Single();
        Assert.Equal("2", await rig.Text(resumed.Key));
    }

    [Theory]
    [InlineData("cd ..; rm -rf code", "is missing")]
    [InlineData("mv ../code ../x; ln -s x ../code", "is a link")]
    [InlineData("rm -rf ../code; echo x > ../code", "is a file")]
    public async Task SetUpThatTakesItsFolderAway_IsTheRunsOwnFault(string setup, string why)
    {
        var ended = await rig.Ended(await rig.SubmitShell("true", spec => spec with { Setup = setup }));

        Assert.Equal((RunState.Failed, Cause.Build), (ended.State, ended.Cause));
        Assert.Contains($"the folder of the code {why}", ended.Message, StringComparison.Ordinal);
    }

    /// <summary>The runtime ignores SIGPIPE, and programs inherit what is ignored.</summary>
    [Fact]
    public async Task Programs_DieOfAPipeThatIsClosed()
    {
        var run = await rig.SubmitShell("grep SigIgn /proc/self/status; sh -c 'yes; echo survived $? >&2' | head -n 1");

        await rig.Ended(run);

        Assert.Contains("SigIgn:\t0000000000000000", await rig.Log(run), StringComparison.Ordinal);
        Assert.Contains("survived 141", await rig.Log(run), StringComparison.Ordinal);
    }
}
