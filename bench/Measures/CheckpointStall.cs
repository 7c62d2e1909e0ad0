using System.Globalization;

namespace Serverless.Bench.Measures;

/// <summary>How long training stands still for a checkpoint.</summary>
sealed class CheckpointStall : IMeasure
{
    public string Name => "checkpoint";
    public string What => "how long a checkpoint of 200 MB blocks training";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        var platform = await bench.Up(workers: 1, cancel);
        var snapshot = await Scripts.Put(platform.Api, "checkpoint.cs", cancel);
        var width = bench.Times(7071, 500);
        var run = await platform.Api.Submit(Api.Spec(snapshot, "checkpoint.cs", new { saves = bench.Times(7, 1), width }), cancel);
        await platform.Api.UntilEnded(run, TimeSpan.FromMilliseconds(500), cancel);
        var lines = (await platform.Api.Log(run, cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
            .ToDictionary(fields => fields[0], fields => new Spread(fields.Skip(1).Select(value => double.Parse(value, CultureInfo.InvariantCulture))));
        return [new($"SaveCheckpoint of {4L * width * width / 1_000_000} MB blocks for", "ms", lines["SaveCheckpoint"], Row.P95, new("TorchSharp's Module.save", lines["Module.save"]), new(60))];
    }
}
