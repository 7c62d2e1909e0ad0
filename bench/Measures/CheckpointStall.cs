using System.Globalization;

namespace Serverless.Bench.Measures;

/// <summary>What a checkpoint costs a training: how long it stands still, and how much longer the steps behind it take.</summary>
sealed class CheckpointStall : IMeasure
{
    private const long Width = 2048, WidthWhenQuick = 64;

    public string Name => "checkpoint";
    public string What => "how long a checkpoint of 200 MB and of 1 GB blocks training and slows it down";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel) =>
    [
        .. await Of(bench, layers: 4, saves: bench.Times(7, 1), windowSeconds: bench.Quick ? 0.2 : 5, aim: new(60), cancel),
        .. await Of(bench, layers: 20, saves: bench.Times(5, 1), windowSeconds: bench.Quick ? 0.2 : 12, aim: null, cancel),
    ];

    private static async Task<IReadOnlyList<Row>> Of(Bench bench, int layers, int saves, double windowSeconds, Target? aim, CancellationToken cancel)
    {
        var platform = await bench.Up(workers: 1, cancel);
        var snapshot = await Scripts.Put(platform.Api, "checkpoint.cs", cancel);
        var width = bench.Quick ? WidthWhenQuick : Width;

        // Weights, and the two averages that Adam keeps of each.
        var megabytes = 3 * 4 * layers * width * width / 1_000_000;
        bench.Say($"{megabytes} MB of state");
        var run = await platform.Api.Submit(Api.Spec(snapshot, "checkpoint.cs", new { saves, width, layers, window = windowSeconds }), cancel);
        await platform.Api.UntilEnded(run, TimeSpan.FromMilliseconds(500), cancel);
        var lines = (await platform.Api.Log(run, cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
            .Where(fields => fields.Length > 1)
            .ToDictionary(fields => fields[0], fields => fields.Skip(1).Select(value => double.Parse(value, CultureInfo.InvariantCulture)).ToList());
        const string Theirs = "Module.save and save_state_dict";
        return
        [
            new($"SaveCheckpoint of {megabytes} MB blocks for", "ms", new(lines["stall"]), Baseline: new(Theirs, new(lines["their stall"])),
                Target: aim),
            new($"the first one of a process, {megabytes} MB", "ms", new(lines["first"])),
            new($"and slows down the steps behind it by, in {windowSeconds:0.#} s", "ms", new(lines["dip"], difference: true),
                Baseline: new(Theirs, new(lines["their dip"], difference: true))),
        ];
    }
}
