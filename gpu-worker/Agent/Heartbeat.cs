using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Messaging;
using Serverless.GpuWorker.Collect;

namespace Serverless.GpuWorker.Agent;

/// <summary>Renews the lease, tells how far the run is, and sees what others wrote: a cancel request, or that the run was taken away.</summary>
sealed class Heartbeat(OwnedRecord record, MetricCollector metrics, AgentOptions options, TimeProvider time)
{
    public async Task Run(CancellationToken cancel)
    {
        try
        {
            var renewed = time.GetTimestamp();
            while (true)
            {
                await Task.Delay(options.Watch, time, cancel);
                if (time.GetElapsedTime(renewed) < options.Heartbeat)
                {
                    await Look();
                    continue;
                }

                renewed = time.GetTimestamp();
                var latest = metrics.Latest;
                if (!await record.Apply(new RunEvent.Renew(record.Epoch, latest.Count > 0 ? latest : null, metrics.Step))) return;
            }
        }
        catch (OperationCanceledException)
        {
            // The attempt is over, or was replaced.
        }
        catch (StoreFullException)
        {
            // Whoever has files to store says so.
        }
    }

    private async Task Look()
    {
        try
        {
            await record.Look();
        }
        catch (Exception unreachable) when (unreachable is StoreUnavailableException or BusUnavailableException)
        {
            // What cannot be seen now is seen by a later look; until then the code computes on.
        }
    }
}
