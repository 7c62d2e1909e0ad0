using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class LocalRunTests
{
    [Fact]
    public async Task OutsideThePlatform_FilesGoToRunsAndMetricsArePrinted()
    {
        using var folder = new SdkRunFolder();
        var program = SdkProgram.Of("""
            if (run.OnPlatform || run.Id != "local") throw new Exception();
            for (var step = 1; step <= 3; step++) run.Log("train/loss", 1.0 / step, step);
            File.WriteAllText(run.Artifact("plots/a.txt"), "a");
            File.WriteAllText(run.Publish("data/digits/b.txt"), "b");
            using var model = nn.Linear(2, 2);
            run.SaveCheckpoint(3, model);
            """);
        var outcome = await program.Run(folder.Root, []);

        var made = Assert.Single(Directory.GetDirectories(Path.Combine(folder.Root, "runs")));
        Assert.Matches(@"^\d{8}-\d{6}-program\d+$", Path.GetFileName(made));
        Assert.Equal(
            ["artifacts/plots/a.txt", "checkpoints/3/checkpoint.json", "checkpoints/3/model.safetensors", "checkpoints/3/rng.safetensors",
                "data/digits/b.txt", "metrics.expm"],
            Directory.GetFiles(made, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(made, f)).Order(StringComparer.Ordinal));
        Assert.Equal([$"writing to runs/{Path.GetFileName(made)}", "step 3  train/loss=0.33333"], outcome.Succeeded().Lines);
    }

    [Fact]
    public async Task RunThatLeavesNothing_MakesNoFolder()
    {
        using var folder = new SdkRunFolder();
        (await SdkProgram.Of("""Console.WriteLine(run.Param("a", 1) + run.Seed);""").Run(folder.Root, [])).Succeeded();
        Assert.False(Directory.Exists(Path.Combine(folder.Root, "runs")));
    }

    [Fact]
    public async Task Input_ThatIsMissing_SaysWhichThereAre()
    {
        using var folder = new SdkRunFolder();
        folder.Input("digits/train.csv", "1").Input("digits/test.csv", "2");
        var outcome = await folder.Run(SdkProgram.Of("""
            Console.WriteLine(File.ReadAllText(run.Input("data/digits/train.csv")) + File.ReadAllText(run.Input("digits/test.csv")) + string.Join(' ', run.InputFiles("digits")));
            foreach (var path in new[] { "digits/val.csv", "../x", "/etc/passwd" })
                try { run.Input(path); } catch (Exception e) { Console.WriteLine(e.Message); }
            """));
        Assert.Equal(
            [
                "12digits/test.csv digits/train.csv",
                "no input 'digits/val.csv': there is digits/test.csv, digits/train.csv; declare it under inputs: in experiment.yaml",
                "'../x' leads out of its folder; give a relative path without '..' (Parameter 'path')",
                "'/etc/passwd' leads out of its folder; give a relative path without '..' (Parameter 'path')",
            ],
            outcome.Succeeded().Lines);
    }

    [Fact]
    public async Task Shuffle_DependsOnSeedAndEpochAlone()
    {
        using var folder = new SdkRunFolder();
        var program = SdkProgram.Of("""
            Console.WriteLine(string.Join(',', run.Shuffle(20, 1)));
            run.Random.Next();
            Console.WriteLine(string.Join(',', run.Shuffle(20, 1)));
            Console.WriteLine(string.Join(',', run.Shuffle(20, 2)));
            """);
        var lines = (await folder.Run(program)).Succeeded().Lines;
        folder.Set("EXP_SEED", "8");
        var others = (await folder.Run(program)).Succeeded().Lines;

        Assert.Equal(lines[0], lines[1]);
        Assert.Equal(4, new[] { lines[0], lines[2], others[0], others[2] }.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, 20), lines[0].Split(',').Select(int.Parse).Order());
    }

    [Fact]
    public async Task Random_DrawsEvenlyFromEachOfItsMethods()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("""
            const int Draws = 100_000;
            double Mean(Func<double> draw) => Enumerable.Range(0, Draws).Average(_ => draw());
            var bytes = new byte[Draws + 3];
            run.Random.NextBytes(bytes);
            Console.WriteLine(string.Join('\n', new[]
            {
                Mean(() => run.Random.NextDouble()), Mean(() => run.Random.NextSingle()), Mean(() => run.Random.Next(10) / 9.0), Mean(() => (run.Random.Next(-5, 5) + 5) / 9.0),
                Mean(() => run.Random.NextInt64(1L << 60) / (double)(1L << 60)), Mean(() => run.Random.Next() / (double)int.MaxValue),
                Mean(() => run.Random.NextInt64(long.MinValue, long.MaxValue) / (double)ulong.MaxValue + 0.5), bytes.Average(b => b / 255.0),
            }));
            """));
        Assert.Equal(8, outcome.Succeeded().Lines.Length);
        // Six standard errors of the mean of a uniform draw.
        Assert.All(outcome.Lines, line => Assert.InRange(double.Parse(line, System.Globalization.CultureInfo.InvariantCulture), 0.494, 0.506));
    }
}
