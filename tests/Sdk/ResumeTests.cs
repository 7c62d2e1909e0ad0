using Serverless.Contract;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class ResumeTests
{
    // Everything that a checkpoint must bring back is in here: weights, a batch norm's running averages, the optimizer, dropout and noise (torch's generator), augmentation (the run's).
    private const string Training = """
        manual_seed(run.Seed);
        var steps = run.Param("steps", 0);
        var x = linspace(-1, 1, 64).unsqueeze(1);
        using var model = nn.Sequential(("a", nn.Linear(1, 32)), ("norm", nn.BatchNorm1d(32)), ("relu", nn.ReLU()), ("drop", nn.Dropout(0.2)), ("b", nn.Linear(32, 1)));
        optim.Optimizer optimizer = run.Param("optimizer", "") switch
        {
            "adam" => optim.Adam(model.parameters(), 0.01, amsgrad: true),
            "adamw" => optim.AdamW(model.parameters(), 0.01),
            "sgd" => optim.SGD(model.parameters(), 0.05, momentum: 0.9, nesterov: true),
            "rmsprop" => optim.RMSProp(model.parameters(), 0.01, momentum: 0.5, centered: true),
            "nadam" => optim.NAdam(model.parameters(), 0.01),
            "adagrad" => optim.Adagrad(model.parameters(), 0.05),
            "rprop" => optim.Rprop(model.parameters(), 0.01),
            "asgd" => optim.ASGD(model.parameters(), 0.05),
            var other => throw new Exception(other),
        };
        var first = run.TryResume(model, optimizer, out var checkpoint) ? checkpoint.Step + 1 : 1;
        if (checkpoint is not null && checkpoint.Cursor<long[]>()[0] != checkpoint.Step) throw new Exception("another cursor");
        for (var step = first; step <= steps; step++)
        {
            using var scope = NewDisposeScope();
            var rows = tensor(run.Shuffle(64, epoch: step)[..16]);
            var batch = x[rows] * (1 + 0.1 * run.Random.NextDouble()) + 0.01 * randn(16, 1);
            var loss = nn.functional.mse_loss(model.forward(batch), (3 * batch).sin());
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            if (step == 10) foreach (var group in optimizer.ParamGroups) group.LearningRate /= 2;
            run.Log("loss", loss.item<float>(), step);
            if (step == 15) run.SaveCheckpoint(step, model, optimizer, new[] { step });
        }

        SafeTensors.Save(run.Artifact("end.safetensors"), model);
        """;

    [Theory]
    [InlineData("adam")]
    [InlineData("adamw")]
    [InlineData("sgd")]
    [InlineData("rmsprop")]
    [InlineData("nadam")]
    [InlineData("adagrad")]
    [InlineData("rprop")]
    [InlineData("asgd")]
    public async Task TryResume_InAFreshProcess_GoesOnBitForBit(string optimizer)
    {
        using var whole = await Train(optimizer, steps: 40);
        using var interrupted = await Train(optimizer, steps: 20);
        using var resumed = await Train(optimizer, steps: 40, from: interrupted.Checkpoint(15));

        Assert.Equal(End(whole), End(resumed));
        Assert.Equal(Curve(whole).Skip(15), Curve(resumed));
        // It can fail: the losses of an interrupted run without its state are others.
        using var fresh = await Train(optimizer, steps: 40, seed: "8");
        Assert.NotEqual(End(whole), End(fresh));
    }

    [Fact]
    public async Task TryResume_OfAnotherModel_NamesEveryDifference()
    {
        using var saved = new SdkRunFolder();
        (await saved.Run(SdkProgram.Of("""using var model = nn.Sequential(("a", nn.Linear(3, 2)), ("b", nn.Linear(2, 2))); run.SaveCheckpoint(1, model);"""))).Succeeded();
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
        using var saved = await Train("sgd", steps: 20);
        using var other = new SdkRunFolder();
        other.Set(ContractNames.Resume, saved.Checkpoint(15)).Params("""{"optimizer": "adam", "steps": 20}""");
        var outcome = await other.Run(SdkProgram.Of(Training));
        Assert.Contains("the checkpoint's optimizer is SGD, and the one to fill is Adam", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SeveralModels_AreSavedAndFilledUnderTheirNames()
    {
        const string Models = """
            manual_seed(run.Seed);
            Dictionary<string, nn.Module> models = new() { ["generator"] = nn.Linear(2, 2), ["critic"] = nn.Linear(2, 2) };
            var optimizers = models.ToDictionary(m => m.Key, m => (optim.Optimizer)optim.Adam(m.Value.parameters()));
            """;
        using var saved = new SdkRunFolder();
        (await saved.Run(SdkProgram.Of(Models + "run.SaveCheckpoint(1, models, optimizers);"))).Succeeded();
        using var resumed = new SdkRunFolder();
        resumed.Set(ContractNames.Resume, saved.Checkpoint(1)).Set(ContractNames.Seed, "9");
        (await resumed.Run(SdkProgram.Of(Models + "run.TryResume(models, optimizers, out _); run.SaveCheckpoint(1, models, optimizers);"))).Succeeded();

        foreach (var file in new[] { CheckpointFiles.Model, CheckpointFiles.Optimizer, CheckpointFiles.Rng })
            Assert.Equal(File.ReadAllBytes(Path.Combine(saved.Checkpoint(1), file)), File.ReadAllBytes(Path.Combine(resumed.Checkpoint(1), file)));
    }

    [Fact]
    public async Task LoadFrom_FillsTheWeightsOfTheOtherRunAndNothingElse()
    {
        using var saved = new SdkRunFolder();
        (await saved.Run(SdkProgram.Of("manual_seed(1); using var model = nn.Linear(2, 2); run.SaveCheckpoint(1, model); SafeTensors.Save(run.Artifact(\"end.safetensors\"), model);"))).Succeeded();
        using var started = new SdkRunFolder();
        started.Set(ContractNames.From, saved.Checkpoint(1));
        var outcome = await started.Run(SdkProgram.Of("using var model = nn.Linear(2, 2); Console.WriteLine($\"{run.HasFrom} {run.LoadFrom(model)} {run.TryResume(model, out _)}\"); SafeTensors.Save(run.Artifact(\"end.safetensors\"), model);"));
        Assert.Equal("True True False\n", outcome.Succeeded().Output);
        Assert.Equal(End(saved), End(started));
    }

    private static async Task<SdkRunFolder> Train(string optimizer, int steps, string? from = null, string seed = "7")
    {
        var folder = new SdkRunFolder().Params($$"""{"optimizer": "{{optimizer}}", "steps": {{steps}}}""").Set(ContractNames.Seed, seed);
        if (from is not null) folder.Set(ContractNames.Resume, from);
        (await folder.Run(SdkProgram.Of(Training))).Succeeded();
        return folder;
    }

    private static byte[] End(SdkRunFolder folder) => File.ReadAllBytes(Path.Combine(folder.Output, "artifacts", "end.safetensors"));

    private static IEnumerable<(long, double)> Curve(SdkRunFolder folder) => folder.Metrics().Select(p => (p.Step, p.Value));
}
