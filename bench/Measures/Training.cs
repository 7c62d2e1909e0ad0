using System.Diagnostics;

namespace Serverless.Bench.Measures;

/// <summary>
/// CPU time of one training loop: as a run that logs its loss at every step, what the API and the workers spend meanwhile included, and the same
/// compiled program bare, logging nothing. Pairs of the two, in turns, because a machine's speed drifts.
/// </summary>
sealed class Training : IMeasure
{
    private const int Workers = 1;

    public string Name => "training";
    public string What => "CPU time of a training loop under the platform and bare";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        var platform = await bench.Up(Workers, cancel);
        var snapshot = await Scripts.Put(platform.Api, "loop.cs", cancel);
        var steps = bench.Times(3000, 50);
        var others = string.Join(',', platform.ProcessesBesideRuns());

        // The platform may have compiled programs of other measures before.
        var before = Programs(platform).ToHashSet(StringComparer.Ordinal);
        await Platformed(platform, snapshot, 50, others, 0, cancel);
        var program = Programs(platform).Single(made => !before.Contains(made));
        await Bare(program, 50, cancel);

        var (ours, bare, more) = (new List<double>(), new List<double>(), new List<double>());
        for (var pair = 1; pair <= bench.Times(7, 1); pair++)
        {
            bench.Say($"pair {pair}");
            if (pair % 2 == 0) bare.Add(await Bare(program, steps, cancel));
            ours.Add(await Platformed(platform, snapshot, steps, others, pair, cancel));
            if (pair % 2 == 1) bare.Add(await Bare(program, steps, cancel));
            more.Add(((ours[^1] / bare[^1]) - 1) * 100);
        }

        return
        [
            new("more CPU time than the same loop bare, per pair", "%", new(more, difference: true), Target: new(1)),
            new($"CPU time of {steps:#,0} steps", "s", new(ours), Baseline: new("the same compiled program, bare", new(bare))),
        ];
    }

    private static IEnumerable<string> Programs(Platform platform) =>
        Directory.EnumerateFiles(platform.Folder, "experiment.dll", SearchOption.AllDirectories);

    private static async Task<double> Platformed(Platform platform, string snapshot, int steps, string others, int pair, CancellationToken cancel)
    {
        var run = await platform.Api.Submit(Api.Spec(snapshot, "loop.cs", new { steps, others, log = true, pair }), cancel);
        await platform.Api.UntilEnded(run, TimeSpan.FromSeconds(1), cancel);
        return Seconds(await platform.Api.Log(run, cancel));
    }

    private static async Task<double> Bare(string program, int steps, CancellationToken cancel)
    {
        // With the settings of the runtime that runs have.
        var start = Children.Dotnet([
            "exec", "--runtimeconfig", Path.ChangeExtension(Platform.WorkerDll, ".runtimeconfig.json"), typeof(Training).Assembly.Location,
            "child", "bare", Platform.WorkerDll, program, $"steps={steps}", "log=false"]);
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return Seconds(output);
    }

    private static double Seconds(string output) => CpuTime.Read(output, Environment.ProcessorCount);
}
