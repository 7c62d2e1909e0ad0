using System.Diagnostics;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;

namespace Serverless.Bench.Measures;

/// <summary>From a file's coming to the receipt of its durable event, which may start an experiment.</summary>
sealed class FileEventHop : IMeasure
{
    private const int PollMinutes = 3;

    public string Name => "file-events";
    public string What => "put or copy a file, receive its event";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        var count = bench.Times(500, 20);
        var folder = bench.NewFolder("file-events");
        var (workspace, busFile) = (Path.Combine(folder, "team"), Path.Combine(folder, "bus", "bus.db"));
        IObjectStore store = new FolderObjectStore(workspace, bench.Time);
        using var sending = new SqliteMessageBus(busFile, bench.Time, bench.Ids);
        using var receiving = new SqliteMessageBus(busFile, bench.Time, bench.Ids);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var watch = new FileWatch("team", store, sending, bench.Ids, bench.Time, workspace, TimeSpan.FromHours(1), bench.Log).Run(stop.Token);
        var data = Path.Combine(workspace, "data");
        while (!Directory.Exists(data)) await Task.Delay(TimeSpan.FromMilliseconds(10), bench.Time, cancel);

        var body = new byte[2048];
        var put = await Hops("put", async path => await store.Put(path, body, cancel: cancel));
        var byHand = await Hops("hand", path => File.WriteAllBytesAsync(Path.Combine(workspace, path), body, cancel));
        var noticed = await Noticed(data, count, body);
        await stop.CancelAsync();
        await watch;

        // A file comes at any moment between two polls.
        var polled = new Samples(Enumerable.Range(0, 1000).Select(i => PollMinutes * 60_000 * (i + 0.5) / 1000));
        return
        [
            new("file put durably → durable event received", "ms", put, Row.P99, new("the system's callback alone", noticed)),
            new("file written by hand → durable event received", "ms", byHand, Row.P99,
                new($"a poll every {PollMinutes} minutes (computed)", polled)),
        ];

        async Task<Samples> Hops(string name, Func<string, Task> write)
        {
            List<double> hops = [];
            for (var i = -Math.Min(20, count); i < count; i++)
            {
                var path = $"data/{name}-{i}.csv";
                var began = Stopwatch.GetTimestamp();
                await write(path);
                await Receive(path);
                if (i >= 0) hops.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            return new(hops);
        }

        async Task Receive(string path)
        {
            while (true)
            {
                if (await receiving.Receive(QueueNames.FileEvents, TimeSpan.FromSeconds(30), cancel) is not { } received)
                {
                    throw new InvalidOperationException($"{path} was not announced");
                }

                await receiving.Complete(received, cancel);
                if (FileChanged.From(received.Message)?.Path == path) return;
            }
        }
    }

    private static async Task<Samples> Noticed(string data, int count, byte[] body)
    {
        using var watcher = new FileSystemWatcher(data);
        var noticed = new TaskCompletionSource<long>();
        watcher.Created += (_, _) => noticed.TrySetResult(Stopwatch.GetTimestamp());
        watcher.EnableRaisingEvents = true;
        List<double> times = [];
        for (var i = 0; i < count; i++)
        {
            noticed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            var began = Stopwatch.GetTimestamp();
            await File.WriteAllBytesAsync(Path.Combine(data, $"noticed-{i}"), body);
            times.Add(Stopwatch.GetElapsedTime(began, await noticed.Task).TotalMilliseconds);
        }

        return new(times);
    }
}
