using Microsoft.Extensions.Logging;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Telemetry;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Agent;

/// <summary>The code of a run: prepared, executed in a process of its own, and what it makes collected.</summary>
sealed class CodeWork : IAttemptWork
{
    private readonly AgentOptions options;
    private readonly IObjectStore store;
    private readonly RunRecord run;
    private readonly TimeProvider time;
    private readonly Preparation preparation;
    private readonly RunnerPool pool;
    private readonly Shutdown shutdown;
    private readonly Retry retry;
    private readonly ILogger worker;
    private readonly StopRequest stop;
    private readonly OwnedRecord record;
    private readonly IDisposable? entered;
    private readonly OwnFolder own;
    private readonly WorkFolder folder;
    private readonly LogCollector log;
    private readonly Omissions omissions;
    private readonly MetricCollector metrics;

    /// <param name="own">The worker's own folder.</param>
    /// <param name="entered">Disposed at the end, when no code of the run is at work any more; null: nothing is to be.</param>
    public CodeWork(
        AgentOptions options, OwnFolder own, ClaimedRun claimed, TimeProvider time, Preparation preparation, RunnerPool pool, Shutdown shutdown,
        Retry retry, IDisposable? entered, ILogger worker)
    {
        (store, run, record, stop) = claimed;
        (this.options, this.time, this.preparation, this.pool, this.shutdown, this.retry, this.entered, this.worker) =
            (options, time, preparation, pool, shutdown, retry, entered, worker);
        this.own = own;
        folder = new(own, Path.Combine(own.Path, "work", $"{run.Id}-{run.Epoch}"), worker);
        var printed = new PrintedPoints(time, patterns: run.Spec.MetricPatterns is { Count: > 0 } patterns ? new(patterns) : null);
        log = new(new(store, segment => WorkspacePaths.LogSegment(run.Id, run.Epoch, segment), retry), printed, time, options.LogLimitBytes);
        omissions = new(log.Say);
        metrics = new(
            folder, new(store, segment => WorkspacePaths.MetricsSegment(run.Id, run.Epoch, segment), retry), log, printed, time,
            MetricOrder.Of(run.Spec));
    }

    public IReadOnlyDictionary<string, double> Latest => metrics.Latest;
    public long? Step => metrics.Step;
    public StreamCursor MetricsEnd => metrics.End;
    public StreamCursor LogEnd => log.End;

    public async Task<Ending?> Execute()
    {
        Prepared prepared;
        try
        {
            using var span = Tracing.Source.StartActivity("prepare");
            await Carry(run, stop.Asked);
            prepared = await retry.Execute(
                () => preparation.Prepare(store, run, folder.Emptied(), options.Device, log, omissions, stop, FallBack), stop.Asked);
        }
        catch (Exception problem) when (Explain(problem) is { } explained)
        {
            return await EndEarly(explained.Cause, explained.Message);
        }
        catch (OperationCanceledException)
        {
            return stop.Reason switch
            {
                StopReason.Cancelled => await EndEarly(Cause.Cancelled, "cancelled on request"),
                StopReason.Preempted => await EndEarly(Cause.Preempted, "the worker had to leave"),
                StopReason.StorageFull => await EndEarly(Cause.StorageFull, "there is no room left for the run's files"),
                _ => null,
            };
        }

        try
        {
            using var span = Tracing.Source.StartActivity("code");
            using var outputs = new OutputCollector(store, prepared.Run, folder.OutputItself, omissions, retry);
            outputs.Carry(await EarlierOutputs(prepared.Run));
            var ending = await new CodeRun(
                store, prepared.Run, folder, prepared, log, metrics, outputs, omissions, record, retry, stop, time, pool, shutdown, worker).Execute();
            return ending is { Cause: Cause.Completed or Cause.UserCode } && !Directory.Exists(own.Path) ? WithoutFolder() : ending;
        }
        catch (RunnerStartException refused)
        {
            return await EndEarly(Cause.WorkerLost, refused.Message);
        }
    }

    // Whatever the code came to: what it had left is gone, or it died of that.
    private Ending WithoutFolder() => new(
        Cause.WorkerLost, "the worker's folder was removed while the run used it", Metrics: metrics.End, Logs: log.End, LeftOut: omissions.Summary);

    public void GiveRoom() => folder.Dispose();

    public void Dispose()
    {
        folder.Dispose();
        metrics.Dispose();
        log.Dispose();
        entered?.Dispose();
    }

    private async Task<RunRecord> FallBack(CheckpointRef checkpoint, string why)
    {
        log.Say($"the checkpoint of step {checkpoint.Step} is not whole: {why}");
        var goesOn = await record.FallBack(checkpoint, why);
        await Carry(goesOn, stop.Asked);
        return goesOn;
    }

    private async Task<IReadOnlyList<KeptOutput>> EarlierOutputs(RunRecord goesOn)
    {
        try
        {
            return await retry.Execute(() => EarlierAttempt.Outputs(store, goesOn, record.MayWrite), record.MayWrite);
        }
        catch (InvalidDataException damaged)
        {
            omissions.Add(ContractNames.Artifacts, $"what earlier attempts had left by the checkpoint is not known: {damaged.Message}");
            return [];
        }
    }

    private async Task Carry(RunRecord goesOn, CancellationToken cancel) =>
        metrics.Carry(
            await retry.Execute(() => EarlierAttempt.PointsAround(store, goesOn, cancel), cancel), new(store, goesOn, retry, record.MayWrite));

    private async Task<Ending> EndEarly(Cause cause, string message)
    {
        if (shutdown.Draining.IsCancellationRequested) shutdown.LimitLastWrites();
        log.Close();
        if (cause is not Cause.Build) log.Say(message);
        await metrics.Collect(atEnd: true, record.MayWrite);
        await log.Flush(record.MayWrite);
        return new(cause, message, Metrics: metrics.End, Logs: log.End, LeftOut: omissions.Summary);
    }

    private static (Cause Cause, string Message)? Explain(Exception problem) => problem switch
    {
        PreparationException known => (known.Cause, known.Message),
        RunnerStartException refused => (Cause.WorkerLost, refused.Message),
        StoreFullException or IOException { HResult: Native.NoSpaceLeft } =>
            (Cause.StorageFull, $"there is no room left for the run's files: {problem.Message}"),
        StoreUnavailableException or OperationCanceledException => null,
        // Nothing of the run's making can be told from here, so it counts as this worker's failure: another try, within the budget for lost workers.
        _ => (Cause.WorkerLost, $"the worker could not prepare the run: {FaultText.Of(problem)}"),
    };
}
