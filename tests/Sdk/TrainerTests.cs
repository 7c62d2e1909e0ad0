using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class TrainerTests
{
    // Every step hangs on all steps before it: dropout and noise (torch's generator), augmentation (the run's), a batch norm's averages, momentum, a
    // schedule, weights that follow, hooks that draw.
    // 50 samples in batches of 8 are 7 steps an epoch, the last of 2 samples.
    private const string Training = """
        manual_seed(run.Seed);
        var (kill, sigterm) = (run.Param("kill", ""), run.Param("sigterm", ""));
        var clock = new ManualClock();
        var x = linspace(-1, 1, 200).view(50, 4);
        var y = x.sum(1, keepdim: true).sin();
        using var model = nn.Sequential(("a", nn.Linear(4, 16)), ("norm", nn.BatchNorm1d(16)), ("relu", nn.ReLU()), ("drop", nn.Dropout(0.3)), ("b", nn.Linear(16, 1)));
        using var teacher = nn.Linear(4, 1);
        using var optimizer = optim.SGD(model.parameters(), 0.05, momentum: 0.9);
        using var second = optim.Adam(teacher.parameters(), 0.01);
        var trainer = new Trainer(run, model, optimizer)
        {
            Epochs = 4, BatchSize = 8, LogEvery = 1, ClipGradNorm = 1, AccumulateBatches = run.Param("accumulate", 1),
            Scheduler = optim.lr_scheduler.StepLR(optimizer, 3, 0.7), ScheduleEvery = Every.Steps(2), ValidateEvery = Every.Steps(5), Clock = clock,
            Checkpoint = run.Param("checkpoint", "steps") switch { "steps" => Every.Steps(3), "epochs" => Every.Epochs(), "minutes" => Every.Minutes(0.5), "never" => Every.Never, _ => Every.Auto() },
        };
        trainer.Include("teacher", teacher);
        trainer.Include("second", second);
        var seen = trainer.Keep("seen", new List<double>());
        trainer.OnEpochStart = t => { Here("start", t.Epoch); run.Log("start", run.Random.NextDouble(), t.Epoch); };
        trainer.Validate = t =>
        {
            Here("validate", t.Step);
            if (model.training || is_grad_enabled()) throw new Exception("validation trains");
            run.Log("val/loss", nn.functional.mse_loss(model.forward(x + 0.01 * randn(50, 4)), y).item<float>(), t.Step);
        };
        trainer.OnEpochEnd = t => { Here("end", t.Epoch); seen.Value.Add(run.Random.NextDouble()); run.Log("seen", seen.Value.Sum(), t.Epoch); };
        trainer.Fit(samples: 50, batch =>
        {
            if (!model.training) throw new Exception("not training");
            clock.Seconds += 10;
            var input = batch.Of(x) * (1 + 0.1 * run.Random.NextDouble()) + 0.01 * randn(batch.Count, 4);
            var taught = nn.functional.mse_loss(teacher.forward(input), batch.Of(y));
            second.zero_grad();
            taught.backward();
            second.step();
            run.Log("rows", batch.Rows.Select((row, i) => (i + 1) * row).Sum(), batch.Step);
            Here("step", batch.Step);
            return nn.functional.mse_loss(model.forward(input), batch.Of(y));
        });
        Here("after", 0);
        SafeTensors.Save(run.Artifact("model"), model);
        SafeTensors.Save(run.Artifact("teacher"), teacher);
        File.WriteAllText(run.Artifact("seen"), string.Join(' ', seen.Value));

        void Here(string place, long number)
        {
            if (kill == $"{place} {number}") Send(9);
            if (sigterm != $"{place} {number}") return;
            _ = run.StopRequested;
            Send(15);
            while (!run.StopRequested) Thread.Sleep(1);
        }

        static void Send(int signal)
        {
            [System.Runtime.InteropServices.DllImport("libc")] static extern int kill(int process, int signal);
            kill(Environment.ProcessId, signal);
        }

        sealed class ManualClock : TimeProvider
        {
            public long Seconds;
            public override long TimestampFrequency => 1;
            public override long GetTimestamp() => Seconds;
        }
        """;

    private static readonly string[] Ends = ["model", "teacher", "seen"];
    private static readonly ConcurrentDictionary<int, Task<Attempts>> Uninterrupted = new();

    [Theory]
    [InlineData("steps", 1, "step 2", "step 9", "start 3", "validate 20", "end 4", "after 0")]
    [InlineData("epochs", 1, "end 2", "step 27")]
    [InlineData("minutes", 1, "step 8", "step 12")]
    [InlineData("steps", 3, "step 4", "step 11")]
    public async Task KilledAnywhere_EndsBitForBitAsIfNothingHadHappened(string checkpoint, int accumulate, params string[] kills)
    {
        var whole = await Whole(accumulate);
        using var killed = new Attempts(checkpoint, accumulate);
        foreach (var kill in kills) await killed.Run(kill: kill);
        await killed.Run();

        Assert.Equal([.. kills.Select(_ => 137), 0], killed.ExitCodes);
        Assert.True(killed.Resumed >= kills.Length / 2, $"{killed.Resumed} attempts resumed");
        Assert.Equal(whole.Visible, killed.Visible);
        foreach (var end in Ends) Assert.Equal(whole.End(end), killed.End(end));
    }

    [Fact]
    public async Task CheckpointsOfEveryKind_ChangeNothing()
    {
        var never = await Whole();
        foreach (var checkpoint in (string[])["steps", "minutes", "auto"])
        {
            using var saved = new Attempts(checkpoint);
            await saved.Run();
            Assert.Equal(never.Visible, saved.Visible);
            foreach (var end in Ends) Assert.Equal(never.End(end), saved.End(end));
            // Each 30 seconds of a clock that a step moves by 10, and at the end.
            Assert.Equal([3, 6, 9, 12, 15, 18, 21, 24, 27, 28], saved.Checkpoints());
        }

        Assert.Equal([28], never.Checkpoints());
    }

    [Theory]
    [InlineData("step 14", 14)]
    [InlineData("validate 15", 15)]
    [InlineData("end 2", 14)]
    public async Task Sigterm_SavesAtTheEndOfTheStep_AndLeaves(string place, long saved)
    {
        var whole = await Whole();
        using var stopped = new Attempts("never");
        await stopped.Run(sigterm: place);

        Assert.Equal([Run.StoppedExitCode], stopped.ExitCodes);
        Assert.Equal([saved], stopped.Checkpoints());
        await stopped.Run();
        Assert.Equal(whole.Visible, stopped.Visible);
        foreach (var end in Ends) Assert.Equal(whole.End(end), stopped.End(end));
    }

    [Fact]
    public async Task TrainingThatIsAtItsEnd_IsNotTrainedAgain()
    {
        using var whole = new Attempts("epochs");
        await whole.Run();
        var before = whole.Visible.ToList();
        var weights = whole.End("model");
        await whole.Run();
        Assert.Equal(before, whole.Visible);
        Assert.Equal(weights, whole.End("model"));
        Assert.StartsWith("the training was at its end, after 28 steps", whole.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_EndsTheTraining_AlsoAfterAResume()
    {
        const string Program = """
            using var model = nn.Linear(1, 1);
            var trainer = new Trainer(run, model, optim.SGD(model.parameters(), 0.1)) { Epochs = 9, BatchSize = 5, Checkpoint = Every.Never, OnEpochEnd = t => { if (t.Epoch == 3) t.Stop(); } };
            trainer.Fit(samples: 10, batch => model.forward(ones(batch.Count, 1)).mean());
            Console.WriteLine($"{trainer.Step} steps");
            """;
        using var stopped = new SdkRunFolder();
        Assert.Equal("6 steps", (await stopped.Run(SdkProgram.Of(Program))).Succeeded().Lines[^1]);
        using var again = new SdkRunFolder().Set(ContractNames.Resume, stopped.Checkpoint(6));
        Assert.Equal(["the training was at its end, after 6 steps", "6 steps"], (await again.Run(SdkProgram.Of(Program))).Succeeded().Lines);
    }

    [Fact]
    public async Task WithoutADataSet_ItTrainsForSoManySteps_AndKeepsTheNumberOfLiveTensorsConstant()
    {
        const string Program = """
            var steps = run.Param("steps", 0);
            using var model = nn.Linear(3, 1);
            var trainer = new Trainer(run, model, optim.Adam(model.parameters())) { Steps = steps, Checkpoint = Every.Steps(10), ValidateEvery = Every.Steps(10) };
            trainer.Validate = t => randn(2, 2).add(1);
            trainer.Fit(batch => model.forward(randn(4, 3)).square().mean());
            Console.WriteLine($"{trainer.Step} {Tensor.PeakCount}");
            """;
        using var few = new SdkRunFolder().Params("""{"steps": 20}""");
        using var many = new SdkRunFolder().Params("""{"steps": 200}""");
        var peaks = new[] { await few.Run(SdkProgram.Of(Program)),
            await many.Run(SdkProgram.Of(Program)) }.Select(outcome => outcome.Succeeded().Lines[^1].Split(' ')).ToList();
        Assert.Equal(["20", "200"], peaks.Select(line => line[0]));
        Assert.InRange(int.Parse(peaks[1][1], CultureInfo.InvariantCulture), 1, int.Parse(peaks[0][1], CultureInfo.InvariantCulture) + 5);
        Assert.Equal(20, many.Metrics().Count(point => point.Name == "train/loss"));
    }

    [Fact]
    public async Task AccumulatedBatches_AreOneStepOfTheirMean()
    {
        const string Program = """
            manual_seed(1);
            var x = randn([10, 3], dtype: ScalarType.Float64);
            using var model = nn.Linear(3, 1, dtype: ScalarType.Float64);
            var trainer = new Trainer(run, model, optim.SGD(model.parameters(), 0.1)) { BatchSize = run.Param("batch", 0), AccumulateBatches = run.Param("accumulate", 0), Shuffle = false };
            trainer.Fit(samples: 10, batch => (batch.Of(x) * 2 - model.forward(batch.Of(x))).square().mean());
            Console.WriteLine($"{trainer.Step} {model.weight!.sum().item<double>():F9}");
            """;
        using var whole = new SdkRunFolder().Params("""{"batch": 10, "accumulate": 1}""");
        using var parts = new SdkRunFolder().Params("""{"batch": 4, "accumulate": 3}""");
        var expected = (await whole.Run(SdkProgram.Of(Program))).Succeeded().Lines[^1];
        Assert.StartsWith("1 ", expected, StringComparison.Ordinal);
        Assert.Equal(expected, (await parts.Run(SdkProgram.Of(Program))).Succeeded().Lines[^1]);
    }

    [Fact]
    public async Task SettingsThatDoNotFit_AreNamedAllAtOnce()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("""
            using var model = nn.Linear(1, 1);
            var trainer = new Trainer(run, model, optim.SGD(model.parameters(), 0.1)) { Epochs = -1, BatchSize = 0, ValidateEvery = Every.Minutes(1) };
            try { trainer.Fit(batch => model.forward(ones(1, 1))); } catch (InvalidOperationException e) { Console.WriteLine(e.Message.Replace("; ", "\n")); }
            """));
        Assert.Equal(
            [
                "Steps must say how long to train without a data set", "Epochs is -1", "0 trains nothing", "BatchSize is 0", "1 is the least",
                "ValidateEvery must be steps or epochs: by time, two repetitions would validate at different steps",
            ],
            outcome.Succeeded().Lines);
    }

    [Theory]
    [InlineData("run.SaveCheckpoint(1, model, optimizer, new { Epoch = 1 });",
        "checkpoint 1 was not saved by a Trainer and has no place to go on from: ask for it with trainer.SaveCheckpoint()")]
    [InlineData("new Trainer(run, model, optimizer) { Steps = 1 }.Fit(7, batch => model.forward(ones(1, 1)));",
        "checkpoint 1 is of another training: it trained on 7 samples and this training on 9; it has no 'best'")]
    public async Task CheckpointOfAnotherTraining_SaysWhatDiffers(string save, string message)
    {
        const string Begin = "using var model = nn.Linear(1, 1); using var optimizer = optim.SGD(model.parameters(), 0.1);";
        using var other = new SdkRunFolder();
        (await other.Run(SdkProgram.Of(Begin + save))).Succeeded();
        using var folder = new SdkRunFolder().Set(ContractNames.Resume, other.Checkpoint(1));
        var outcome = await folder.Run(SdkProgram.Of(Begin + """
            var trainer = new Trainer(run, model, optimizer);
            trainer.Keep("best", 0.0);
            try { trainer.Fit(9, batch => model.forward(ones(1, 1))); } catch (InvalidDataException e) { Console.WriteLine(e.Message); }
            """));
        Assert.Equal(message, outcome.Succeeded().Lines[^1]);
    }

    /// <summary>What an uninterrupted training that saves at its end only comes to. Computed once, and kept in memory.</summary>
    private static Task<Attempts> Whole(int accumulate = 1) => Uninterrupted.GetOrAdd(accumulate, async _ =>
    {
        using var whole = new Attempts("never", accumulate);
        await whole.Run();
        return whole;
    });

    /// <summary>The attempts at one run, each going on from the newest checkpoint that the ones before left.</summary>
    private sealed class Attempts(string checkpoint, int accumulate = 1) : IDisposable
    {
        private readonly List<SdkRunFolder> folders = [];
        private readonly Dictionary<string, List<(string, long, double)>> visibleAt = [];
        private readonly Dictionary<string, byte[]> ends = [];
        private List<long> saved = [];
        private string? newest;

        public List<int> ExitCodes { get; } = [];
        public int Resumed { get; private set; }
        public string Output { get; private set; } = "";

        /// <summary>What readers see: each attempt cut where the next one went on.</summary>
        public List<(string Name, long Step, double Value)> Visible { get; private set; } = [];

        public async Task Run(string kill = "", string sigterm = "")
        {
            var folder = new SdkRunFolder().Params(JsonSerializer.Serialize(new { checkpoint, accumulate, kill, sigterm }));
            folders.Add(folder);
            if (newest is not null) folder.Set(ContractNames.Resume, newest);
            Resumed += newest is null ? 0 : 1;
            var outcome = await folder.Run(SdkProgram.Of(Training));
            Assert.True(outcome.ExitCode is 0 or 137 or Serverless.Run.StoppedExitCode, outcome.Output + outcome.Errors);
            ExitCodes.Add(outcome.ExitCode);
            Output = outcome.Output;
            var before = newest is null ? [] : visibleAt[newest];
            foreach (var step in Checkpoints(folder))
            {
                var info = JsonSerializer.Deserialize<CheckpointInfo>(
                    await File.ReadAllBytesAsync(Path.Combine(folder.Checkpoint(step), CheckpointFiles.Info)), CoreJson.Options)!;
                visibleAt[folder.Checkpoint(step)] = [.. before, .. Points(folder, info.MetricsBytes)];
                newest = folder.Checkpoint(step);
            }

            Visible = [.. before, .. Points(folder, long.MaxValue)];
            foreach (var end in Ends)
            {
                ends[end] = Path.Combine(folder.Output, "artifacts", end) is var file && File.Exists(file) ? await File.ReadAllBytesAsync(file) : [];
            }

            saved = Checkpoints(folder);
        }

        /// <summary>Steps that the newest attempt saved, in order.</summary>
        public List<long> Checkpoints() => saved;

        /// <summary>An artifact of the newest attempt.</summary>
        public byte[] End(string artifact) => ends[artifact];

        public void Dispose() => folders.ForEach(folder => folder.Dispose());

        private static List<long> Checkpoints(SdkRunFolder folder) => !Directory.Exists(folder.Checkpoints) ? [] :
            [.. Directory.GetDirectories(folder.Checkpoints).Select(path => Path.GetFileName(path)).Where(name => name[0] != '.')
                .Select(name => long.Parse(name, CultureInfo.InvariantCulture)).Order()];

        private static List<(string, long, double)> Points(SdkRunFolder folder, long bytes)
        {
            var file = Path.Combine(folder.Output, ContractNames.MetricsBinary);
            if (!File.Exists(file)) return [];
            var all = File.ReadAllBytes(file);
            var points = new List<MetricPoint>();
            new MetricStreamReader().Read(all.AsSpan(0, (int)Math.Min(bytes, all.Length)), points);
            return [.. points.Select(point => (point.Name, point.Step, point.Value))];
        }
    }
}
