using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Telemetry;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Agent;

/// <summary>One claimed run up to its terminal write: its lease is renewed while the work goes on, and its record hears how that ended.</summary>
sealed class Attempt(AgentOptions options, ClaimedRun claimed, IAttemptWork work, TimeProvider time, Shutdown shutdown, ILogger log)
{
    public async Task Execute()
    {
        var (_, run, record, stop) = claimed;
        using var span = Tracing.Start("attempt", run.Trace, ActivityKind.Consumer)?.SetTag(Tracing.Run, run.Id)
            .SetTag(Tracing.Experiment, $"{run.Project}/{run.Experiment}").SetTag(Tracing.Attempt, run.Epoch).SetTag(Tracing.Worker, options.Id);
        using var preempt = shutdown.Draining.Register(() => stop.Request(StopReason.Preempted));
        using var over = new CancellationTokenSource();
        var heartbeat = new Heartbeat(record, work, options, time, log).Run(over.Token);
        try
        {
            if (await work.Execute() is not { } ending) return;
            await record.Finish(ending, work.GiveRoom);
            span?.SetTag(Tracing.Cause, EnumNames.Of(ending.Cause));
            if (ending.Cause != Cause.Completed) span.Fail(ending.Message ?? EnumNames.Of(ending.Cause));
        }
        catch (KeyConflictException obstacle)
        {
            // Something that is not the platform's stands where the run's results belong: another try would meet it again.
            var message = $"{obstacle.Message}: move it away, then: exp rerun";
            await record.Finish(new(Cause.Invalid, message, Metrics: work.MetricsEnd, Logs: work.LogEnd), work.GiveRoom);
            span.Fail(message);
        }
        catch (StreamTakenException taken)
        {
            // Nothing is wrong with this worker. The next attempt has a stream of its own.
            var message = $"its worker could not go on: {taken.Message}";
            await record.Finish(new(Cause.WorkerLost, message, Metrics: work.MetricsEnd, Logs: work.LogEnd), work.GiveRoom);
            log.GaveUp(run.Id, taken.Message);
            span.Fail(message);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            // A fault of this worker's: another try, within the budget for lost workers, and not after a whole lease.
            var message = $"the worker failed: {FaultText.Of(fault)}";
            await record.Finish(new(Cause.WorkerLost, message, Metrics: work.MetricsEnd, Logs: work.LogEnd), work.GiveRoom);
            log.Faulted(fault, run.Id);
            span.Fail(message);
            throw;
        }
        catch (OperationCanceledException) when (stop.Fenced.IsCancellationRequested || shutdown.OutOfTime.IsCancellationRequested)
        {
            // Replaced, or out of time: whoever takes the run next goes on from its last checkpoint.
        }
        finally
        {
            // Not CancelAsync, neither here nor elsewhere in what takes and keeps runs: none of that needs a second thread.
            over.Cancel();
            await heartbeat;
        }
    }
}
