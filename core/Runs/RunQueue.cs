using System.Globalization;
using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Runs.Settled;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>
/// The other half of every write: the wake after a run is queued, the event after it ended, and <c>active/</c>, which remembers what is owed while
/// either is outstanding. What a crash leaves undone, <see cref="Tend"/> does.
/// </summary>
public sealed class RunQueue(string workspace, IObjectStore store, IMessageBus bus, IIds ids, ILogger? log = null, RunIndex? index = null)
{
    /// <summary>An entry without a record is a submission in progress, or one that died; after this it is the latter.</summary>
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);
    private static readonly TimeSpan FirstResend = TimeSpan.FromMinutes(1);
    private const int MostDoublings = 6;
    private const string Resends = "resends";

    private readonly RunStore runs = new(store, log);
    private bool adopted;

    /// <summary>Before the record of a new run: from now on somebody looks after it.</summary>
    public Task Announce(string runId, CancellationToken cancel = default) => store.Put(WorkspacePaths.ActiveRun(runId), [], cancel: cancel);

    /// <summary>Sends a wake for a queued run.</summary>
    public Task Wake(RunRecord run, TimeSpan delay = default, CancellationToken cancel = default) =>
        bus.Send(QueueNames.ForMachine(run.Spec.Machine), new RunWake(workspace, run.Id).ToMessage(run.Epoch, ids, run.Created), delay, cancel);

    /// <summary>
    /// Applies an event and does what follows from it: a run that went back to the queue is woken, one that ended is told about and no longer active.
    /// After an exception, apply the same event again.
    /// </summary>
    public async Task<RunChange> Apply(string runId, RunEvent happened, CancellationToken cancel = default)
    {
        if (happened is RunEvent.Claim { Nonce: null } claim) happened = claim with { Nonce = ids.Nonce() };
        var change = await runs.Apply(runId, happened, cancel);

        // An end that was recorded before may come again because it could not be followed up then.
        if (change is { Run: { } run } && (change.Moved || change.Decision is Decision.Unchanged && happened is RunEvent.Finish))
        {
            await SendOutstanding(run, change.Now, cancel);
        }

        return change;
    }

    /// <summary>
    /// Frees a run whose worker was lost. Whoever shows runs does it first: otherwise a dead run would be shown as running until somebody claims it,
    /// or <see cref="Tend"/> comes.
    /// </summary>
    /// <returns>The run as it is then.</returns>
    public async Task<RunRecord> FreeIfLost(StoredRun loaded, CancellationToken cancel = default) =>
        IsLost(loaded.Run, loaded.Now) ? (await Free(loaded.Run.Id, cancel)).Run ?? loaded.Run : loaded.Run;

    /// <summary>The same for a list.</summary>
    /// <returns>
    /// Whether one was lost, so that the list is not true any more; and those of it of which nobody can tell whether they go on, as a summary may be
    /// had of a record that cannot be read.
    /// </returns>
    public async Task<(bool Lost, IReadOnlyList<DamagedRecord> Unknown)> FreeLost(
        IReadOnlyList<RunSummary> listed, CancellationToken cancel = default)
    {
        var (lost, unknown) = (false, new List<DamagedRecord>());
        foreach (var run in listed.Where(run => run.State is RunState.Preparing or RunState.Running))
        {
            var read = await runs.Read(run.Id, cancel);
            if (read.Damage is { } damage) unknown.Add(damage);
            if (read.Found is not { } found || !IsLost(found.Record, found.Now)) continue;
            await Free(run.Id, cancel);
            lost = true;
        }

        return (lost, unknown);
    }

    /// <summary>
    /// For a message that no delivery can help: the run that it wakes, if it wakes one that nobody has, ends as <see cref="Cause.Invalid"/> with the
    /// reason; then the message is put aside under the same reason. The other order could leave a run waiting for a message that is no longer there.
    /// </summary>
    /// <returns>What became of the run; null when the message names none of this workspace, or one whose record cannot be read.</returns>
    public async Task<RunChange?> DeadLetter(ReceivedMessage message, string reason, CancellationToken cancel = default)
    {
        RunChange? change = null;
        if (RunWake.From(message.Message) is { } wake && wake.Workspace == workspace)
        {
            try
            {
                change = await Apply(wake.Run, new RunEvent.Refuse(reason), cancel);
            }
            catch (Exception e) when (e is DamagedRecordException or ArgumentException)
            {
                // The record or the name is damaged, perhaps the very reason.
            }
        }

        await bus.DeadLetter(message, reason, cancel);
        return change;
    }

    /// <summary>What a run's state calls for. Safe to do twice.</summary>
    public async Task SendOutstanding(RunRecord run, DateTimeOffset now, CancellationToken cancel = default)
    {
        if (run.State == RunState.Queued)
        {
            await Wake(run, run.NotBefore is { } notBefore && notBefore > now ? notBefore - now : TimeSpan.Zero, cancel);
        }
        else if (run.State.IsTerminal)
        {
            await bus.Publish(QueueNames.Events, new RunEnded(workspace, run.Id, run.State, run.Cause).ToMessage(ids), cancel);
            await SettledMark.PutEnd(store, run.Id, cancel);
            await store.Delete(WorkspacePaths.ActiveRun(run.Id), cancel: cancel);
        }
    }

    /// <summary>
    /// Once a minute: frees runs whose lease expired, re-sends wakes that may be missing (after 1, 2, 4, … 64 minutes in the queue, and at once when
    /// the bus began after they were sent) and events that were not sent. One run that cannot be tended keeps no other from it.
    /// </summary>
    /// <remarks>The first time in a process, runs that are not ended and that nobody looks after are found.</remarks>
    /// <returns>How many runs needed something.</returns>
    /// <exception cref="AggregateException">Some runs could not be tended: their records are damaged.</exception>
    public async Task<int> Tend(CancellationToken cancel = default)
    {
        var tended = 0;
        var failures = new List<Exception>();
        try
        {
            if (!adopted) await Adopt(cancel);
            adopted = true;
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or DamagedRecordException)
        {
            // What the index has to do with it is tried again; runs that go on are looked after all the same.
            failures.Add(e);
        }

        var busBegan = await bus.Began(cancel);
        await foreach (var entry in store.List(WorkspacePaths.Active, cancel: cancel))
        {
            if (WorkspacePaths.ActiveRunIdOf(entry.Key) is not { } runId) continue;
            try
            {
                if (await Tend(runId, entry, busBegan, cancel)) tended++;
            }
            catch (DamagedRecordException damaged)
            {
                failures.Add(damaged);
            }
        }

        return failures.Count == 0 ? tended : throw new AggregateException(failures);
    }

    // A record that was put back from a backup may be of a time when the run went on, and its mark is gone.
    private async Task Adopt(CancellationToken cancel)
    {
        foreach (var run in await (index ?? new(store)).Reconcile(cancel))
        {
            if ((await store.Head(WorkspacePaths.ActiveRun(run), cancel)).Value is null) await Announce(run, cancel);
        }
    }

    private async Task<bool> Tend(string runId, StoredObject entry, DateTimeOffset busBegan, CancellationToken cancel)
    {
        if (await runs.Load(runId, cancel) is not { } loaded)
        {
            if ((await store.Head(entry.Key, cancel)).Now - entry.Modified > AbandonedAfter) await store.Delete(entry.Key, entry.ETag, cancel);
            return false;
        }

        var (run, _, now) = loaded;
        if (run.State.IsTerminal)
        {
            await SendOutstanding(run, now, cancel);
            return true;
        }

        if (run.Lease is not null) return IsLost(run, now) && (await Free(runId, cancel)).Moved;

        // A wake was sent when the run was announced, and at each return to the queue for when it could be claimed again; a resend touches the entry.
        var resends = entry.Metadata.TryGetValue(Resends, out var text)
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;
        var returned = Believed(run.Attempts is [.., { Ended: { } ended }] ? ended : null, now);
        var woken = Later(returned, Believed(run.NotBefore, now));
        if (woken > entry.Modified) resends = 0;
        var lost = Later(returned, entry.Modified) < busBegan && busBegan <= now;
        if (!lost && now - Later(woken, entry.Modified) < FirstResend * (1 << Math.Min(resends, MostDoublings))) return false;
        var counted = new Dictionary<string, string> { [Resends] = (resends + 1).ToString(CultureInfo.InvariantCulture) };
        if (!(await store.Put(entry.Key, [], PutCondition.IfMatch(entry.ETag), counted, cancel)).Stored) return false;
        await Wake(run, cancel: cancel);
        log?.Resent(runId, resends + 1);
        return true;
    }

    private static bool IsLost(RunRecord run, DateTimeOffset now) => run.Lease is { } lease && lease.HasExpired(now);

    private Task<RunChange> Free(string runId, CancellationToken cancel) => Apply(runId, new RunEvent.ExpireLease(), cancel);

    // What a record says of a time further ahead than any back-off was written by a clock that has been set back since.
    private static DateTimeOffset Believed(DateTimeOffset? at, DateTimeOffset now) =>
        at is { } then && then - now <= RunRules.LongestBackOff ? then : DateTimeOffset.MinValue;

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}
