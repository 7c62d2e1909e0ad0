using Serverless.Core.Api;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.GpuWorker.Agent;

/// <summary>Keeps <c>workers/{id}.json</c>: what people see of a worker. No decision depends on it.</summary>
sealed class WorkerCard(AgentOptions options, IObjectStore store, TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource ended = new();
    private readonly DateTimeOffset started = time.GetUtcNow();
    private Task writing = Task.CompletedTask;

    /// <summary>What it works on.</summary>
    public string? Run { get; set; }

    public void Start() => writing = Task.Run(Write);

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await writing;
        await Try(() => store.Delete(WorkspacePaths.Worker(options.Id)));
        ended.Dispose();
    }

    private async Task Write()
    {
        while (!ended.IsCancellationRequested)
        {
            var info = new WorkerInfo(
                options.Id, options.Machine, Environment.MachineName, Environment.ProcessId, Environment.ProcessorCount,
                GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, options.Device, Run, options.Heartbeat, started);
            await Try(() => store.PutJson(WorkspacePaths.Worker(options.Id), info, cancel: ended.Token));
            await Try(() => Task.Delay(options.Heartbeat, time, ended.Token));
        }
    }

    // The next heartbeat says it again.
    private static async Task Try(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (Exception missed) when (missed is IOException or OperationCanceledException)
        {
        }
    }
}
