using System.Globalization;

namespace Serverless.Bench.Measures;

/// <summary>What a metric costs the thread that trains.</summary>
sealed class LogCall : IMeasure
{
    public string Name => "log";
    public string What => "run.Log on the training thread";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        var platform = await bench.Up(workers: 1, cancel);
        var snapshot = await Scripts.Put(platform.Api, "log.cs", cancel);
        var medians = new Dictionary<string, List<double>>();
        var highs = new Dictionary<string, List<double>>();
        for (var round = 0; round < bench.Times(5, 1); round++)
        {
            var run = await platform.Api.Submit(Api.Spec(snapshot, "log.cs", new { calls = bench.Times(200_000, 2000), round }), cancel);
            await platform.Api.UntilEnded(run, TimeSpan.FromMilliseconds(200), cancel);
            foreach (var fields in (await platform.Api.Log(run, cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split('\t')))
            {
                Add(medians, fields[0], fields[1]);
                Add(highs, fields[0], fields[2]);
            }
        }

        return
        [
            new("run.Log, p50 of its calls", "ns", new(medians["run.Log"]),
                Baseline: new("StreamWriter: one JSON line", new(medians["StreamWriter"])), Target: new(100)),
            new("run.Log, p99 of its calls", "ns", new(highs["run.Log"]), Baseline: new("StreamWriter: one JSON line", new(highs["StreamWriter"]))),
            new("run.Log, p50 of its calls", "ns", new(medians["run.Log"]),
                Baseline: new("File.AppendAllText: one JSON line", new(medians["File.AppendAllText"]))),
        ];
    }

    private static void Add(Dictionary<string, List<double>> samples, string name, string value)
    {
        if (!samples.TryGetValue(name, out var list)) samples[name] = list = [];
        list.Add(double.Parse(value, CultureInfo.InvariantCulture));
    }
}
