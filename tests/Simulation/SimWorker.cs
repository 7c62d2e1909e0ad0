using System.Text;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Agent;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;

namespace Serverless.Tests.Simulation;

/// <summary>A worker: all that takes and keeps runs is what workers execute. Only the code of its runs is <see cref="SimWork"/>.</summary>
sealed class SimWorker(SimWorld world, SimProcess process, IObjectStore store, IMessageBus bus, IIds ids)
{
    /// <summary>Returns when it has left.</summary>
    public async Task Work()
    {
        var options = new AgentOptions
        {
            Scratch = "none", Machine = "cpu", Id = process.Name, Lease = world.LeaseLength, Watch = world.LeaseLength / world.Random.Next(3, 5),
            Lifetime = world.Random.Next(4) == 0 ? process.Seconds(600) : null,
            ExitWhenIdle = world.Random.Next(4) == 0 ? process.Seconds(300) : null,
        };
        var log = new SimLog(world, process);
        using var shutdown = new Shutdown(options.DrainsAfter, process.Time);
        process.Leave = shutdown.Drain;
        using var leaving = shutdown.Draining.Register(() => process.IsLeaving = true);
        var retry = new Retry(process.Time, log);
        var wakes = new WakeHandler(
            options, new SimWorkspaces(store), bus, ids, process.Time, retry, shutdown,
            claimed => Task.FromResult<IAttemptWork>(new SimWork(world, process, claimed, shutdown, retry)), _ => { }, log);
        await new WakeLoop(options, bus, wakes, process.Time, shutdown, () => { }, () => null, log).Run();
    }
}

/// <summary>
/// The work of an attempt whose code computes by waiting: a step now and then, each with a line, a point and a checkpoint. They are collected as
/// they come, by what collects the log and the metrics of any code.
/// </summary>
sealed class SimWork : IAttemptWork
{
    public const string Metric = "loss";

    private readonly SimWorld world;
    private readonly SimProcess process;
    private readonly IObjectStore store;
    private readonly OwnedRecord record;
    private readonly StopRequest stop;
    private readonly Shutdown shutdown;
    private readonly Retry retry;
    private readonly LogCollector log;
    private readonly MetricStreamWriter metrics;
    private readonly List<string> kept = [];
    private RunRecord run;
    private long step;

    public SimWork(SimWorld world, SimProcess process, ClaimedRun claimed, Shutdown shutdown, Retry retry)
    {
        (this.world, this.process, this.shutdown, this.retry) = (world, process, shutdown, retry);
        (store, run, record, stop) = claimed;
        log = new(
            new(store, segment => WorkspacePaths.LogSegment(run.Id, run.Epoch, segment), retry), new PrintedPoints(process.Time), process.Time,
            AgentOptions.DefaultLogLimit);
        metrics = new(new(store, segment => WorkspacePaths.MetricsSegment(run.Id, run.Epoch, segment), retry));
        world.WorkerLaws.Begins(process, run);
        stop.Fenced.Register(() => world.WorkerLaws.IsFenced(process));
    }

    public IReadOnlyDictionary<string, double> Latest => new Dictionary<string, double> { [Metric] = step };
    public long? Step => step;
    public StreamCursor MetricsEnd => metrics.End;
    public StreamCursor LogEnd => log.End;

    /// <summary>What the code prints at a step.</summary>
    public static string Line(long step) => $"step {step}\n";

    public async Task<Ending?> Execute()
    {
        Cause cause;
        try
        {
            await Prepare();
            cause = await Compute();
        }
        catch (OperationCanceledException)
        {
            if (stop.Reason is not (StopReason.Cancelled or StopReason.Preempted)) return null;
            cause = stop.Reason == StopReason.Cancelled ? Cause.Cancelled : Cause.Preempted;
        }

        if (stop.Fenced.IsCancellationRequested) return null;
        if (shutdown.Draining.IsCancellationRequested) shutdown.LimitLastWrites();
        log.Close();
        await Collect();
        var outputs = cause == Cause.Completed ? WorkspacePaths.OutputManifest(run.Id, run.Epoch) : null;
        if (outputs is not null) await Store(outputs, new OutputManifest([], []), PutCondition.Always);
        return new(
            cause, ExitCode: cause == Cause.Completed ? 0 : 1, Outputs: outputs, Metrics: MetricsEnd, Logs: LogEnd, Values: Latest, Step: step);
    }

    public void GiveRoom()
    {
    }

    public void Dispose()
    {
        world.WorkerLaws.IsOver(process);
        log.Dispose();
    }

    private async Task Prepare()
    {
        await Pause(5);
        while (run.Head is { } head && world.Random.Next(20) == 0) run = await record.FallBack(head, "it is not whole");
        step = run.Head?.Step ?? 0;
        kept.AddRange(run.Checkpoints.Select(checkpoint => checkpoint.Manifest));
    }

    private async Task<Cause> Compute()
    {
        // As in any run: the code does not wait until the record says that it runs.
        var starting = record.Apply(new RunEvent.Start(run.Epoch));
        try
        {
            // Some code is silent for longer than a lease lasts.
            var (steps, longest) = world.Random.Next(5) == 0 ? (world.Random.Next(3), 60) : (world.Random.Next(6), 8);
            for (; steps > 0; steps--)
            {
                await Pause(longest);
                step++;
                log.Write(Encoding.UTF8.GetBytes(Line(step)));
                metrics.Add(new(Metric, step, step, process.Time.GetUtcNow().ToUnixTimeMilliseconds() * 1000));
                await Collect();
                await Commit();
            }
        }
        finally
        {
            await starting;
        }

        return world.Random.Next(10) switch
        {
            0 => Cause.UserCode,
            1 => Cause.WorkerLost,
            2 => Cause.OutOfMemory,
            3 => Cause.Build,
            _ => Cause.Completed,
        };
    }

    private async Task Collect()
    {
        await log.Flush(record.MayWrite);
        await metrics.Flush(record.MayWrite);
    }

    private async Task Commit()
    {
        var manifest = WorkspacePaths.CheckpointManifest(run.Id, run.Epoch, step);
        await Store(manifest, new CheckpointManifest(step, run.Epoch, []), PutCondition.IfAbsent);
        kept.Add(manifest);
        if (kept.Count > 2) kept.RemoveAt(0);
        var made = new CheckpointRef(run.Epoch, step, manifest, 0, process.Time.GetUtcNow(), MetricsEnd, LogEnd, Latest);
        await record.Apply(new RunEvent.Commit(run.Epoch, made, [.. kept]));
    }

    private Task<PutResult> Store<T>(string key, T value, PutCondition condition) =>
        retry.Execute(() => store.PutJson(key, value, condition, cancel: record.MayWrite), record.MayWrite);

    private Task Pause(double most) => Task.Delay(process.Seconds(most), process.Time, stop.Asked);
}
