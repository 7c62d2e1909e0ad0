using System.Text.Json;
using Serverless.Core.Logs;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// A training whose end says whether anything was lost: dropout, augmentation and momentum make every step depend on all steps before it. At each of the steps that it was
/// given it causes one kill -9, of the process that <c>victim</c> names; whichever attempt comes there first does.
/// </summary>
static class DyingTraining
{
    public const int Steps = 24;
    public const string Weights = "end.safetensors";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly Lazy<Task<string>> OfUninterruptedRun = new(RunUninterrupted);

    // Where in the step the kill comes changes from step to step. In half of the cases it comes no sooner than the first checkpoint was committed, so that there is something
    // to resume from on the slowest machine; in the others it comes at whatever moment of the commit that is.
    private const string Program = """
        using System.Runtime.InteropServices;
        using Serverless;
        using static TorchSharp.torch;

        var run = Run.Current;
        var id = Environment.GetEnvironmentVariable("EXP_RUN_ID");
        var steps = run.Param("steps", 24);
        var kills = run.Param("kills", "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray();
        var victim = run.Param("victim", "nobody");
        var notes = run.Param("notes", "");
        var holds = run.Param("holds", 0);
        var platform = Path.Combine(notes, "platform.pid");

        manual_seed(run.Seed);
        var model = nn.Sequential(("a", nn.Linear(4, 32)), ("norm", nn.BatchNorm1d(32)), ("relu", nn.ReLU()), ("drop", nn.Dropout(0.3)), ("b", nn.Linear(32, 1)));
        var optimizer = optim.SGD(model.parameters(), 0.05, momentum: 0.9);
        var x = linspace(-1, 1, 256).view(64, 4);
        var first = run.TryResume(model, optimizer, out var checkpoint) ? (int)checkpoint.Step + 1 : 1;
        for (var step = first; step <= steps; step++)
        {
            Die(step, place: 0);
            using (NewDisposeScope())
            {
                var rows = x[tensor(run.Shuffle(64, epoch: step)[..16])] * (1 + 0.1 * run.Random.NextDouble());
                var loss = nn.functional.mse_loss(model.forward(rows), rows.sum(1, keepdim: true).sin());
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
                run.Log("train/loss", loss.item<float>(), step);
                Die(step, place: 1);
                Console.WriteLine($"step {step} lost {loss.item<float>():R}");
            }

            run.Log("train/twice", 2 * step, step);
            if (step % 2 == 0) run.SaveCheckpoint(step, model, optimizer);
            Die(step, place: 2);
            Thread.Sleep(50);
            Die(step, place: 3);
            if (step == holds) Until(() => File.Exists(Path.Combine(notes, id + "-goes-on")));
        }

        SafeTensors.Save(run.Artifact("end.safetensors"), model);

        void Die(int step, int place)
        {
            var note = Path.Combine(notes, $"{id}-killed-at-{step}");
            if (!kills.Contains(step) || step % 4 != place || File.Exists(note)) return;
            if (step % 8 >= 4) Until(() => File.ReadAllText(Path.Combine(notes, "workspace", "runs", id + ".json")).Contains("\"head\":{"));
            if (victim == "platform")
            {
                // Which process that is changes at every start. This code may be told to leave at any moment: what was not killed by then the next attempt kills.
                Until(() => File.Exists(platform) && kill(int.Parse(File.ReadAllText(platform)), 9) == 0);
                File.WriteAllText(note, "");
                return;
            }

            File.WriteAllText(note, "");
            kill(victim == "worker" ? Worker() : Environment.ProcessId, 9);
            Thread.Sleep(60_000);
        }

        // Whoever lost its worker has another parent by now, which must not be harmed.
        int Worker() => File.ReadAllText($"/proc/{getppid()}/cmdline").Contains("agent\0--data") ? getppid() : Environment.ProcessId;

        void Until(Func<bool> isSo)
        {
            for (var tries = 0; tries < 6000 && !isSo(); tries++) Thread.Sleep(20);
        }

        [DllImport("libc")] static extern int kill(int process, int signal);
        [DllImport("libc")] static extern int getppid();
        """;

    /// <summary>What readers see of the run that nothing happened to.</summary>
    public static Task<string> Uninterrupted => OfUninterruptedRun.Value;

    /// <param name="kills">At which steps somebody dies.</param>
    public static Task<string> Submit(WorkerRig rig, string victim, params int[] kills) => Submit(rig, victim, holds: 0, kills);

    /// <param name="holds">After this step it waits for <see cref="GoOn"/>. 0: never.</param>
    public static Task<string> Submit(WorkerRig rig, string victim, int holds, params int[] kills) => rig.Submit(
        spec => spec with
        {
            Seeds = [7],
            Retries = new(Lost: 100, Failed: 100),
            Env = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" },
            Params = new Dictionary<string, JsonElement>
            {
                ["kills"] = JsonSerializer.SerializeToElement(string.Join(',', kills)),
                ["victim"] = JsonSerializer.SerializeToElement(victim),
                ["notes"] = JsonSerializer.SerializeToElement(rig.Folder),
                ["holds"] = JsonSerializer.SerializeToElement(holds),
            },
        },
        ("train.cs", Program));

    public static Task GoOn(WorkerRig rig, string run) => File.WriteAllTextAsync(Path.Combine(rig.Folder, $"{run}-goes-on"), "");

    /// <summary>Waits until an attempt's code has trained to its end, whatever its worker has seen of that.</summary>
    public static Task TrainedToItsEnd(WorkerRig rig, WorkerProcess worker, string run, int epoch)
    {
        var folder = Path.Combine(rig.Folder, "worker", worker.Id, "work", $"{run}-{epoch}");
        return WorkerRig.Until(() => Task.FromResult(Directory.EnumerateFiles(folder, Weights, SearchOption.AllDirectories).Any()), () => $"no {Weights} in {folder}; the worker said: {worker.Errors}");
    }

    /// <summary>At how many steps somebody was killed.</summary>
    public static int Kills(WorkerRig rig, string run) => Directory.GetFiles(rig.Folder, $"{run}-killed-at-*").Length;

    /// <summary>Of these kills, how many come when there is a checkpoint to resume from.</summary>
    public static int AfterACommit(IEnumerable<int> kills) => kills.Count(step => step % 8 >= 4);

    /// <summary>Everything that readers see of a run and that may not depend on what happened to its workers.</summary>
    public static async Task<string> Visible(WorkerRig rig, RunRecord run)
    {
        var series = (await new MetricsReader(rig.Store).Read(run, new([], MaxPoints: 10_000))).Series;
        var log = new StringWriter();
        await foreach (var bytes in new LogReader(rig.Store, TimeProvider.System).Read(run, 0, long.MaxValue)) await log.WriteAsync(System.Text.Encoding.UTF8.GetString(bytes));
        var weights = (await rig.Outputs(run)).Artifacts.Single(file => file.Path == Weights).Sha256;
        return string.Join('\n', series.Select(Line)) + $"\n{log}\nweights {weights}";

        static string Line(MetricSeries metric) => $"{metric.Name} {metric.Total}: {string.Join(' ', metric.Points.Select(point => FormattableString.Invariant($"{point.Step}={point.Value:R}")))}";
    }

    /// <summary>The run ended well, and shows what the uninterrupted one shows.</summary>
    public static async Task EndedAsIfNothingHadHappened(WorkerRig rig, RunRecord run)
    {
        Assert.Equal((RunState.Succeeded, null as string), (run.State, run.Message));
        Assert.Equal(await Uninterrupted, await Visible(rig, run));
    }

    private static async Task<string> RunUninterrupted()
    {
        await using var rig = new WorkerRig();
        await rig.StartWorker();
        var run = await rig.Ended(await Submit(rig, "nobody"), Patience);
        Assert.Equal((RunState.Succeeded, 1, null as string), (run.State, run.Epoch, run.Message));
        var seen = await Visible(rig, run);
        Assert.Contains($"train/loss {Steps}: 1=", seen, StringComparison.Ordinal);
        Assert.Contains($"step {Steps} lost", seen, StringComparison.Ordinal);
        return seen;
    }
}
