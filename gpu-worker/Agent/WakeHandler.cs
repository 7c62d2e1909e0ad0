using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Agent;

/// <summary>
/// What one wake comes to: a claim and an attempt, or nothing. Without the store nothing is known of the run, so a wake waits for it, under its lock.
/// </summary>
/// <param name="user">Whom code runs as; null: as this process does.</param>
sealed class WakeHandler(
    AgentOptions options, OwnFolder folder, IWorkspaces workspaces, IMessageBus bus, IIds ids, TimeProvider time, Preparation preparation,
    RunnerPool pool, Shutdown shutdown, WorkerCard card, CodeUser? user, ILogger log)
{
    private readonly Retry retry = new(time, log);

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
                card.Run = run.Id;
                try
                {
                    using var entered = user is null ? null : await user.Enter(time, shutdown.OutOfTime);
                    using var attempt = new Attempt(options, folder, store, queue, run, time, preparation, pool, shutdown, retry, log);
                    await attempt.Execute();
                }
                finally
                {
                    card.Run = null;
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
