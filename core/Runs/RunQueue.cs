using System.Globalization;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>
/// The other half of every write: the wake after a run is queued, the event after it ended, and <c>active/</c>, which remembers what is owed while either is
/// outstanding. What a crash leaves undone, <see cref="Tend"/> does.
/// </summary>
public sealed class RunQueue(string workspace, IObjectStore store, IMessageBus bus, IIds ids)
{
    /// <summary>An entry without a record is a submission in progress, or one that died; after this it is the latter.</summary>
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);
    private static readonly TimeSpan FirstResend = TimeSpan.FromMinutes(1);
    private const string Resends = "resends";

    private readonly RunStore runs = new(store);

    /// <summary>Before the record of a new run: from now on somebody looks after it.</summary>
    public Task Announce(string runId, CancellationToken cancel = default) => store.Put(WorkspacePaths.ActiveRun(runId), [], cancel: cancel);

    /// <summary>Sends a wake for a queued run.</summary>
    public Task Wake(RunRecord run, TimeSpan delay = default, CancellationToken cancel = default) =>
        bus.Send(QueueNames.ForMachine(run.Spec.Machine), new RunWake(workspace, run.Id).ToMessage(run.Epoch, ids), delay, cancel);

    /// <summary>Applies an event and does what follows from it: a run that went back to the queue is woken, one that ended is told about and no longer active.</summary>
    public async Task<RunChange> Apply(string runId, RunEvent happened, CancellationToken cancel = default)
    {
        var change = await runs.Apply(runId, happened, cancel);
        if (change is { Moved: true, Run: { } run }) await Follow(run, change.Now, cancel);
        return change;
    }

    /// <summary>What a run's state calls for. Safe to do twice.</summary>
    public async Task Follow(RunRecord run, DateTimeOffset now, CancellationToken cancel = default)
    {
        if (run.State == RunState.Queued)
        {
            await Wake(run, run.NotBefore is { } notBefore && notBefore > now ? notBefore - now : TimeSpan.Zero, cancel);
        }
        else if (run.State.IsTerminal)
        {
            await bus.Publish(QueueNames.Events, new RunEnded(workspace, run.Id, run.State, run.Cause).ToMessage(ids), cancel);
            await store.Delete(WorkspacePaths.ActiveRun(run.Id), cancel: cancel);
        }
    }

    /// <summary>Once a minute: frees runs whose lease expired, re-sends wakes that may be missing (after 1, 2, 4, … minutes in the queue) and events that were not sent.</summary>
    /// <returns>How many runs needed something.</returns>
    public async Task<int> Tend(CancellationToken cancel = default)
    {
        var tended = 0;
        await foreach (var entry in store.List(WorkspacePaths.Active, cancel: cancel))
        {
            if (WorkspacePaths.ActiveRunIdOf(entry.Key) is { } runId && await Tend(runId, entry, cancel)) tended++;
        }

        return tended;
    }

    private async Task<bool> Tend(string runId, StoredObject entry, CancellationToken cancel)
    {
        if (await runs.Load(runId, cancel) is not { } loaded)
        {
            if ((await store.Head(entry.Key, cancel)).Now - entry.Modified > AbandonedAfter) await store.Delete(entry.Key, entry.ETag, cancel);
            return false;
        }

        var (run, _, now) = loaded;
        if (run.State.IsTerminal)
        {
            await Follow(run, now, cancel);
            return true;
        }

        if (run.Lease is { } lease) return lease.HasExpired(now) && (await Apply(runId, new RunEvent.ExpireLease(), cancel)).Moved;

        var resends = entry.Metadata.TryGetValue(Resends, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;
        if (now - entry.Modified < FirstResend * (1 << Math.Min(resends, 10)) || run.NotBefore > now) return false;
        await store.Put(entry.Key, [], PutCondition.IfMatch(entry.ETag), new Dictionary<string, string> { [Resends] = (resends + 1).ToString(CultureInfo.InvariantCulture) }, cancel);
        await Wake(run, cancel: cancel);
        return true;
    }
}
