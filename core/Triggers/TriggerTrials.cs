using System.Text.Json;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>Looks at past events as a trigger would, without doing anything.</summary>
public sealed class TriggerTrials
{
    private const int MostRuns = 50, MostFiles = 100, PastInstants = 5, ComingInstants = 3;
    private static readonly TimeSpan PastOfSchedules = TimeSpan.FromDays(40);

    private readonly IObjectStore store;
    private readonly TimeProvider time;
    private readonly TriggerEventReader events;
    private readonly FiringStore firings;

    internal TriggerTrials(IObjectStore store, TimeProvider time, TriggerEventReader events, FiringStore firings) =>
        (this.store, this.time, this.events, this.firings) = (store, time, events, firings);

    /// <summary>The 50 newest runs, 100 files, the dataset's versions, or the last five instants and the next three.</summary>
    /// <param name="record">Need not be stored.</param>
    public async Task<TriggerTrial> Try(TriggerRecord record, CancellationToken cancel = default)
    {
        var trigger = new LiveTrigger(record);
        var tried = new List<TriedEvent>();
        await foreach (var (happened, at, mismatch) in Past(trigger, cancel)) tried.Add(await Try(trigger, happened, at, mismatch, cancel));
        return new(record.Name, tried);
    }

    private async Task<TriedEvent> Try(LiveTrigger trigger, TriggerEvent happened, DateTimeOffset at, string? mismatch, CancellationToken cancel)
    {
        var id = Firing.IdOf(trigger.Record.Id, happened);
        var did = trigger.Record.Id.Length > 0 ? (await firings.Load(trigger.Name, id, cancel))?.Firing.Outcome : null;
        if (mismatch is not null) return new(id, happened.ToString(), at, false, mismatch, null, did, happened);
        if (await events.Read(trigger, happened, cancel) is not { } known)
        {
            return new(id, happened.ToString(), at, false, "it is gone", null, did, happened);
        }

        if (TriggerRules.Guarded(trigger.Name, known.Chain, trigger.Record.Definition.Limits) is { } guarded)
        {
            return new(id, happened.ToString(), at, false, guarded, null, did, happened);
        }

        var problems = new ProblemList();
        return TriggerRules.Filled(trigger.Then, known.Context, problems) is { } spec
            ? new(id, happened.ToString(), at, true, null, JsonElement.Parse(SpecWriter.ToJson(spec)), did, happened)
            : new(id, happened.ToString(), at, false, string.Join("; ", problems), null, did, happened);
    }

    private IAsyncEnumerable<(TriggerEvent Cause, DateTimeOffset At, string? Mismatch)> Past(LiveTrigger trigger, CancellationToken cancel) =>
        trigger.When.Kind switch
    {
        TriggerKind.Run or TriggerKind.Artifact => Runs(trigger, cancel),
        TriggerKind.File => Files(trigger, cancel),
        TriggerKind.Dataset => Versions(trigger.When.Dataset!, cancel),
        TriggerKind.Schedule => Schedule(trigger.When.Schedule!).ToAsyncEnumerable(),
    };

    private async IAsyncEnumerable<(TriggerEvent, DateTimeOffset, string?)> Runs(
        LiveTrigger trigger, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var (project, experiment) = trigger.When.Runs!.Value;
        await foreach (var summary in events.Ended(project, experiment, [RunState.Succeeded, RunState.Failed, RunState.Cancelled], cancel)
            .Take(MostRuns).WithCancellation(cancel))
        {
            if (await events.Run(summary.Id, cancel) is not { Ended: { } ended } run) continue;
            if (trigger.When.Run is not null)
            {
                yield return (new TriggerEvent.RunEnd(run.Id), ended,
                    await events.Mismatch(trigger, run, await events.Metrics(run, trigger.Metrics, cancel), cancel));
            }
            else if (run.State == RunState.Succeeded)
            {
                foreach (var artifact in (await events.Artifacts(run, cancel)).Where(file => trigger.Pattern!.Matches(file.Path, isFolder: false)))
                {
                    yield return (new TriggerEvent.Artifact(run.Id, artifact.Path), ended, null);
                }
            }
        }
    }

    private async IAsyncEnumerable<(TriggerEvent, DateTimeOffset, string?)> Files(
        LiveTrigger trigger, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var pattern = trigger.When.File!;
        var wild = pattern.AsSpan().IndexOfAny("*?[");
        var found = 0;
        await foreach (var file in store.List(wild < 0 ? pattern : pattern[..wild], cancel: cancel))
        {
            if (!trigger.Pattern!.Matches(file.Key, isFolder: false)) continue;
            yield return (new TriggerEvent.File(file.Key, file.ETag), file.Modified, null);
            if (++found == MostFiles) yield break;
        }
    }

    private async IAsyncEnumerable<(TriggerEvent, DateTimeOffset, string?)> Versions(
        string dataset, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var version in store.List(WorkspacePaths.DatasetVersion(dataset, 0)[..^"000000.json".Length], cancel: cancel))
        {
            if (WorkspacePaths.VersionNumberOf(version.Key) is { } number)
            {
                yield return (new TriggerEvent.Dataset(dataset, number), version.Modified, null);
            }
        }
    }

    private IEnumerable<(TriggerEvent, DateTimeOffset, string?)> Schedule(ScheduleWhen schedule)
    {
        var now = time.GetUtcNow();
        foreach (var past in Instants.Between(schedule, now - PastOfSchedules, now).TakeLast(PastInstants))
        {
            yield return (new TriggerEvent.Instant(past), past, null);
        }

        var next = Instants.Next(schedule, now);
        for (var i = 0; i < ComingInstants
            && next is { } at; i++, next = Instants.Next(schedule, at)) yield return (new TriggerEvent.Instant(at), at, null);
    }
}
