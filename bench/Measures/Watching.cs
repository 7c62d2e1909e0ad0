using System.Diagnostics;

namespace Serverless.Bench.Measures;

/// <summary>
/// What the API and the worker spend while a run only sleeps: its lease, its log and metrics as they grow, and what is measured of the machine.
/// </summary>
sealed class Watching : IMeasure
{
    private const string Script = "sleep.cs";

    public string Name => "watching";
    public string What => "CPU of platform and worker beside a run that sleeps";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        var platform = await bench.Up(workers: 1, cancel);
        var snapshot = await Scripts.Put(platform.Api, Script, cancel);
        var window = TimeSpan.FromSeconds(bench.Times(20, 2));
        var run = await platform.Api.Submit(Api.Spec(snapshot, Script, new { }), cancel);
        while (!(await platform.Api.Log(run, cancel)).Contains("begun", StringComparison.Ordinal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancel);
        }

        List<double> shares = [];
        for (var round = 0; round < bench.Times(5, 1); round++)
        {
            var (before, began) = (Used(platform), Stopwatch.GetTimestamp());
            await Task.Delay(window, TimeProvider.System, cancel);
            shares.Add((Used(platform) - before) / Stopwatch.GetElapsedTime(began) * 100);
        }

        return [new("platform and worker beside a run that sleeps", "% of a core", new(shares), Target: new(0.5))];
    }

    private static TimeSpan Used(Platform platform) => platform.ProcessesBesideRuns().Aggregate(TimeSpan.Zero, (sum, id) =>
    {
        using var process = Process.GetProcessById(id);
        return sum + process.TotalProcessorTime;
    });
}
