using System.Text.Json;
using Serverless.Core.Api;
using Serverless.Core.Results;
using Serverless.Core.Runs;
using Serverless.Core.Submit;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// A training whose end says whether anything was lost: dropout, augmentation and momentum make every step depend on all steps before it. Attempt n ends at
/// the n-th of the steps that it was given, by kill -9 of the process that <c>victim</c> names.
/// </summary>
static class DyingTraining
{
    public const int Steps = 24;
    public const string Weights = "end.safetensors";

    // The step lasts long enough for checkpoints to be committed while it trains; where in the step the kill comes changes from step to step.
    private const string Program = """
        using System.Runtime.InteropServices;
        using Serverless;
        using static TorchSharp.torch;

        var run = Run.Current;
        var steps = run.Param("steps", 24);
        var every = run.Param("every", 2);
        var kills = run.Param("kills", "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray();
        var attempt = int.Parse(Environment.GetEnvironmentVariable("EXP_ATTEMPT")!);
        var last = attempt <= kills.Length ? kills[attempt - 1] : 0;

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
            if (step % every == 0) run.SaveCheckpoint(step, model, optimizer);
            Die(step, place: 2);
            Thread.Sleep(50);
            Die(step, place: 3);
        }

        SafeTensors.Save(run.Artifact("end.safetensors"), model);

        void Die(int step, int place)
        {
            if (step != last || step % 4 != place) return;
            File.WriteAllText(Path.Combine(run.Param("notes", ""), $"{Environment.GetEnvironmentVariable("EXP_RUN_ID")}-{attempt}"), $"{(DateTime.UtcNow - DateTime.UnixEpoch).Ticks / 10}");
            kill(run.Param("victim", "runner") == "worker" ? getppid() : Environment.ProcessId, 9);
            Thread.Sleep(60_000);
        }

        [DllImport("libc")] static extern int kill(int process, int signal);
        [DllImport("libc")] static extern int getppid();
        """;

    /// <param name="kills">At which steps attempts 1, 2, … die.</param>
    public static Task<string> Submit(WorkerRig rig, string victim, params int[] kills) => rig.Submit(
        spec => spec with
        {
            Seeds = [7],
            RetriesLost = 100,
            RetriesFailed = 100,
            Env = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" },
            Params = new Dictionary<string, JsonElement>
            {
                ["kills"] = JsonSerializer.SerializeToElement(string.Join(',', kills)),
                ["victim"] = JsonSerializer.SerializeToElement(victim),
                ["notes"] = JsonSerializer.SerializeToElement(rig.Folder),
            },
        },
        ("train.cs", Program));

    /// <summary>Everything that readers see of a run and that may not depend on what happened to its workers.</summary>
    public static async Task<string> Visible(WorkerRig rig, RunRecord run)
    {
        var series = await new MetricsReader(rig.Store).Read(run, new([], MaxPoints: 10_000));
        var log = new StringWriter();
        await foreach (var bytes in new LogReader(rig.Store, TimeProvider.System).Read(run, 0, long.MaxValue)) await log.WriteAsync(System.Text.Encoding.UTF8.GetString(bytes));
        var weights = (await rig.Outputs(run)).Artifacts.Single(file => file.Path == Weights).Sha256;
        return string.Join('\n', series.Select(Line)) + $"\n{log}\nweights {weights}";

        static string Line(MetricSeries metric) => $"{metric.Name} {metric.Total}: {string.Join(' ', metric.Points.Select(point => FormattableString.Invariant($"{point.Step}={point.Value:R}")))}";
    }

    /// <summary>How long it took from each kill to the run's return to the queue, and to the first step that the next attempt logged.</summary>
    public static async Task<List<(TimeSpan ToQueue, TimeSpan ToStep)>> Recoveries(WorkerRig rig, RunRecord run)
    {
        var all = new List<(TimeSpan, TimeSpan)>();
        foreach (var attempt in run.Attempts.SkipLast(1))
        {
            var note = Path.Combine(rig.Folder, $"{run.Id}-{attempt.Epoch}");
            if (!File.Exists(note)) continue;
            var killed = DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(await File.ReadAllTextAsync(note), System.Globalization.CultureInfo.InvariantCulture));
            if ((await rig.Metrics(run.Id, attempt.Epoch + 1)) is not [var first, ..]) continue;
            all.Add((attempt.Ended!.Value - killed, DateTimeOffset.UnixEpoch.AddMicroseconds(first.UnixMicros) - killed));
        }

        return all;
    }
}
