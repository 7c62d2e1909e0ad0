using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Spec;
using Serverless.Tests.Support;

namespace Serverless.Tests.Experiments;

public sealed class SampleTests
{
    // Eight channels: oneDNN's gradients of layers whose channels do not fill its blocks are NaN on some processors.
    private const string Small = """{"epochs": 12, "fine-tune-epochs": 2, "sparsities": [0.5, 0.95], "hidden": 32, "channels": 8, "trees": [2, 4], "lr": 0.01}""";

    [Fact]
    public void EverySample_HasASpecWithoutProblemsWhoseCommandExists()
    {
        var specs = Directory.GetFiles(SdkProgram.Experiments, "experiment.yaml", SearchOption.AllDirectories);
        Assert.Equal(3, specs.Length);
        foreach (var file in specs)
        {
            var reading = SpecReader.Read(File.ReadAllText(file), SpecFormat.Yaml);
            Assert.Empty(reading.Problems);
            Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(file)!, reading.Spec!.Code.Path!, reading.Spec.Command)), file);
        }
    }

    [Theory]
    [InlineData("prune-mlp")]
    [InlineData("prune-cnn")]
    public async Task PruningSample_LearnsAndLosesAccuracyWithItsWeights(string name)
    {
        using var folder = Digits();
        (await folder.Run(SdkProgram.OfExperiment(name))).Succeeded();

        var results = Results(folder);
        var rows = results.GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal([0.5, 0.95], rows.Select(r => r.GetProperty("sparsity").GetDouble()));
        Assert.True(results.GetProperty("accuracy").GetDouble() > 0.8, $"{results}");
        Assert.True(rows[1].GetProperty("before").GetDouble() < results.GetProperty("accuracy").GetDouble() - 0.2, $"{results}");
        Assert.True(rows[1].GetProperty("after").GetDouble() > rows[1].GetProperty("before").GetDouble(), $"{results}");
        // 5 % of the weights are left, and all biases.
        Assert.InRange(rows[1].GetProperty("nonzero").GetInt64(), 1, results.GetProperty("parameters").GetInt64() * 0.12);
        Assert.Equal(rows.Select(r => r.GetProperty("after").GetDouble()),
            folder.Metrics().Where(p => p.Name == "prune/accuracy" && p.Step > 0).Select(p => p.Value));
        Assert.True(File.Exists(Path.Combine(folder.Output, "artifacts", "weights.safetensors")));
    }

    [Fact]
    public async Task PruningSample_ResumedAnywhere_EndsBitForBitTheSame()
    {
        using var whole = Digits();
        (await whole.Run(SdkProgram.OfExperiment("prune-mlp"))).Succeeded();
        var steps = Directory.GetDirectories(whole.Checkpoints).Select(f => long.Parse(Path.GetFileName(f), CultureInfo.InvariantCulture)).Order()
            .ToList();
        // Within the first training, at its end, and after the first pruning.
        Assert.Equal(4, steps.Count);
        foreach (var step in steps[..3])
        {
            using var resumed = Digits().Set(ContractNames.Resume, whole.Checkpoint(step));
            (await resumed.Run(SdkProgram.OfExperiment("prune-mlp"))).Succeeded();
            Assert.Equal(Weights(whole), Weights(resumed));
            Assert.Equal(Results(whole).GetProperty("rows").ToString(), Results(resumed).GetProperty("rows").ToString());
            var expected = whole.Metrics().Where(p => p.Step > step && !p.Name.StartsWith("prune/", StringComparison.Ordinal))
                .Select(p => (p.Name, p.Step, p.Value));
            Assert.Equal(
                expected, resumed.Metrics().Where(p => p.Step > step && !p.Name.StartsWith("prune/", StringComparison.Ordinal))
                    .Select(p => (p.Name, p.Step, p.Value)));
        }
    }

    [Fact]
    public async Task PruningSample_FromATrainedRun_PrunesWithoutTrainingFirst()
    {
        using var trained = Digits();
        trained.Params(Small.Replace("[0.5, 0.95]", "[]", StringComparison.Ordinal));
        (await trained.Run(SdkProgram.OfExperiment("prune-mlp"))).Succeeded();
        using var pruned = Digits();
        pruned.Set(ContractNames.From,
            Directory.GetDirectories(trained.Checkpoints).MaxBy(f => long.Parse(Path.GetFileName(f), CultureInfo.InvariantCulture))!);
        (await pruned.Run(SdkProgram.OfExperiment("prune-mlp"))).Succeeded();

        Assert.Equal(Results(trained).GetProperty("accuracy").GetDouble(), Results(pruned).GetProperty("accuracy").GetDouble());
        Assert.Equal(2, Results(pruned).GetProperty("rows").GetArrayLength());
        Assert.True(Steps(pruned) < Steps(trained));
    }

    [Fact]
    public async Task TrainingLoop_KeepsTheNumberOfLiveTensorsConstant()
    {
        // The most that were ever alive is the same for one epoch and for six, but for the few that
        // are made before the loop and wait for the garbage collector.
        var program = SdkProgram.Of(
            """
            using var model = nn.Sequential(("a", new MaskedLinear(64, 16)), ("relu", nn.ReLU()), ("b", new MaskedLinear(16, 10)));
            PruningStudy.Train(run, "test", Digits.Load(run), model);
            Console.WriteLine(Tensor.PeakCount);
            """,
            SdkProgram.SharedFiles());
        using var one = Digits().Params("""{"epochs": 1, "fine-tune-epochs": 1, "sparsities": [0.5]}""");
        using var six = Digits().Params("""{"epochs": 6, "fine-tune-epochs": 6, "sparsities": [0.5]}""");
        var (few, many) = ((await one.Run(program)).Succeeded().Lines[^1], (await six.Run(program)).Succeeded().Lines[^1]);
        Assert.InRange(int.Parse(many, CultureInfo.InvariantCulture), 1, int.Parse(few, CultureInfo.InvariantCulture) + 15);
    }

    [Fact]
    public async Task Baseline_LearnsAndSaysSoInTheSameForm()
    {
        using var folder = Digits();
        (await folder.Run(SdkProgram.OfExperiment("baseline-mlnet"))).Succeeded();
        var results = Results(folder);
        Assert.True(results.GetProperty("accuracy").GetDouble() > 0.5, $"{results}");
        Assert.Equal(0, results.GetProperty("rows").GetArrayLength());
        Assert.Equal([2, 4], folder.Metrics().Select(p => p.Step));
    }

    // 600 easy digits of 8×8 pixels: four dark pixels whose place says which digit it is, on
    // noisy paper. Learned in a second, but not by a handful of weights.
    private static SdkRunFolder Digits()
    {
        var random = new Random(1);
        string Rows(int count) => string.Join('\n', Enumerable.Range(0, count).Select(i =>
        {
            var (digit, pixels) = (i % 10, Enumerable.Range(0, 64).Select(_ => random.Next(0, 5)).ToArray());
            for (var p = 0; p < 4; p++) pixels[digit * 6 + p] = Math.Min(16, pixels[digit * 6 + p] + random.Next(7, 12));
            return string.Join(',', pixels.Append(digit));
        }));
        return new SdkRunFolder().Params(Small).Input("digits/train.csv", Rows(600)).Input("digits/test.csv", Rows(200));
    }

    private static long Steps(SdkRunFolder folder) => folder.Metrics().Where(p => p.Name == "val/accuracy").Max(p => p.Step);

    private static JsonElement Results(SdkRunFolder folder) =>
        JsonElement.Parse(File.ReadAllBytes(Path.Combine(folder.Output, "artifacts", "results.json")));

    private static byte[] Weights(SdkRunFolder folder) => File.ReadAllBytes(Path.Combine(folder.Output, "artifacts", "weights.safetensors"));
}
