using Serverless.Contract;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class ResumeTests
{
    // Everything that a checkpoint must bring back is in here: weights, a batch norm's running averages, every optimizer, dropout and noise (torch's
    // generator), augmentation (the run's).
    private const string Training = """
        manual_seed(run.Seed);
        var steps = run.Param("steps", 0);
        var x = linspace(-1, 1, 64).unsqueeze(1);
        Dictionary<string, nn.Module> models = [];
        Dictionary<string, optim.Optimizer> optimizers = [];
        foreach (var name in new[] { "adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "rprop", "asgd" })
        {
            var made = nn.Sequential(("a", nn.Linear(1, 16)), ("norm", nn.BatchNorm1d(16)), ("relu", nn.ReLU()), ("drop", nn.Dropout(0.2)), ("b", nn.Linear(16, 1)));
            models[name] = made;
            optimizers[name] = name switch
            {
                "adam" => optim.Adam(made.parameters(), 0.01, amsgrad: true),
                "adamw" => optim.AdamW(made.parameters(), 0.01),
                "sgd" => optim.SGD(made.parameters(), 0.05, momentum: 0.9, nesterov: true),
                "rmsprop" => optim.RMSProp(made.parameters(), 0.01, momentum: 0.5, centered: true),
                "nadam" => optim.NAdam(made.parameters(), 0.01),
                "adagrad" => optim.Adagrad(made.parameters(), 0.05),
                "rprop" => optim.Rprop(made.parameters(), 0.01),
                _ => optim.ASGD(made.parameters(), 0.05),
            };
        }

        var first = run.TryResume(models, optimizers, out var checkpoint) ? checkpoint.Step + 1 : 1;
        if (checkpoint is not null && checkpoint.Cursor<long[]>()[0] != checkpoint.Step) throw new Exception("another cursor");
        for (var step = first; step <= steps; step++)
        {
            var rows = tensor(run.Shuffle(64, epoch: step)[..16]);
            var batch = x[rows] * (1 + 0.1 * run.Random.NextDouble()) + 0.01 * randn(16, 1);
            foreach (var (name, model) in models)
            {
                using var scope = NewDisposeScope();
                var loss = nn.functional.mse_loss(((nn.Module<Tensor, Tensor>)model).forward(batch), (3 * batch).sin());
                optimizers[name].zero_grad();
                loss.backward();
                optimizers[name].step();
                if (step == 10) foreach (var group in optimizers[name].ParamGroups) group.LearningRate /= 2;
                run.Log(name, loss.item<float>(), step);
            }

            if (step == 15) run.SaveCheckpoint(step, models, optimizers, new[] { step });
        }

        foreach (var (name, model) in models) SafeTensors.Save(run.Artifact(name), model);
        """;

    [Fact]
    public async Task TryResume_InAFreshProcess_GoesOnBitForBitWithEveryOptimizer()
    {
        using var whole = await Train(steps: 40);
        using var interrupted = await Train(steps: 20);
        using var resumed = await Train(steps: 40, from: interrupted.Checkpoint(15));

        var curves = Curves(whole).ToDictionary();
        Assert.Equal(8, curves.Count);
        foreach (var (optimizer, curve) in Curves(resumed))
        {
            Assert.Equal(curves[optimizer].Skip(15), curve);
            Assert.Equal(End(whole, optimizer), End(resumed, optimizer));
            Assert.NotEqual(End(whole, optimizer), End(interrupted, optimizer));
        }
    }

    [Fact]
    public async Task TryResume_OfAnotherModel_NamesEveryDifference()
    {
        using var saved = new SdkRunFolder();
        (await saved.Run(
            SdkProgram.Of(
                """using var model = nn.Sequential(("a", nn.Linear(3, 2)), ("b", nn.Linear(2, 2))); run.SaveCheckpoint(1, model);"""))).Succeeded();
        using var other = new SdkRunFolder();
        other.Set(ContractNames.Resume, saved.Checkpoint(1));
        var outcome = await other.Run(SdkProgram.Of("""
            using var model = nn.Sequential(("a", nn.Linear(4, 2)), ("c", nn.Linear(2, 2)));
            try { run.TryResume(model, out _); } catch (InvalidDataException e) { Console.WriteLine(e.Message); }
            """));
        Assert.Contains("c.weight is missing in the file", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("b.bias is in the file only", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("a.weight is F32 [2, 3] in the file and F32 [2, 4] in the model", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TryResume_WithAnotherOptimizer_SaysWhich()
    {
        using var saved = new SdkRunFolder();
        (await saved.Run(
            SdkProgram.Of("using var model = nn.Linear(2, 2); run.SaveCheckpoint(1, model, optim.SGD(model.parameters(), 0.1));"))).Succeeded();
        using var other = new SdkRunFolder();
        other.Set(ContractNames.Resume, saved.Checkpoint(1));
        var outcome = await other.Run(
            SdkProgram.Of(
                "using var model = nn.Linear(2, 2); try { run.TryResume(model, optim.Adam(model.parameters()), out _); } catch " +
                "(InvalidDataException e) { Console.WriteLine(e.Message); }"));
        Assert.Equal("the checkpoint's optimizer is SGD, and the one to fill is Adam\n", outcome.Succeeded().Output);
    }

    [Fact]
    public async Task LoadFrom_FillsTheWeightsOfTheOtherRunAndNothingElse()
    {
        using var saved = new SdkRunFolder();
        (await saved.Run(
            SdkProgram.Of(
                "manual_seed(1); using var model = nn.Linear(2, 2); run.SaveCheckpoint(1, model); " +
                "SafeTensors.Save(run.Artifact(\"end.safetensors\"), model);"))).Succeeded();
        using var started = new SdkRunFolder();
        started.Set(ContractNames.From, saved.Checkpoint(1));
        var outcome = await started.Run(
            SdkProgram.Of(
                "using var model = nn.Linear(2, 2); Console.WriteLine($\"{run.HasFrom} {run.LoadFrom(model)} {run.TryResume(model, out _)}\"); " +
                "SafeTensors.Save(run.Artifact(\"end.safetensors\"), model);"));
        Assert.Equal("True True False\n", outcome.Succeeded().Output);
        Assert.Equal(End(saved), End(started));
    }

    private static async Task<SdkRunFolder> Train(int steps, string? from = null)
    {
        var folder = new SdkRunFolder().Params($$"""{"steps": {{steps}}}""");
        if (from is not null) folder.Set(ContractNames.Resume, from);
        (await folder.Run(SdkProgram.Of(Training))).Succeeded();
        return folder;
    }

    private static byte[] End(SdkRunFolder folder, string name = "end.safetensors") =>
        File.ReadAllBytes(Path.Combine(folder.Output, "artifacts", name));

    private static IEnumerable<KeyValuePair<string, List<(long Step, double Value)>>> Curves(SdkRunFolder folder) =>
        folder.Metrics().GroupBy(p => p.Name).Select(g => KeyValuePair.Create(g.Key, g.Select(p => (p.Step, p.Value)).ToList()));
}
