using Microsoft.Extensions.Logging;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Plain;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Agent;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Measure;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Execute;

/// <summary>
/// Runs prepared code and collects what it makes while it runs, each kind of output at its own pace, none of them in the code's way.
/// </summary>
/// <param name="worker">The log of this worker.</param>
sealed class CodeRun(
    IObjectStore store, RunRecord run, WorkFolder folder, Prepared prepared, LogCollector log, MetricCollector metrics, OutputCollector outputs,
    Omissions omissions, OwnedRecord record, Retry retry, StopRequest stop, TimeProvider time, RunnerPool pool, Shutdown shutdown, ILogger worker)
{
    /// <summary>
    /// Soon at first, when somebody is likely to watch; a run of hours is looked at once a second, which costs it nothing that can be measured.
    /// </summary>
    private static readonly TimeSpan CollectFirst = TimeSpan.FromMilliseconds(200), CollectSoonest = TimeSpan.FromMilliseconds(50),
        CollectEvery = TimeSpan.FromSeconds(1), OutputsEvery = TimeSpan.FromSeconds(2);

    /// <summary>Then its log says that the GPU idles.</summary>
    private static readonly TimeSpan IdleSaid = TimeSpan.FromMinutes(15);

    private const string SystemMetrics = "system metrics";

    /// <summary>The marker of a checkpoint was printed before its folder got its name; this is only about reading it.</summary>
    private static readonly TimeSpan MarkerPatience = TimeSpan.FromSeconds(2);

    /// <summary>How programs that end by themselves say it: libtorch, the C library, Python.</summary>
    private static readonly string[] OutOfMemoryPhrases =
    [
        "out of memory", "can't allocate memory", "cannot allocate memory", "memory exhausted", "MemoryError",
    ];

    private readonly CheckpointCollector checkpoints = new(
        store, run, folder.OutputItself, prepared.Known, omissions, retry, time, () => new(metrics.Collected, log.KeptBytes),
        async (save, info, cancel) =>
        {
            if (info is not null)
            {
                var wait = info.Marker is null ? TimeSpan.Zero : MarkerPatience;
                var saved = await metrics.PlaceOf(info.MetricsBytes, save.Step, cancel);
                return new(saved, null, await log.PlaceOf(info.Marker ?? "", wait, time, cancel), info.Metrics);
            }

            var (end, latest) = await metrics.PlaceOf(save, cancel);
            return new(save.Before.Metrics, end, await log.PlaceOf(save, cancel), latest);
        },
        outputs.KeepAll, (made, stay) => record.Apply(new RunEvent.Commit(run.Epoch, made, stay)));

    private bool saidIdle;

    /// <returns>Null when another worker has the run.</returns>
    public async Task<Ending?> Execute()
    {
        using var runner = pool.Take(prepared.RunnerKind);
        var pump = LogPump.Start(runner.Output, log);
        metrics.NoteGiven();
        runner.Assign(prepared.Assignment);
        _ = Task.Run(() => pool.Refill(prepared.RunnerKind));
        using var over = new CancellationTokenSource();
        var measured = new SegmentWriter(store, segment => WorkspacePaths.MachineSegment(run.Id, run.Epoch, segment), retry);
        var monitor = new SystemMonitor(measured, runner.Processes, folder.Root, Gpus.Here, run.Started ?? time.GetUtcNow(), time);
        Task[] collecting =
        [
            Start(),
            Guard(() => omissions.Guard(SystemMetrics, isLast: true, () => monitor.Run(Look, over.Token, record.MayWrite))),
            Repeat("metrics", CollectStreams, CollectEvery, over.Token, () => metrics.Filling),
            Repeat(ContractNames.Checkpoints, () => checkpoints.Collect(atEnd: false, record.MayWrite), CollectEvery, over.Token),
            Repeat(ContractNames.Artifacts, () => outputs.UploadSettled(record.MayWrite), OutputsEvery, over.Token),
        ];
        var end = await new Execution(runner, time, log.Say).Wait(stop, run.Spec.Timeout, run.Spec.Grace);
        if (shutdown.Draining.IsCancellationRequested) shutdown.LimitLastWrites();
        await pump.Drained();
        await over.CancelAsync();
        await Task.WhenAll(collecting);
        return end.Stopped == StopReason.Fenced || stop.Fenced.IsCancellationRequested ? null : await Conclude(end, monitor);
    }

    private async Task<Ending> Conclude(ExecutionEnd end, SystemMonitor monitor)
    {
        log.Close();
        var (cause, message) = end.Explain(run.Spec.Timeout);
        if (end.Stopped is null && end.Report is null && cause == Cause.UserCode)
        {
            if (log.LastLineHas("No space left on device")) cause = Cause.DiskFull;
            else if (OutOfMemoryPhrases.Any(log.LastLineHas)) cause = Cause.OutOfMemory;
            message += log.LastLineClause();
        }

        if (end.LeftBehind > 0) log.Say($"ended {end.LeftBehind} {(end.LeftBehind == 1 ? "process" : "processes")} that the code had left running");
        if (cause != Cause.Completed) log.Say($"{message}");
        var changes = folder.Changes();
        foreach (var change in changes)
        {
            log.Say($"changed while the run used it, by this run or another one: {change}; later runs get it as it was, "
                + "and this run's result is not given back to later submissions");
            worker.ChangedMeanwhile(run.Id, change);
        }

        string? manifest = null;
        if (folder.FindOutput() is { } lost) omissions.Add(ContractNames.Output, lost);
        try
        {
            await Last("metrics", () => metrics.Collect(atEnd: true, record.MayWrite));
            await Last(SystemMetrics, () => monitor.Flush(record.MayWrite));
            await Last(ContractNames.MetricsJsonl, () => Look(ContractNames.MetricsJsonl));
            await Last(ContractNames.MetricsBinary, () => Look(ContractNames.MetricsBinary));
            await Last(ContractNames.Checkpoints, () => checkpoints.Collect(atEnd: true, record.MayWrite));
            await Last(ContractNames.Checkpoints, () => checkpoints.SweepAll(record.MayWrite));
            await Last(ContractNames.Artifacts, async () => manifest = await outputs.Finish(publish: cause == Cause.Completed, record.MayWrite));
            await log.Flush(record.MayWrite);
        }
        catch (Exception full) when (full is StoreFullException or IOException { HResult: Native.NoSpaceLeft })
        {
            // The record needs room too, and so does the log: the run's own files make it.
            (cause, message) = (Cause.StorageFull, $"there is no room left for what the run made: {full.Message}");
            folder.Dispose();
            log.Say(message);
            await retry.Execute(FlushLog, record.MayWrite, whenFull: folder.Dispose);
        }

        var latest = metrics.Latest;
        return new(cause, message, end.ExitCode, manifest, metrics.End, log.End, latest.Count > 0 ? latest : null, metrics.Step, omissions.Summary,
            changes.Count > 0 ? changes[0] : null);
    }

    // A GPU that waits costs as much as one that works.
    private void Look(SystemMonitor seen)
    {
        if (seen.GpusIdle is not { } idle) saidIdle = false;
        else if (idle >= run.Spec.GpuIdleTimeout) stop.Request(StopReason.GpuIdle);
        else if (idle >= IdleSaid && !saidIdle)
        {
            saidIdle = true;
            log.Say($"no GPU of this machine has done anything for {IdleSaid.TotalMinutes:0} minutes; gpuIdleTimeout in the spec ends such runs");
        }
    }

    private Task Last(string what, Func<Task> collect) => omissions.Guard(what, isLast: true, collect);

    // What is wrong with a file of metrics, which whoever reads it as it grows keeps to itself.
    private Task Look(string file)
    {
        PlainFile.Open(folder.OutputItself, file)?.Dispose();
        return Task.CompletedTask;
    }

    private async Task<bool> FlushLog()
    {
        await log.Flush(record.MayWrite);
        return true;
    }

    private Task Start() => Guard(async () => await record.Apply(new RunEvent.Start(run.Epoch)));

    private async Task CollectStreams()
    {
        await log.Flush(record.MayWrite);
        await metrics.Collect(atEnd: false, record.MayWrite);
    }

    /// <param name="sooner">Ends a pause.</param>
    private Task Repeat(string what, Func<Task> collect, TimeSpan every, CancellationToken over, Func<Task>? sooner = null) => Guard(async () =>
    {
        for (var wait = CollectFirst; ; wait = wait * 1.1 < every ? wait * 1.1 : every)
        {
            var pause = Task.Delay(wait, time, over);
            await (sooner is null ? pause : await Task.WhenAny(pause, Task.WhenAll(sooner(), Task.Delay(CollectSoonest, time, over))));
            folder.FindOutput();
            await omissions.Guard(what, isLast: false, collect);
        }
    });

    // Collecting that cannot go on ends the code: what it computes would be lost.
    private async Task Guard(Func<Task> work)
    {
        try
        {
            await Task.Run(work);
        }
        catch (OperationCanceledException)
        {
            // The code ended, or the attempt was replaced.
        }
        catch (Exception full) when (full is StoreFullException or IOException { HResult: Native.NoSpaceLeft })
        {
            stop.Request(StopReason.StorageFull);
        }
        catch (Exception trouble)
        {
            log.Say($"collecting the run's files failed: {trouble.Message}");
            stop.Request(StopReason.WorkerFailed);
        }
    }
}
