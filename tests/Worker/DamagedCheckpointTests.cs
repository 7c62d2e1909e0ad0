using System.Text;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>Runs whose newest checkpoint is not whole, as in a copy of the folder that was taken while they went on.</summary>
public sealed class DamagedCheckpointTests(SharedWorker shared) : IClassFixture<SharedWorker>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly WorkerRig rig = shared.Rig;

    // Each step is logged and saved; the first attempt fails after the third.
    private const string Counting =
        """
        using Serverless;
        using static TorchSharp.torch;
        var run = Run.Current;
        var model = nn.Linear(1, 1);
        var first = run.TryResume(model, out var checkpoint) ? (int)checkpoint.Step + 1 : 1;
        for (var step = first; step <= 4; step++)
        {
            using var free = no_grad();
            foreach (var tensor in model.parameters()) tensor.add_(1);
            run.Log("n", step, step);
            run.SaveCheckpoint(step, model);
            if (step < 3 || Environment.GetEnvironmentVariable("EXP_ATTEMPT") != "1") continue;
            while (!Directory.Exists(Path.Combine(Environment.GetEnvironmentVariable("EXP_OUTPUT")!, "checkpoints", "3"))) Thread.Sleep(10);
            throw new InvalidOperationException("not now");
        }
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task TheRun_GoesOnFromTheNewestThatIsWhole_OrFromTheStart_AndSaysSo(int broken)
    {
        var run = await rig.SubmitCSharp(Counting, spec => spec with { Retries = new(Failed: 1) });
        var waiting = await rig.Until(run, record => record is { State: RunState.Queued, Failures: 1 });
        Assert.Equal([1, 2, 3], waiting.Checkpoints.Select(checkpoint => checkpoint.Step));
        foreach (var (checkpoint, i) in waiting.Checkpoints.Reverse().Take(broken).Select((checkpoint, i) => (checkpoint, i)))
        {
            // The newest lost a piece, the one before it is half written, the one before that has another content.
            var manifest = await rig.Manifest(checkpoint);
            var piece = manifest.Files.Single(file => file.Path == "model.safetensors").Chunks[0].Key;
            if (i == 0) await rig.Store.Delete(piece, cancel: Cancel);
            else if (i == 1) await rig.Store.Put(checkpoint.Manifest, "{\"step\":"u8, cancel: Cancel);
            else await rig.Store.Put(piece, Encoding.UTF8.GetBytes("9"), cancel: Cancel);
        }

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 2), (ended.State, ended.Epoch));
        Assert.Equal(broken == 3 ? null : 3 - broken, (int?)ended.Attempts[^1].Resume?.Step);
        Assert.Equal(broken, ended.History.Count(entry => entry.Message?.Contains("is not whole", StringComparison.Ordinal) == true));
        Assert.Equal(4, ended.Head?.Step);

        // No step is missing, none is there twice.
        var curve = Assert.Single((await new MetricsReader(rig.Store).Read(ended, new(["n"]), Cancel)).Series);
        Assert.Equal([1, 2, 3, 4], curve.Points.Select(point => point.Step));
    }

    /// <summary>As in a copy of the folder in which the metrics were copied before a checkpoint was saved.</summary>
    [Theory]
    [InlineData(60)]
    [InlineData(100)]
    [InlineData(0)]
    public async Task TheRun_GoesOnFromACheckpointWhoseMetricsAreThere(int left)
    {
        var run = await rig.SubmitCSharp(Counting, spec => spec with { Retries = new(Failed: 1) });
        var waiting = await rig.Until(run, record => record is { State: RunState.Queued, Failures: 1 });
        var segment = WorkspacePaths.MetricsSegment(run, waiting.Epoch, 0);
        var stored = (await rig.Store.Get(segment, cancel: Cancel))!.Body;
        Assert.InRange(left, 0, stored.Length - 1);
        await rig.Store.Delete(segment, cancel: Cancel);
        if (left > 0) await rig.Store.Append(segment, 0, stored.AsMemory(0, left), Cancel);

        var ended = await rig.Ended(run);

        Assert.Equal((RunState.Succeeded, 2), (ended.State, ended.Epoch));
        Assert.Contains(ended.History, entry => entry.Message?.Contains("metrics that were logged before it", StringComparison.Ordinal) == true);
        var curve = Assert.Single((await new MetricsReader(rig.Store).Read(ended, new(["n"]), Cancel)).Series);
        Assert.Equal([1, 2, 3, 4], curve.Points.Select(point => point.Step));
    }
}
