using System.Security.Cryptography;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Which checkpoints of a run stay, and what of them is in the workspace.</summary>
public sealed class RetentionTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly WorkerRig rig = shared.Rig;

    // Two files: one that never changes, and one of every step; the accuracy is highest at step 4. A
    // folder is whole once it has its name: checkpoint.json says so.
    private const string TwentyCheckpoints =
        """
        cd $EXP_OUTPUT/checkpoints
        head -c 100000 /dev/zero | tr '\0' 'f' > $EXP_OUTPUT/frozen
        from=1; [ -n "$EXP_RESUME" ] && from=$(($(cat $EXP_RESUME/state) + 1))
        for step in $(seq $from 20); do
          accuracy=$((step < 4 ? step : 8 - step))
          mkdir .$step.tmp; cp $EXP_OUTPUT/frozen .$step.tmp/frozen; echo $step > .$step.tmp/state
          printf '{"step":%d,"metricsBytes":0,"metrics":{"acc":%d}}' $step $accuracy > .$step.tmp/checkpoint.json
          mv .$step.tmp $step
          if [ $step = 12 ] && [ $EXP_ATTEMPT = 1 ]; then sleep 0.5; exit 1; fi
        done
        """;

    [Fact]
    public async Task TwentyCheckpointsOverTwoAttempts_KeepWhatTheSpecSays_AndNothingElseIsStored()
    {
        var run = await rig.SubmitShell(TwentyCheckpoints, spec => spec with
        {
            Retries = new(Failed: 1),
            Checkpoints = new() { Keep = 3, Best = new("acc", Goal.Maximize), Every = 8 },
        });

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 2), (ended.State, ended.Epoch));
        Assert.Equal([4, 8, 16, 18, 19, 20], ended.Checkpoints.Select(checkpoint => checkpoint.Step));
        Assert.Equal(20, ended.Head?.Step);
        await ReadsBackWhole(ended);

        // The piece that never changed, and two of each step that stays.
        var stored = await Stored(ended);
        Assert.Equal(ended.Checkpoints.Count, stored.Count(key => key.EndsWith(".json", StringComparison.Ordinal)));
        Assert.Equal(1 + 2 * ended.Checkpoints.Count, stored.Count(key => key.Contains("/chunks/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task WithoutASection_TheLastFiveStay()
    {
        var ended = await rig.Ended(await rig.SubmitShell(TwentyCheckpoints.Replace("exit 1", "true", StringComparison.Ordinal)));

        Assert.Equal([16, 17, 18, 19, 20], ended.Checkpoints.Select(checkpoint => checkpoint.Step));
        await ReadsBackWhole(ended);
    }

    [Fact]
    public async Task FrozenTensors_AreStoredOnce_WhereverTheyLieBetweenTrainedOnes()
    {
        // 9 and 3 MiB that are frozen, each followed by 2 MiB that are trained; biases are small and share a piece.
        var run = await rig.SubmitCSharp(
            """
            using Serverless;
            using static TorchSharp.torch;
            var run = Run.Current;
            manual_seed(1);
            var model = nn.Sequential(("a_frozen", nn.Linear(1536, 1536)), ("b_trained", nn.Linear(1024, 512)), ("c_frozen", nn.Linear(1024, 768)), ("d_trained", nn.Linear(1024, 512)));
            for (var step = 1; step <= 4; step++)
            {
                using var free = no_grad();
                foreach (var (name, tensor) in model.named_parameters()) if (name.Contains("trained")) tensor.add_(1);
                run.SaveCheckpoint(step, model);
            }
            """);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, null as string), (ended.State, ended.Message));
        Assert.Equal(4, ended.Checkpoints.Count);
        await ReadsBackWhole(ended);
        var weights = new List<CheckpointFile>();
        foreach (var checkpoint in ended.Checkpoints)
        {
            weights.Add((await rig.Manifest(checkpoint)).Files.Single(file => file.Path == "model.safetensors"));
        }

        var bytes = weights.SelectMany(file => file.Chunks).DistinctBy(chunk => chunk.Key).Sum(chunk => chunk.LengthBytes);
        const long Mebi = 1 << 20;
        Assert.InRange(weights[0].LengthBytes, 16 * Mebi, 17 * Mebi);
        Assert.InRange(bytes, (12 + 4 * 4) * Mebi, (12 + 4 * 4 + 1) * Mebi);
        var there = await Stored(ended);
        Assert.All(weights.SelectMany(file => file.Chunks), chunk => Assert.Contains(chunk.Key, there));
    }

    private async Task ReadsBackWhole(RunRecord run)
    {
        foreach (var checkpoint in run.Checkpoints)
        {
            foreach (var file in (await rig.Manifest(checkpoint)).Files)
            {
                var body = new MemoryStream();
                foreach (var chunk in file.Chunks) body.Write((await rig.Store.Get(chunk.Key, cancel: Cancel))!.Body);
                Assert.Equal(file.Sha256, Convert.ToHexStringLower(SHA256.HashData(body.ToArray())));
            }
        }
    }

    private async Task<List<string>> Stored(RunRecord run)
    {
        var keys = new List<string>();
        await foreach (var found in rig.Store.List(WorkspacePaths.AttemptsOf(run.Id), cancel: Cancel))
        {
            if (found.Key.Contains("/checkpoints/", StringComparison.Ordinal)) keys.Add(found.Key);
        }

        return keys;
    }
}
