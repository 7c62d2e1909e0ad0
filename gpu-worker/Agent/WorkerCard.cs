using Microsoft.Extensions.Logging;
using Serverless.Core.Storage;
using Serverless.Core.Workers;
using Serverless.Core.Workspaces;

namespace Serverless.GpuWorker.Agent;

/// <summary>Keeps <c>workers/{id}.json</c>: what people see of a worker. No decision depends on it.</summary>
/// <param name="noGroups">Why its runs have no control groups; null: they have.</param>
sealed class WorkerCard(AgentOptions options, IObjectStore store, TimeProvider time, string? noGroups, ILogger log) : IAsyncDisposable
{
    private readonly CancellationTokenSource ended = new();
    private readonly DateTimeOffset started = time.GetUtcNow();
    private Task writing = Task.CompletedTask;

    /// <summary>What it works on.</summary>
    public string? Run { get; set; }

    public void Start() => writing = Task.Run(() =>
        new PeriodicTask("showing this worker to people", time, log)
            .Run(Write, options.Heartbeat, 10 * options.Heartbeat, ended.Token, atOnce: true));

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await writing;
        try
        {
            await store.Delete(WorkspacePaths.Worker(options.Id));
        }
        catch (Exception)
        {
            // People see for how long it has been silent.
        }

        ended.Dispose();
    }

    private async Task<bool> Write()
    {
        var info = new WorkerInfo(
            options.Id, options.Machine, Environment.MachineName, Environment.ProcessId, Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, options.Device, Run, options.Heartbeat, started, NoControlGroups: noGroups);
        await store.PutJson(WorkspacePaths.Worker(options.Id), info, cancel: ended.Token);
        return true;
    }
}
