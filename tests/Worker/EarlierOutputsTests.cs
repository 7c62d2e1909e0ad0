using System.Text;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>What lost attempts had left by the checkpoint that is gone on from is the run's.</summary>
public sealed class EarlierOutputsTests
{
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // In each attempt one more file, a file that every attempt writes, and a checkpoint; the third attempt ends.
    private const string Code =
        """
        n=$EXP_ATTEMPT; cd $EXP_OUTPUT; mkdir -p artifacts/plots data/set
        [ $n = 3 ] || echo $n > artifacts/only-$n; echo $n > artifacts/plots/latest; echo $n > data/set/part-$n
        mkdir checkpoints/.$n; echo $n > checkpoints/.$n/state; mv checkpoints/.$n checkpoints/$n
        while [ $n != 3 ] && [ ! -e go ]; do sleep 0.05; done
        """;

    [Fact]
    public async Task WorkersKilledAfterCheckpoints_LoseNoArtifactAndNoData()
    {
        await using var rig = new WorkerRig();
        var run = await rig.SubmitShell(Code);
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            var worker = await rig.StartWorker($"w{attempt}", ShortLease);
            await rig.Until(run, record => record.Head?.Step == attempt);
            worker.Kill();
        }

        await rig.StartWorker("w3", ShortLease);
        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 3), (ended.State, ended.Epoch));
        Assert.Null(ended.LeftOut);
        var manifest = (await rig.Store.Get(ended.Outputs!, cancel: Cancel))!.Json<OutputManifest>();
        Assert.Equal(["only-1", "only-2", "plots/latest"], manifest.Artifacts.Select(file => file.Path));
        Assert.Equal(["1", "2", "3"], await Texts(rig, manifest.Artifacts));
        Assert.Equal(["1", "2", "3"], await Texts(rig, manifest.Data));
        await new Publication(rig.Store).Publish(run, Cancel);
        Assert.Equal(3, await rig.Store.List("data/set/", cancel: Cancel).CountAsync(Cancel));
    }

    [Fact]
    public async Task WhatWasWrittenOverAfterTheCheckpoint_IsNamedAsLeftOut()
    {
        await using var rig = new WorkerRig();
        var first = await rig.StartWorker("w1", ShortLease);
        var saved = Path.Combine(rig.Folder, "saved");
        var run = await rig.SubmitShell(
            $"""
            cd $EXP_OUTPUT; [ $EXP_ATTEMPT = 1 ] || exit 0
            echo 1 > artifacts/a; echo 1 > artifacts/b; mkdir checkpoints/.1; echo 1 > checkpoints/.1/state; mv checkpoints/.1 checkpoints/1
            while [ ! -e {saved} ]; do sleep 0.05; done
            echo later > artifacts/a; sleep 1000
            """);
        await rig.Until(run, record => record.Head?.Step == 1);
        await File.WriteAllTextAsync(saved, "", Cancel);
        await WorkerRig.Until(
            async () => (await rig.Store.Get($"attempts/{run}/000001/artifacts/a", cancel: Cancel))?.Body.AsSpan().SequenceEqual("later\n"u8) is true,
            () => "the file was not sent again");
        first.Kill();
        await rig.StartWorker("w2", ShortLease);
        var ended = await rig.Ended(run);

        Assert.Equal(["artifacts/a"], ended.LeftOut!.Files.Select(file => file.Path));
        Assert.Equal(["b"], (await rig.Store.Get(ended.Outputs!, cancel: Cancel))!.Json<OutputManifest>().Artifacts.Select(file => file.Path));
    }

    private static async Task<List<string>> Texts(WorkerRig rig, IEnumerable<OutputFile> files)
    {
        var texts = new List<string>();
        foreach (var file in files) texts.Add(Encoding.UTF8.GetString((await rig.Store.Get(file.Key, cancel: Cancel))!.Body).Trim());
        return texts;
    }
}
