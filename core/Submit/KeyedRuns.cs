using Serverless.Core.Lineage;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Telemetry;
using Serverless.Core.Versions;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary>
/// <c>keys/{run-key}.json</c>: which run a key stands for, with all that it takes to make that run. It is written before the run, so whoever comes
/// later with the same key can finish what its writer left half done.
/// </summary>
public sealed record KeyRecord(
    string Run, string Project, string Experiment, int Version, RunSpec Spec, string? By, IReadOnlyList<string> Tags, RunOrigin? Origin = null)
{
    /// <summary>Asked for afresh.</summary>
    public bool Fresh { get; init; }
}

/// <summary><c>keys/{run-key}.deleted.json</c>: the last run of a key that was deleted, so that its successor can say why it was computed.</summary>
internal sealed record DeletedKey(string Run);

/// <summary>Run keys to runs: finds the run that a key stands for, or makes it; key → marks of its lineage → active → record → wake.</summary>
internal sealed class KeyedRuns(IObjectStore store, RunQueue queue)
{
    private readonly RunStore runs = new(store);
    private readonly LineageIndex lineage = new(store);
    private readonly KeptResults results = new(store);

    /// <param name="wanted">The run to make when there is none to reuse.</param>
    /// <param name="again">An earlier try with the same run id may have got to any point.</param>
    public async Task<SubmittedRun> Ensure(KeyRecord wanted, bool again, CancellationToken cancel)
    {
        if (again && await runs.Load(wanted.Run, cancel) is { } own) return await Awake(own.Run, reused: false, cancel);
        var wantedKey = RunKey.Of(wanted.Spec);
        var key = WorkspacePaths.Key(wantedKey);
        string? because = null;
        while (true)
        {
            var put = await store.PutJson(key, wanted, PutCondition.IfAbsent, cancel: cancel);
            if (put.Stored) return await Make(wanted, put.Now, reused: false, cancel);
            if (await store.Get(key, cancel: cancel) is not { } taken) continue;
            var holder = HolderIn(taken);
            if (holder?.Run == wanted.Run) return await Make(wanted, taken.Object.Modified, reused: false, cancel);
            if (!wanted.Fresh && holder is not null)
            {
                var read = await runs.Read(holder.Run, cancel);
                if (!read.IsMissing)
                {
                    // A submitter that died before the record may have come back when its inputs had changed:
                    // then the run has another key. Nobody can be given a damaged one.
                    if (read.Found is { Record: var run } && run.Key == wantedKey && run.State is not (RunState.Failed or RunState.Cancelled)
                        && run.Cancel is null)
                    {
                        if (await results.Problem(run, cancel) is not { } problem)
                        {
                            return await Awake(await Shown(run, wanted.Spec, cancel), reused: true, cancel);
                        }

                        because = $"; run {run.Id} has the same key, but {problem}";
                    }
                }
                else if ((await store.Head(key, cancel)).Value?.ETag != taken.Object.ETag)
                {
                    continue;
                }
                else if (!await HasAttempts(holder.Run, cancel))
                {
                    return await Make(holder, taken.Object.Modified, reused: true, cancel);
                }
            }

            put = await store.PutJson(key, wanted, PutCondition.IfMatch(taken.Object.ETag), cancel: cancel);
            if (put.Stored) return await Make(wanted, put.Now, reused: false, cancel, because);
        }
    }

    /// <summary>
    /// Frees the key of a run that is about to be deleted. Before the record, or a submission in between would take the missing record for one that
    /// is yet to be written.
    /// </summary>
    public async Task Release(RunRecord run, CancellationToken cancel)
    {
        var key = WorkspacePaths.Key(run.Key);
        await store.PutJson(WorkspacePaths.DeletedKey(run.Key), new DeletedKey(run.Id), cancel: cancel);
        if ((await store.Read<KeyRecord>(key, cancel)).Found is { } taken && taken.Record.Run == run.Id)
        {
            await store.Delete(key, taken.Object.ETag, cancel);
        }
    }

    /// <summary>Null: the record is damaged. Which run it stood for is not known any more, so the key is free.</summary>
    /// <exception cref="DamagedRecordException">It is of a newer format, and stands for a run.</exception>
    private static KeyRecord? HolderIn(ObjectContent taken)
    {
        try
        {
            return taken.Json<KeyRecord>();
        }
        catch (DamagedRecordException damaged) when (!damaged.Damage.IsNewer)
        {
            return null;
        }
    }

    /// <param name="because">Why an earlier run is not given back, for the history.</param>
    private async Task<SubmittedRun> Make(KeyRecord wanted, DateTimeOffset now, bool reused, CancellationToken cancel, string? because = null)
    {
        var run = new RunRecord
        {
            Id = wanted.Run,
            Project = wanted.Project,
            Experiment = wanted.Experiment,
            Version = wanted.Version,
            Key = RunKey.Of(wanted.Spec),
            Spec = wanted.Spec,
            Created = now,
            SubmittedBy = wanted.By,
            Tags = wanted.Tags,
            Origin = wanted.Origin,
            Fresh = wanted.Fresh,
            Trace = Tracing.Here,
            History = [new(now, RunState.Queued, 0,
                Message: "submitted" + (wanted.Origin is { } origin ? $" by {origin}" : wanted.By is null ? "" : $" by {wanted.By}") + because)],
        };
        await lineage.Mark(run.Id, run.Spec, run.Origin, cancel);
        await queue.Announce(run.Id, cancel);
        if (!await runs.Create(run, cancel) && await runs.Load(run.Id, cancel) is { } made) run = made.Run;
        return await Awake(run, reused, cancel);
    }

    /// <summary>A result that is given back is judged by what is expected of it now, and reported as it is now to be.</summary>
    private async Task<RunRecord> Shown(RunRecord run, RunSpec wanted, CancellationToken cancel)
    {
        if (wanted.Checks.Count > 0) run = (await runs.Apply(run.Id, new RunEvent.SetChecks(wanted.Checks), cancel)).Run ?? run;
        if (wanted.Report.Count > 0) run = (await runs.Apply(run.Id, new RunEvent.SetReport(wanted.Report), cancel)).Run ?? run;
        return run;
    }

    /// <summary>
    /// A run that nobody has claimed yet may lack its wake: its submitter may have died just before. One wake too many does nothing.
    /// </summary>
    private async Task<SubmittedRun> Awake(RunRecord run, bool reused, CancellationToken cancel)
    {
        try
        {
            if (run is { State: RunState.Queued, Epoch: 0 }) await queue.Wake(run, cancel: cancel);
        }
        catch (BusUnavailableException e)
        {
            throw new BusUnavailableException($"run {run.Id} is stored and starts by itself once this is mended: {e.Message}", e);
        }

        return new(run.Id, run.State, reused);
    }

    /// <summary>Tells a run whose record is gone from one whose record was never written: only the former can have left something.</summary>
    private async Task<bool> HasAttempts(string runId, CancellationToken cancel)
    {
        await foreach (var _ in store.List(WorkspacePaths.AttemptsOf(runId), cancel: cancel)) return true;
        return false;
    }
}
