using System.Diagnostics;
using Serverless.Core.Runs;

namespace Serverless.Bench.Measures;

/// <summary>
/// Runs that do next to nothing, as many as there is time for: from the first submission to the last end, each run its own process.
/// </summary>
sealed class TinyRuns : IMeasure
{
    private const int Workers = 2, Submitters = 4;

    public string Name => "tiny-runs";
    public string What => "tiny C# runs end to end, two workers, each run in a process of its own";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        var platform = await bench.Up(Workers, cancel);
        return
        [
            new("tiny runs", "runs/s", await Rates(bench, platform.Api, "tiny.cs", bench.Times(80, 6), cancel),
                Baseline: new("`dotnet app.dll` in a loop, 2 at a time", await Bare(bench, cancel)), Target: new(12, AtLeast: true)),
            new("tiny runs, each makes a tensor", "runs/s", await Rates(bench, platform.Api, "tensor.cs", bench.Times(40, 4), cancel),
                Target: new(4, AtLeast: true)),
        ];
    }

    private static async Task<Samples> Rates(Bench bench, Api api, string script, int runs, CancellationToken cancel)
    {
        var snapshot = await Scripts.Put(api, script, cancel);
        await api.UntilEnded(await api.Submit(Api.Spec(snapshot, script, new { warm = true }), cancel), TimeSpan.FromMilliseconds(100), cancel);
        var rates = new List<double>();
        for (var round = 0; round < bench.Times(3, 1); round++)
        {
            var began = bench.Time.GetUtcNow();
            var ids = new string[runs];
            await Parallel.ForAsync(
                0, runs, new ParallelOptions { MaxDegreeOfParallelism = Submitters, CancellationToken = cancel }, async (i, token) =>
                ids[i] = await api.Submit(Api.Spec(snapshot, script, new { round, i }), token));
            await UntilAllEnded(bench, api, runs, cancel);
            var ended = began;
            foreach (var id in ids)
            {
                var run = await api.UntilEnded(id, TimeSpan.FromMilliseconds(100), cancel);
                if (run.Ended > ended) ended = run.Ended.Value;
            }

            rates.Add(runs / (ended - began).TotalSeconds);
        }

        return new(rates);
    }

    /// <summary>One request half a second: watching must not be what is measured.</summary>
    private static async Task UntilAllEnded(Bench bench, Api api, int newest, CancellationToken cancel)
    {
        while ((await api.List(newest, cancel: cancel)).Runs.Any(run => !run.State.IsTerminal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), bench.Time, cancel);
        }
    }

    private static async Task<Samples> Bare(Bench bench, CancellationToken cancel)
    {
        var processes = bench.Times(80, 6);
        var rates = new List<double>();
        for (var round = 0; round < bench.Times(3, 1); round++)
        {
            var began = Stopwatch.GetTimestamp();
            await Parallel.ForAsync(
                0, processes, new ParallelOptions { MaxDegreeOfParallelism = Workers, CancellationToken = cancel }, async (_, token) =>
            {
                using var process = Process.Start(Children.StartInfo("tiny"))!;
                await process.StandardOutput.ReadToEndAsync(token);
                await process.WaitForExitAsync(token);
            });
            rates.Add(processes / Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        return new(rates);
    }
}
