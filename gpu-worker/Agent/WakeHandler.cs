using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;

namespace Serverless.GpuWorker.Agent;

/// <summary>What one wake comes to: a claim and an attempt, or nothing.</summary>
sealed class WakeHandler(
    AgentOptions options, IWorkspaces workspaces, IMessageBus bus, IIds ids, TimeProvider time, Preparation preparation, RunnerPool pool, Departure departure, WorkerCard card)
{
    private readonly Persistence persistence = new(time);

    public async Task Handle(ReceivedMessage message)
    {
        if (RunWake.From(message.Message) is not { } wake || WorkspaceName.Problem(wake.Workspace) is not null || ObjectKey.Problem(WorkspacePaths.Run(wake.Run)) is not null)
        {
            await bus.DeadLetter(message, "not a wake for a run");
            return;
        }

        await using (new MessageLock(bus, message, time))
        {
            var store = workspaces.Open(wake.Workspace);
            var queue = new RunQueue(wake.Workspace, store, bus, ids);
            try
            {
                await Work(wake, store, queue);
            }
            catch (Exception unreadable) when (unreadable is JsonException or InvalidDataException or ArgumentException)
            {
                await bus.DeadLetter(message, $"{WorkspacePaths.Run(wake.Run)} cannot be read: {unreadable.Message}");
                return;
            }
            catch (StoreUnavailableException)
            {
                // Nothing is known of the run; somebody else may reach it.
                await bus.Abandon(message);
                throw;
            }
        }

        await persistence.Insist(() => bus.Complete(message), departure.GivingUp);
    }

    private async Task Work(RunWake wake, IObjectStore store, RunQueue queue)
    {
        var change = await queue.Apply(wake.Run, new RunEvent.Claim(options.Id, options.Lease));
        switch (change)
        {
            case { Decision: Decision.Illegal { TryAgainAt: { } again }, Run: { } run }:
                // Somebody has it, or it backs off. Should they vanish, this wake is there when the lease ends.
                await queue.Wake(run, again > change.Now ? again - change.Now : TimeSpan.Zero);
                break;
            case { Moved: true, Run: { State.IsTerminal: false } run }:
                card.Run = run.Id;
                try
                {
                    using var attempt = new Attempt(options, store, queue, run, time, preparation, pool, departure);
                    await attempt.Execute();
                }
                finally
                {
                    card.Run = null;
                }

                break;
        }
    }
}
