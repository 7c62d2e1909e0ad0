using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// What one wake comes to: a claim and an attempt, or nothing. Without the store nothing is known of the run, so a wake waits for it, under its lock.
/// </summary>
/// <param name="begin">What an attempt at a claimed run executes.</param>
/// <param name="working">Hears which run is worked on; null: none.</param>
sealed class WakeHandler(
    AgentOptions options, IWorkspaces workspaces, IMessageBus bus, IIds ids, TimeProvider time, Retry retry, Shutdown shutdown,
    Func<ClaimedRun, Task<IAttemptWork>> begin, Action<string?> working, ILogger log)
{
    public async Task Handle(ReceivedMessage message)
    {
        if (RunWake.From(message.Message) is not { } wake
            || WorkspaceName.Problem(wake.Workspace) is not null || ObjectKey.Problem(WorkspacePaths.Run(wake.Run)) is not null)
        {
            await bus.DeadLetter(message, "not a wake for a run");
            return;
        }

        await using (new MessageLock(bus, message, time, log))
        {
            var store = workspaces.Open(wake.Workspace);
            var queue = new RunQueue(wake.Workspace, store, bus, ids, log);
            RunChange change;
            try
            {
                var claim = new RunEvent.Claim(options.Id, options.Lease, ids.Nonce());
                change = await retry.Execute(() => queue.Apply(wake.Run, claim), shutdown.Draining);
            }
            catch (OperationCanceledException)
            {
                await bus.Abandon(message);
                throw;
            }
            catch (Exception unreadable) when (unreadable is DamagedRecordException or ArgumentException)
            {
                await queue.DeadLetter(
                    message, unreadable is DamagedRecordException
                        ? unreadable.Message
                        : $"{WorkspacePaths.Run(wake.Run)} cannot be read: {unreadable.Message}");
                return;
            }

            await Work(change, store, queue);
        }

        await retry.Execute(() => bus.Complete(message), shutdown.OutOfTime);
    }

    private async Task Work(RunChange change, IObjectStore store, RunQueue queue)
    {
        switch (change)
        {
            case { Decision: Decision.Illegal { TryAgainAt: { } again }, Run: { } run }:
                // Somebody has it, or it backs off. Should they vanish, this wake is there when the lease ends.
                await retry.Execute(() => Wake(run, again > change.Now ? again - change.Now : TimeSpan.Zero), shutdown.OutOfTime);
                break;
            case { Moved: true, Run: { State.IsTerminal: false } run }:
                working(run.Id);
                try
                {
                    using var stop = new StopRequest();
                    using var record = new OwnedRecord(queue, store, run, stop, retry, shutdown, log);
                    var claimed = new ClaimedRun(store, run, record, stop);
                    using var work = await begin(claimed);
                    await new Attempt(options, claimed, work, time, shutdown, log).Execute();
                }
                finally
                {
                    working(null);
                }

                break;
        }

        async Task<bool> Wake(RunRecord run, TimeSpan delay)
        {
            await queue.Wake(run, delay);
            return true;
        }
    }
}
