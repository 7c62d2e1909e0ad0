using Microsoft.Extensions.Logging;
using Serverless.Contract;
using Serverless.Core.Runs.Settled;
using Serverless.Core.Storage;
using Serverless.Core.Telemetry;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Runs;

/// <summary>A run as it was read.</summary>
/// <param name="Now">Store time of the read.</param>
public sealed record StoredRun(RunRecord Run, string ETag, DateTimeOffset Now);

/// <summary>What an event did: the decision, and the run as it is after it.</summary>
/// <param name="Run">The moved run; the run as found when it did not move; null when there is no such run.</param>
public sealed record RunChange(Decision Decision, RunRecord? Run, DateTimeOffset Now)
{
    public bool Moved => Decision is Decision.Moved;
}

/// <summary>
/// Reads and writes run records: load → decide → put-if-match → on conflict reload and decide again. There is no other way to change a run.
/// </summary>
/// <param name="log">Hears of each move.</param>
public sealed class RunStore(IObjectStore store, ILogger? log = null)
{
    /// <summary>Puts a new record; false when there is one with this id.</summary>
    public async Task<bool> Create(RunRecord run, CancellationToken cancel = default) =>
        (await store.PutJson(WorkspacePaths.Run(run.Id), run, PutCondition.IfAbsent, RunSummary.Of(run).ToMetadata(), cancel)).Stored;

    /// <exception cref="DamagedRecordException">Its record is damaged.</exception>
    public async Task<StoredRun?> Load(string id, CancellationToken cancel = default) =>
        (await Read(id, cancel)).OrThrow() is { } found ? new(found.Record, found.Object.ETag, found.Now) : null;

    public async Task<RecordReading<RunRecord>> Read(string id, CancellationToken cancel = default)
    {
        var read = await store.Read<RunRecord>(WorkspacePaths.Run(id), cancel);
        return read.Found is { } found ? read with { Found = found with { Record = WithRenewal(found.Record, found.Object.Modified) } } : read;
    }

    /// <summary>One of many: null also when its record is damaged.</summary>
    public async Task<RunRecord?> Sound(string id, CancellationToken cancel = default) => (await Read(id, cancel)).Found?.Record;

    /// <summary>Applies an event. A write whose outcome is unknown is read back and decided again: every event is safe to apply twice.</summary>
    public async Task<RunChange> Apply(string id, RunEvent happened, CancellationToken cancel = default)
    {
        while (true)
        {
            if (await Load(id, cancel) is not { } loaded) return new(new Decision.Illegal($"there is no run {id}"), null, default);
            var decision = RunRules.Decide(loaded.Run, happened, loaded.Now);
            if (decision is not Decision.Moved { Run: var moved }) return new(decision, loaded.Run, loaded.Now);
            if (loaded.Run.State.IsTerminal) await SettledMark.PutBefore(store, id, loaded.ETag, cancel);
            var put = await store.PutJson(
                WorkspacePaths.Run(id), moved, PutCondition.IfMatch(loaded.ETag), RunSummary.Of(moved).ToMetadata(), cancel);
            if (put.Stored)
            {
                var stored = WithRenewal(moved, put.Object!.Modified);
                if (log is not null && (stored.History, loaded.Run.History) is ([.., var now], var before)
                    && (before.Count == 0 || before[^1] != now))
                {
                    log.Moved(stored);
                    Metering.Moved(EnumNames.Of(now.State), now.Cause is { } cause ? EnumNames.Of(cause) : null, stored.Spec.Machine);
                }

                return new(new Decision.Moved(stored), stored, put.Now);
            }
        }
    }

    /// <summary>Removes the record of a run that has ended.</summary>
    public async Task Delete(string id, CancellationToken cancel = default)
    {
        var key = WorkspacePaths.Run(id);
        while ((await store.Head(key, cancel)).Value is { ETag: var etag })
        {
            await SettledMark.PutBefore(store, id, etag, cancel);
            if (await store.Delete(key, etag, cancel) != DeleteOutcome.Conflict) return;
        }
    }

    // No lease was renewed after it was written down: one that says so was, by a clock that has been set back since.
    private static RunRecord WithRenewal(RunRecord run, DateTimeOffset written) =>
        run.Lease is { } lease && !(lease.Renewed <= written) ? run with { Lease = lease with { Renewed = written } } : run;
}
