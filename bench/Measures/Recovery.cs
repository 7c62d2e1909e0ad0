using System.Diagnostics;
using System.Globalization;
using Serverless.Core.Runs;

namespace Serverless.Bench.Measures;

/// <summary>
/// kill -9 of a worker in the middle of training, another worker being free: how soon its run is queued again, and how soon an attempt that resumed
/// has done a step that nobody did before. What passes until the kill is seen is mostly the lease, which is a setting.
/// </summary>
sealed class Recovery : IMeasure
{
    private const int Workers = 2;
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(1), Poll = TimeSpan.FromMilliseconds(50), Settling = TimeSpan.FromSeconds(2);

    public string Name => "recovery";
    public string What => "kill -9 of a worker → its run queued again, and training on";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        var platform = await bench.Up(workers: 0, cancel);
        var snapshot = await Scripts.Put(platform.Api, "resume.cs", cancel);
        var (queued, stepped) = (new List<double>(), new List<double>());
        var workers = new Dictionary<string, Process>(StringComparer.Ordinal);
        try
        {
            for (var i = 0; i < bench.Times(60, 2); i++)
            {
                while (workers.Count < Workers) await Start(bench, platform, workers, cancel);
                if (!bench.Quick) await Task.Delay(Settling, bench.Time, cancel);
                var (toQueue, toStep) = await Kill(bench, platform.Api, snapshot, i, workers, cancel);
                queued.Add(toQueue.TotalMilliseconds);
                stepped.Add(toStep.TotalMilliseconds);
                if ((i + 1) % 10 == 0) bench.Say($"{i + 1} kills");
            }
        }
        finally
        {
            foreach (var worker in workers.Values) await End(worker);
        }

        return
        [
            new($"kill -9 of a worker → its run queued again; lease {Lease.TotalSeconds:0} s", "ms", new(queued), Row.P99, Target: new(3000)),
            new("kill -9 of a worker → first new training step", "ms", new(stepped), Row.P99),
        ];
    }

    private static async Task<(TimeSpan ToQueue, TimeSpan ToStep)> Kill(
        Bench bench, Api api, string snapshot, int i, Dictionary<string, Process> workers, CancellationToken cancel)
    {
        var run = await api.Submit(Api.Spec(snapshot, "resume.cs", new { i }), cancel);
        RunRecord record;
        while ((record = await api.Get(run, cancel)) is not { Head: not null, Lease: not null }) await Task.Delay(Poll, bench.Time, cancel);
        var victim = record.Lease.Owner;
        var killed = bench.Time.GetUtcNow();
        workers[victim].Kill();
        await workers[victim].WaitForExitAsync(cancel);
        workers.Remove(victim);
        var ended = await api.UntilEnded(run, Poll, cancel);
        var first = (await api.Log(run, cancel)).Split('\n').First(line => line.StartsWith("first\t", StringComparison.Ordinal)).Split('\t')[1];
        return (ended.Attempts[0].Ended!.Value - killed,
            DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(first, CultureInfo.InvariantCulture)) - killed);
    }

    private static async Task Start(Bench bench, Platform platform, Dictionary<string, Process> workers, CancellationToken cancel)
    {
        var id = $"w-{bench.Ids.Nonce()}";
        var worker = Process.Start(Children.Dotnet(
            [Platform.WorkerDll, "agent", "--data", platform.Folder, "--machine", "cpu", "--id", id, "--lease", Lease.ToString("c"), "--parent",
                $"{Environment.ProcessId}"]))!;
        workers[id] = worker;
        if (await worker.StandardOutput.ReadLineAsync(cancel) != "ready") throw new InvalidOperationException("the worker did not start");
        _ = worker.StandardOutput.ReadToEndAsync(CancellationToken.None);
    }

    private static async Task End(Process worker)
    {
        Children.Terminate(worker);
        await worker.WaitForExitAsync(CancellationToken.None);
        worker.Dispose();
    }
}
