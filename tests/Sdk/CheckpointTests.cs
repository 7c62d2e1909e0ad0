using System.Runtime.InteropServices;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class CheckpointTests
{
    private const string Net = """
        using var model = nn.Linear(3, 2);
        using var optimizer = optim.Adam(model.parameters());
        """;

    [Fact]
    public async Task SaveCheckpoint_LeavesAWholeFolderThatSaysHowFarMetricsAndLogHadGot()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of(Net + """
            run.Log("loss", 3, 1); run.Log("loss", 0.5, 2);
            Console.Write("before");
            run.SaveCheckpoint(2, model, optimizer, new { Epoch = 4 });
            Console.WriteLine("after");
            run.Log("loss", 0.25, 3);
            """));

        Assert.Equal($"before{LogMarker.Line("checkpoint:2")}after\n", outcome.Succeeded().Output);
        var checkpoint = folder.Checkpoint(2);
        Assert.Equal([CheckpointFiles.Info, CheckpointFiles.Model, CheckpointFiles.Optimizer, CheckpointFiles.Rng],
            Directory.GetFiles(checkpoint).Select(f => Path.GetFileName(f)).Order());
        var info = JsonSerializer.Deserialize<CheckpointInfo>(File.ReadAllBytes(Path.Combine(checkpoint, CheckpointFiles.Info)), CoreJson.Options)!;
        Assert.Equal((2L, "checkpoint:2", 4), (info.Step, info.Marker, info.Cursor!.Value.GetProperty("epoch").GetInt32()));
        Assert.Equal(0.5, Assert.Single(info.Metrics).Value);

        var logged = new List<MetricPoint>();
        new MetricStreamReader().Read(
            File.ReadAllBytes(Path.Combine(folder.Output, ContractNames.MetricsBinary)).AsSpan(0, (int)info.MetricsBytes), logged);
        Assert.Equal([3, 0.5], logged.Select(p => p.Value));
        Assert.Equal(3, folder.Metrics().Count);
    }

    [Fact]
    public async Task SaveCheckpoint_OfAStepThatIsSaved_ChangesNothing()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of(Net + """
            var first = run.SaveCheckpoint(1, model);
            Run.Shutdown();
            var before = File.ReadAllBytes(Path.Combine(run.Output, "checkpoints/1/model.safetensors"));
            using (no_grad()) model.weight!.add_(1);
            var second = run.SaveCheckpoint(1, model);
            Run.Shutdown();
            Console.Error.WriteLine($"{first} {second} {before.SequenceEqual(File.ReadAllBytes(Path.Combine(run.Output, "checkpoints/1/model.safetensors")))}");
            """));
        Assert.Equal("True False True\n", outcome.Succeeded().Errors);
    }

    [Fact]
    public async Task SaveCheckpoint_HoldsTheWeightsOfTheCallWhateverTrainingDoesNext()
    {
        using var folder = new SdkRunFolder();
        (await folder.Run(SdkProgram.Of("""
            using var model = nn.Linear(1500, 1500, hasBias: false);
            using var still = no_grad();
            for (var step = 1; step <= 5; step++)
            {
                model.weight!.fill_(step);
                run.SaveCheckpoint(step, model);
                model.weight!.fill_(-1);
            }

            Run.Shutdown();
            for (var step = 1; step <= 5; step++)
            {
                var saved = SafeTensors.Load(Path.Combine(run.Output, $"checkpoints/{step}/model.safetensors"))["weight"];
                if (saved.min().item<float>() != step || saved.max().item<float>() != step) throw new Exception($"step {step} has other weights");
            }
            """))).Succeeded();
        Assert.Equal(5, Directory.GetDirectories(folder.Checkpoints).Length);
    }

    [Fact]
    public async Task KilledInTheMiddleOfWriting_LeavesNoHalfCheckpoint()
    {
        using var folder = new SdkRunFolder();
        using var process = folder.Start(SdkProgram.Of("""
            using var model = nn.Linear(4000, 4000);
            for (var step = 1; ; step++) run.SaveCheckpoint(step, model);
            """));
        _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        // The first whole one is there and the next is in writing: 64 MB take a while.
        await Until(
            () => Directory.Exists(folder.Checkpoints) && Directory.GetDirectories(folder.Checkpoints).Any(IsNumber)
                && Directory.GetDirectories(folder.Checkpoints, ".*.tmp").Length > 0);
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        foreach (var whole in Directory.GetDirectories(folder.Checkpoints).Where(IsNumber))
        {
            Assert.Equal(3, Directory.GetFiles(whole).Length);
            // Header, 4000 × 4000 weights and 4000 biases of 4 bytes.
            using var model = File.OpenRead(Path.Combine(whole, CheckpointFiles.Model));
            var header = new byte[8];
            model.ReadExactly(header);
            Assert.Equal(8 + BitConverter.ToInt64(header) + 4 * (4000 * 4000 + 4000), model.Length);
        }
    }

    [Fact]
    public async Task SaveThatCannotBeWritten_SurfacesAtTheNextSaveAndOnce()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of(Net + """
            Directory.CreateDirectory(Path.Combine(run.Output, "checkpoints"));
            File.WriteAllText(Path.Combine(run.Output, "checkpoints", ".1.tmp"), "in the way");
            run.SaveCheckpoint(1, model);
            try { for (var wait = 0; ; wait++) { Thread.Sleep(10); run.SaveCheckpoint(2 + wait, model); } } catch (CheckpointException e) { Console.Error.WriteLine(e.Message); }
            File.Delete(Path.Combine(run.Output, "checkpoints", ".1.tmp"));
            run.SaveCheckpoint(1, model);
            """));
        Assert.StartsWith("checkpoint 1 could not be written: ", outcome.Succeeded().Errors, StringComparison.Ordinal);
        Assert.True(Directory.Exists(folder.Checkpoint(1)));
    }

    [Fact]
    public async Task SaveThatCannotBeWritten_FailsTheProcessAtItsEnd()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of(Net + """
            Directory.CreateDirectory(Path.Combine(run.Output, "checkpoints"));
            File.WriteAllText(Path.Combine(run.Output, "checkpoints", ".1.tmp"), "in the way");
            run.SaveCheckpoint(1, model);
            """));
        Assert.Equal(1, outcome.ExitCode);
        Assert.StartsWith("checkpoint 1 could not be written: ", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sigterm_OfCodeThatLooks_LetsItSaveAndLeave()
    {
        using var folder = new SdkRunFolder();
        using var process = folder.Start(SdkProgram.Of(Net + """
            for (var step = 1L; ; step++)
            {
                Thread.Sleep(1);
                // The first look is what starts listening.
                if (step == 2) Console.WriteLine("ready");
                if (!run.StopRequested) continue;
                run.Log("last", 1, step);
                run.SaveCheckpoint(step, model, optimizer);
                run.Leave();
            }
            """));
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        await Terminate(process, () => Directory.Exists(folder.Checkpoints));

        Assert.Equal(Run.StoppedExitCode, process.ExitCode);
        Assert.Single(Directory.GetDirectories(folder.Checkpoints), IsNumber);
        Assert.Single(folder.Metrics());
    }

    [Fact]
    public async Task Sigterm_OfCodeThatNeverLooks_EndsItAtOnceWithItsMetrics()
    {
        using var folder = new SdkRunFolder();
        using var process = folder.Start(SdkProgram.Of("""
            run.Log("a", 1, 1);
            Console.WriteLine("ready");
            Thread.Sleep(Timeout.Infinite);
            """));
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        await Terminate(process, () => process.HasExited);

        Assert.Equal(143, process.ExitCode);
        Assert.Single(folder.Metrics());
    }

    private static bool IsNumber(string folder) => long.TryParse(Path.GetFileName(folder), out _);

    private static async Task Terminate(System.Diagnostics.Process process, Func<bool> seen)
    {
        const int Sigterm = 15;
        Assert.Equal(0, Kill(process.Id, Sigterm));
        _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await Until(() => seen() || process.HasExited);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    private static async Task Until(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!condition()) await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, deadline.Token);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
