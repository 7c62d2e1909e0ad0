using Microsoft.Extensions.Logging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// Renews the lease, tells how far the run is, and sees what others wrote: a cancel request, or that the run was taken away. It goes on whatever
/// happens: an owner that falls silent is replaced, and then two compute the same.
/// </summary>
sealed class Heartbeat(OwnedRecord record, IAttemptWork work, AgentOptions options, TimeProvider time, ILogger log)
{
    private long renewed = time.GetTimestamp();

    /// <param name="over">The end of the attempt.</param>
    public async Task Run(CancellationToken over)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(over, record.MayWrite);
        await new PeriodicTask("renewing the lease", time, log)
            .Run(() => Turn(ended.Token), options.Watch, options.Heartbeat, ended.Token);
    }

    private async Task<bool> Turn(CancellationToken ended)
    {
        try
        {
            if (time.GetElapsedTime(renewed) >= options.Heartbeat) return await Renew(ended);
            await record.Look(ended);
            return true;
        }
        catch (DamagedRecordException damaged) when (time.GetElapsedTime(renewed) > options.Lease)
        {
            // Nothing that the code makes can be stored any more, and nobody could cancel it: others wait for this worker.
            record.GiveUp(damaged.Message);
            return false;
        }
    }

    private async Task<bool> Renew(CancellationToken ended)
    {
        var latest = work.Latest;
        var began = time.GetTimestamp();
        var renew = new RunEvent.Renew(record.Epoch, latest.Count > 0 ? latest : null, work.Step);
        if (!await record.Apply(renew, ended)) return false;
        renewed = began;
        return true;
    }
}
