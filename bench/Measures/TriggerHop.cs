using System.Diagnostics;
using System.Text;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Bench.Measures;

/// <summary>
/// From the end of a run, or a file's event, in one process to the receipt of the follow-on's wake in
/// another: the trigger found, its record, the run and the wake all durable.
/// </summary>
sealed class TriggerHop : IMeasure
{
    private const int PollMinutes = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), Lease = TimeSpan.FromMinutes(10);

    public string Name => "triggers";
    public string What => "a run ends or a file changes, the follow-on is queued";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        var count = bench.Times(200, 5);
        await using var platform = await Platform.ApiAlone(bench.NewFolder("triggers"), cancel);
        var snapshot = await Scripts.Put(platform.Api, "tiny.cs", cancel);
        await platform.Api.PutTrigger("after-run",
            Trigger("after-run", new { run = new { project = "bench", experiment = "tiny" } }, new { after = "${run.id}" }, null), cancel);
        await platform.Api.PutTrigger("after-file", Trigger("after-file", new { file = "data/in/**" }, new { path = "${event.path}" }, "0s"), cancel);

        using var bus = new SqliteMessageBus(Path.Combine(platform.Folder, "bus", "bus.db"), bench.Time, bench.Ids);
        IObjectStore store = new FolderObjectStore(Path.Combine(platform.Folder, LocalWorkspaces.Default), bench.Time);
        var worker = new RunQueue(LocalWorkspaces.Default, store, bus, bench.Ids);
        var afterRun = await Hops(count, async i =>
        {
            var run = await platform.Api.Submit(Api.Spec(snapshot, "tiny.cs", new { i }), cancel);
            await Woken();
            await worker.Apply(run, new RunEvent.Claim("bench", Lease), cancel);
            return () => worker.Apply(run, new RunEvent.Finish(1, new(Cause.Completed)), cancel);
        });
        var afterFile = await Hops(
            count, i => Task.FromResult<Func<Task>>(() => store.Put($"data/in/{i}.csv", Encoding.UTF8.GetBytes($"{i}"), cancel: cancel)));

        // A cause comes at any moment between two polls.
        var polled = new Samples(Enumerable.Range(0, 1000).Select(i => PollMinutes * 60_000 * (i + 0.5) / 1000));
        var beside = new Baseline($"a poll every {PollMinutes} minutes (computed)", polled);
        return [new("run ends → follow-on queued, another process has its wake", "ms", afterRun, Row.P95, beside, new(20)),
            new("file put → follow-on queued", "ms", afterFile, Row.P95, beside)];

        object Trigger(string name, object when, object parameters, string? debounce) => new
        {
            name, when, limits = new { perHour = 1000, debounce },
            then = new { project = "bench", name = $"follows-{name}", code = new { snapshot }, command = "tiny.cs", @params = parameters },
        };

        async Task<Samples> Hops(int times, Func<int, Task<Func<Task>>> prepare)
        {
            List<double> hops = [];
            for (var i = -Math.Min(10, times); i < times; i++)
            {
                var happens = await prepare(i);
                var began = Stopwatch.GetTimestamp();
                await happens();
                await Woken();
                if (i >= 0) hops.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            return new(hops);
        }

        async Task Woken()
        {
            var wake = await bus.Receive(QueueNames.ForMachine("cpu"), Patience, cancel) ?? throw new InvalidOperationException("nothing was queued");
            await bus.Complete(wake, cancel);
        }
    }
}
