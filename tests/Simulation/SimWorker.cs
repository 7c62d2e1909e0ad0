using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Simulation;

/// <summary>A worker as DESIGN describes it: receive, claim, renew, start, commit, finish, complete. Its code computes by sleeping.</summary>
sealed class SimWorker(SimWorld world, SimProcess process, IObjectStore store, IMessageBus bus, IIds ids)
{
    private static readonly string Queue = QueueNames.ForMachine("cpu");
    private readonly RunQueue queue = new(SimWorld.Workspace, store, bus, ids);

    public async Task Work()
    {
        while (true)
        {
            if (await process.Retry(() => bus.Receive(Queue, TimeSpan.FromMinutes(1))) is not { } message) continue;
            if (world.Random.NextDouble() < world.Poison)
            {
                await process.Retry(() => queue.DeadLetter(message, "poison"));
                continue;
            }

            var wake = RunWake.From(message.Message)!;
            var claim = new RunEvent.Claim(process.Name, world.LeaseLength, ids.Nonce());
            var change = await process.Retry(() => queue.Apply(wake.Run, claim));
            if (!change.Moved && change.Run?.Lease?.Nonce == claim.Nonce) world.Break($"{process.Name} waits for itself");
            if (change is { Moved: true, Run: { Lease.Nonce: { } nonce } run } && nonce == claim.Nonce)
            {
                await new SimAttempt(world, process, store, bus, queue, message, run).Make();
            }
            else if (change.Decision is Decision.Illegal { TryAgainAt: { } at })
            {
                var again = wake.ToMessage(change.Run!.Epoch, ids);
                await process.Retry(() => bus.Send(Queue, again, at > change.Now ? at - change.Now : TimeSpan.Zero));
            }

            await process.Retry(() => bus.Complete(message));
        }
    }
}

/// <summary>One attempt at a run, with its heartbeat beside it.</summary>
sealed class SimAttempt(
    SimWorld world, SimProcess process, IObjectStore store, IMessageBus bus, RunQueue queue, ReceivedMessage message, RunRecord run)
{
    private bool over;
    private bool cancelled;

    public async Task Make()
    {
        cancelled = run.Cancel is not null;
        process.Spawn(Heartbeat);
        await Compute();
        over = true;
    }

    private async Task Compute()
    {
        await process.Sleep(process.Seconds(5));
        if (!await Owned(new RunEvent.Start(run.Epoch))) return;
        var step = run.Head?.Step ?? 0;
        for (var i = world.Random.Next(6); i > 0 && !over && !cancelled; i--)
        {
            await process.Sleep(process.Seconds(8));
            if (!await Commit(++step)) return;
        }

        if (over) return;
        var cause = cancelled
            ? Cause.Cancelled
            : world.Random.Next(10) switch { 0 => Cause.UserCode, 1 => Cause.Preempted, 2 => Cause.OutOfMemory, 3 => Cause.Build, _ =>
                Cause.Completed };
        var outputs = cause == Cause.Completed ? WorkspacePaths.OutputManifest(run.Id, run.Epoch) : null;
        if (outputs is not null) await process.Retry(() => store.PutJson(outputs, new OutputManifest([], [])));
        await Owned(
            new RunEvent.Finish(
                run.Epoch, new(cause, ExitCode: cause == Cause.Completed ? 0 : 1, Outputs: outputs, Metrics: new(0, step), Logs: new(0, step))));
    }

    private async Task<bool> Commit(long step)
    {
        var manifest = WorkspacePaths.CheckpointManifest(run.Id, run.Epoch, step);
        await process.Retry(() => store.PutJson(manifest, new CheckpointManifest(step, run.Epoch, []), PutCondition.IfAbsent));
        var checkpoint = new CheckpointRef(
            run.Epoch, step, manifest, 0, world.Clock.Now, new(0, step), new(0, step), new Dictionary<string, double>());
        return await Owned(new RunEvent.Commit(run.Epoch, checkpoint, [manifest]));
    }

    private async Task Heartbeat()
    {
        while (!over)
        {
            await process.Sleep(world.LeaseLength / 3);
            if (over || !await Owned(new RunEvent.Renew(run.Epoch))) return;
            await process.Retry(() => bus.Renew(message));
        }
    }

    /// <returns>False when the attempt is fenced.</returns>
    private async Task<bool> Owned(RunEvent happened)
    {
        var change = await process.Retry(() => queue.Apply(run.Id, happened));
        cancelled |= change.Run?.Cancel is not null;
        if (change.Decision is Decision.Illegal illegal) world.Break($"{process.Name}: {happened} is illegal: {illegal.Why}");
        if (change.Decision is not Decision.Stale) return true;
        if (happened is RunEvent.Finish { Ending: var end } && change.Run!.Attempts[run.Epoch - 1] is var mine
            && (mine.Cause, mine.Metrics) == (end.Cause, end.Metrics))
        {
            world.Break($"{process.Name} is fenced by its own end of {run.Id}");
        }

        over = true;
        return false;
    }
}
