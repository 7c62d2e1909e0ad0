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
    /// <param name="needless">Cancelled when it needs not be done any more, unless it is under way.</param>
    /// <returns>False when fenced.</returns>
    /// <exception cref="OperationCanceledException">As <see cref="MayWrite"/>, and as <paramref name="needless"/>.</exception>
    public Task<bool> Apply(RunEvent.Owned happened, CancellationToken needless = default) => Apply(happened, whenFull: null, needless);

    /// <summary>The terminal write of the attempt, and what follows from it.</summary>
    /// <param name="whenFull">Makes room for it where there is none.</param>
    public Task Finish(Ending ending, Action whenFull) => Apply(new RunEvent.Finish(run.Epoch, ending), whenFull, CancellationToken.None);

    private async Task<bool> Apply(RunEvent.Owned happened, Action? whenFull, CancellationToken needless)
    {
        var change = await Execute(happened, whenFull, needless);
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

    private Task<RunChange> Execute(RunEvent.Owned happened, Action? whenFull = null, CancellationToken needless = default) => InTurn(
        () => retry.Execute(() => queue.Apply(run.Id, happened, MayWrite), MayWrite, whenFull), needless);

    /// <summary>
    /// Looks whether somebody else wrote the record since this attempt last did, and if so what: a request to cancel, or a new owner.
    /// </summary>
    /// <param name="needless">Cancelled when it needs not be done any more: behind the terminal write it would find this attempt's own end.</param>
    /// <exception cref="OperationCanceledException">As <see cref="MayWrite"/>, and as <paramref name="needless"/>.</exception>
    public Task Look(CancellationToken needless) => InTurn(async () =>
    {
        var head = (await store.Head(WorkspacePaths.Run(run.Id), MayWrite)).Value;
        if (head is not null && head.ETag == etag) return false;
        if (await new RunStore(store).Load(run.Id, MayWrite) is not { } loaded)
        {
            stop.Request(StopReason.Fenced);
            return true;
        }

        etag = loaded.ETag;
        if (loaded.Run.Lease is null) stop.Request(StopReason.Fenced);
        Notice(loaded.Run);
        return true;
    }, needless);

    /// <summary>The record cannot be read or written any more; the attempt ends without a word in it.</summary>
    public void GiveUp(string why)
    {
        log.GaveUp(run.Id, why);
        stop.Request(StopReason.Fenced);
    }

    public void Dispose()
    {
        writing.Dispose();
        mayWrite.Dispose();
    }

    // One after another: writes of one process need not conflict with each other.
    private async Task<T> InTurn<T>(Func<Task<T>> call, CancellationToken needless)
    {
        // With a token it would wait on another thread. Whoever has its turn ends it with the token.
        await writing.WaitAsync(CancellationToken.None);
        try
        {
            MayWrite.ThrowIfCancellationRequested();
            needless.ThrowIfCancellationRequested();
            return await call();
        }
        finally
        {
            writing.Release();
        }
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
