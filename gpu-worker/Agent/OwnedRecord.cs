using Microsoft.Extensions.Logging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Agent;

/// <summary>An attempt's writes to its record. The first answer that says it was replaced fences the attempt.</summary>
sealed class OwnedRecord(
    RunQueue queue, IObjectStore store, RunRecord run, StopRequest stop, Retry retry, Shutdown shutdown, ILogger log) : IDisposable
{
    private readonly CancellationTokenSource mayWrite = CancellationTokenSource.CreateLinkedTokenSource(stop.Fenced, shutdown.OutOfTime);
    private readonly SemaphoreSlim writing = new(1);
    private string? etag;

    public int Epoch => run.Epoch;

    /// <summary>Ends when this attempt was replaced, or when the worker has run out of time.</summary>
    public CancellationToken MayWrite => mayWrite.Token;

    /// <summary>Applies an event as the owner; gets through or learns that it was replaced.</summary>
    /// <returns>False when fenced.</returns>
    /// <exception cref="OperationCanceledException">As <see cref="MayWrite"/>.</exception>
    public async Task<bool> Apply(RunEvent.Owned happened)
    {
        var change = await Execute(happened);
        if (change is { Run: not null, Decision: Decision.Illegal illegal }) log.Illegal(run.Id, happened.GetType().Name, illegal.Why);
        return Take(change);
    }

    /// <summary>The run as it goes on without a checkpoint that is not whole.</summary>
    /// <exception cref="OperationCanceledException">As <see cref="MayWrite"/>.</exception>
    public async Task<RunRecord> FallBack(CheckpointRef checkpoint, string why)
    {
        var change = await Execute(new RunEvent.FallBack(run.Epoch, checkpoint.Manifest, why));
        return Take(change) ? change.Run! : throw new OperationCanceledException(MayWrite);
    }

    private async Task<RunChange> Execute(RunEvent.Owned happened)
    {
        // One after another: writes of one process need not conflict with each other. Whoever holds it lets go when the token ends.
        await writing.WaitAsync();
        try
        {
            MayWrite.ThrowIfCancellationRequested();
            return await retry.Execute(() => queue.Apply(run.Id, happened, MayWrite), MayWrite, evenWhenFull: happened is RunEvent.Finish);
        }
        finally
        {
            writing.Release();
        }
    }

    /// <summary>The terminal write of the attempt, and what follows from it.</summary>
    public Task Finish(Ending ending) => Apply(new RunEvent.Finish(run.Epoch, ending));

    /// <summary>
    /// Looks whether somebody else wrote the record since this attempt last did, and if so what: a request to cancel, or a new owner.
    /// </summary>
    public async Task Look()
    {
        await writing.WaitAsync();
        try
        {
            MayWrite.ThrowIfCancellationRequested();
            var head = (await store.Head(WorkspacePaths.Run(run.Id), MayWrite)).Value;
            if (head is not null && head.ETag == etag) return;
            if (await new RunStore(store).Load(run.Id, MayWrite) is not { } loaded)
            {
                stop.Request(StopReason.Fenced);
                return;
            }

            etag = loaded.ETag;
            if (loaded.Run.Lease is null) stop.Request(StopReason.Fenced);
            Notice(loaded.Run);
        }
        finally
        {
            writing.Release();
        }
    }

    public void Dispose()
    {
        writing.Dispose();
        mayWrite.Dispose();
    }

    private bool Take(RunChange change)
    {
        if (change.Decision is Decision.Stale || change.Run is null)
        {
            stop.Request(StopReason.Fenced);
            return false;
        }

        if (change.Run is { } now) Notice(now);
        return true;
    }

    private void Notice(RunRecord now)
    {
        if (now.Epoch != run.Epoch) stop.Request(StopReason.Fenced);
        else if (now.Lease is not null && now.Cancel is not null) stop.Request(StopReason.Cancelled);
    }
}
