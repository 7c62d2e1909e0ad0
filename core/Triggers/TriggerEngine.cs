using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Datasets;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Telemetry;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>
/// From events to submissions: which triggers an event concerns, and then for each, once for each event: pending → firing → submission → outcome →
/// told → not pending. Every step is safe to repeat, and what is left undone by a crash is done when the event comes again, or by <see cref="Tend"/>.
/// </summary>
public sealed class TriggerEngine
{
    /// <summary>Who is in the middle of it has had this long to get to its end.</summary>
    private static readonly TimeSpan LeftUndoneAfter = TimeSpan.FromSeconds(30);

    private readonly string workspace;
    private readonly IObjectStore store;
    private readonly IMessageBus bus;
    private readonly IIds ids;
    private readonly TimeProvider time;
    private readonly Submission submission;
    private readonly FiringStore firings;
    private readonly TriggerEventReader events;
    private readonly ILogger log;

    public TriggerEngine(
        string workspace, IObjectStore store, IMessageBus bus, IIds ids, TimeProvider time, Submission submission, RunIndex index,
        ILogger<TriggerEngine>? log = null)
    {
        this.log = log ?? NullLogger<TriggerEngine>.Instance;
        (this.workspace, this.store, this.bus, this.ids, this.time, this.submission) = (workspace, store, bus, ids, time, submission);
        Stored = new(store, ids);
        firings = new(store);
        events = new(store, index);
        Checks = new(submission, events);
        Trials = new(store, time, events, firings);
    }

    public TriggerStore Stored { get; }
    public TriggerChecks Checks { get; }
    public TriggerTrials Trials { get; }

    /// <summary>What a trigger did, newest first.</summary>
    public async Task<IReadOnlyList<FiringSummary>> Firings(string trigger, CancellationToken cancel = default) =>
        (await firings.List(trigger, cancel)).Found;

    /// <summary>The same, with what of it is damaged.</summary>
    public Task<RecordList<FiringSummary>> Acts(string trigger, CancellationToken cancel = default) => firings.List(trigger, cancel);

    public async Task<Firing?> Firing(string trigger, string id, CancellationToken cancel = default) =>
        (await firings.Load(trigger, id, cancel))?.Firing;

    /// <summary>How many runs a trigger submitted within the last hour.</summary>
    public async Task<int> LastHour(TriggerRecord trigger, CancellationToken cancel = default)
    {
        var (state, _, now) = await firings.State(trigger, cancel);
        return state.Admitted.Count(admission => (now - admission.At).Duration() < TimeSpan.FromHours(1));
    }

    /// <exception cref="DamagedRecordException">A trigger cannot be read, and might have acted; the others
    /// have. Once it is whole, the same event makes up for it.</exception>
    public async Task Handle(WorkspaceEvent happened, CancellationToken cancel = default)
    {
        if (happened is not (RunEnded or DatasetPublished)) return;
        var (awake, damaged) = await Awake(cancel);
        await (happened switch
        {
            RunEnded ended => Handle(ended, awake, cancel),
            DatasetPublished published => Handle(published, awake, cancel),
            _ => Task.CompletedTask,
        });
        KeepFor(damaged);
    }

    private async Task Handle(RunEnded ended, IReadOnlyList<LiveTrigger> awake, CancellationToken cancel)
    {
        var concerned = awake.Where(trigger => trigger.When.Runs is not null).ToList();
        if (concerned.Count == 0 || await events.Run(ended.Run, cancel) is not { State.IsTerminal: true, Ended: { } at } run) return;
        using var span = Tracing.Start("follow on", run.Trace, ActivityKind.Consumer)?.SetTag(Tracing.Run, run.Id);
        await Each(concerned.Where(trigger => trigger.When.Runs == (run.Project, run.Experiment) && at >= trigger.Record.Since), async trigger =>
        {
            if (trigger.When.Run is not null)
            {
                var known = await events.Read(trigger, new TriggerEvent.RunEnd(run.Id), run, cancel);
                if (await events.Mismatch(trigger, run, known.Context.Metrics, cancel) is null) await Fire(trigger, known, cancel);
            }
            else if (run.State == RunState.Succeeded)
            {
                foreach (var artifact in (await events.Artifacts(run, cancel)).Where(file => trigger.Pattern!.Matches(file.Path, isFolder: false)))
                {
                    await Fire(trigger, await events.Read(trigger, new TriggerEvent.Artifact(run.Id, artifact.Path), run, cancel), cancel);
                }
            }
        });
    }

    private async Task Handle(DatasetPublished published, IReadOnlyList<LiveTrigger> awake, CancellationToken cancel)
    {
        var concerned = awake.Where(trigger => trigger.When.Dataset == published.Dataset).ToList();
        if (concerned.Count == 0
            || (await store.Head(WorkspacePaths.DatasetVersion(published.Dataset, published.Version), cancel)).Value is not { } manifest)
        {
            return;
        }

        await Each(concerned.Where(trigger => manifest.Modified >= trigger.Record.Since), async trigger =>
            await Fire(trigger, (await events.Read(trigger, new TriggerEvent.Dataset(published.Dataset, published.Version), cancel))!, cancel));
    }

    /// <summary>
    /// A file counts once it has been left alone for the trigger's debounce; until then the event is sent again for that time. Of several versions
    /// only the newest counts: the others have been replaced by the time their events are looked at, and what replaced them has an event of its own.
    /// </summary>
    /// <exception cref="DamagedRecordException">As for other events.</exception>
    public async Task Handle(FileChanged changed, CancellationToken cancel = default)
    {
        var (awake, damaged) = await Awake(cancel);
        var concerned = awake.Where(
            trigger => trigger.When.File is not null && trigger.Pattern!.Matches(changed.Path, isFolder: false) && changed.At >= trigger.Record.Since)
            .ToList();
        if (concerned.Count == 0 && damaged.Count == 0) return;
        var (stored, now) = await store.Head(changed.Path, cancel);
        if (stored is null || !ETags.AreEqual(stored.ETag, changed.ETag)) return;
        var early = concerned.Select(trigger => DebounceLeft(trigger, changed, now)).Where(left => left > TimeSpan.Zero).ToList();
        await Each(concerned.Where(trigger => DebounceLeft(trigger, changed, now) <= TimeSpan.Zero), async trigger =>
            await Fire(trigger, await events.Read(trigger, new TriggerEvent.File(changed.Path, stored.ETag), stored, cancel), cancel));


        // What is sent again meets the damage again; kept as well, it would become more with every try.
        if (early.Count > 0) await bus.Send(QueueNames.FileEvents, changed.ToMessage(ids), early.Min(), cancel);
        else KeepFor(damaged);
    }

    private static TimeSpan Debounce(LiveTrigger trigger) => trigger.Record.Definition.Limits.Debounce ?? TriggerLimits.DefaultDebounce;

    // A change from further ahead than the debounce was seen before the clock was set back: long ago.
    private static TimeSpan DebounceLeft(LiveTrigger trigger, FileChanged changed, DateTimeOffset now) =>
        changed.At - now > Debounce(trigger) ? TimeSpan.Zero : Debounce(trigger) - (now - changed.At);

    /// <summary>By the clock: what schedules call for now.</summary>
    public async Task Tick(CancellationToken cancel = default) =>
        await Each((await Awake(cancel)).Triggers.Where(trigger => trigger.When.Schedule is not null), async trigger =>
    {
        var through = (await firings.State(trigger.Record, cancel)).State.Through ?? DateTimeOffset.MinValue;
        foreach (var instant in Instants.Due(
            trigger.When.Schedule!, through > trigger.Record.Since ? through : trigger.Record.Since, time.GetUtcNow(), trigger.Record.Since))
        {
            await Fire(trigger, (await events.Read(trigger, new TriggerEvent.Instant(instant), cancel))!, cancel);
            await firings.Reach(trigger.Record, instant, cancel);
        }
    });

    /// <summary>Once a minute: finishes what was begun and left.</summary>
    /// <returns>How many events.</returns>
    /// <exception cref="DamagedRecordException">A trigger, or something begun, cannot be read; the others were tended.</exception>
    /// <exception cref="AggregateException">Several cannot.</exception>
    public async Task<int> Tend(CancellationToken cancel = default)
    {
        var left = new List<(string Id, string Key)>();
        await foreach (var (id, stored) in firings.Pending(cancel))
        {
            if ((await store.Head(stored.Key, cancel)).Now - stored.Modified >= LeftUndoneAfter) left.Add((id, stored.Key));
        }

        var unreadable = (await Stored.Live(cancel)).Damaged.Select<DamagedRecord, Func<Task>>(damage =>
            () => throw new DamagedRecordException(damage));
        await Each(left.Select<(string Id, string Key), Func<Task>>(undone => () => Finish(undone.Id, undone.Key, cancel)).Concat(unreadable),
            work => work());
        return left.Count;
    }

    private async Task Finish(string id, string key, CancellationToken cancel)
    {
        if (await firings.ReadPending(key, cancel) is not { } pending) return;
        if (await firings.Load(pending.Trigger, id, cancel) is { } begun) await Finish(begun, cancel);
        else if (await Live(pending, cancel) is { } trigger
            && await events.Read(trigger, pending.Event, cancel) is { } known) await Fire(trigger, known, cancel);
        else await firings.Settle(id, cancel);
    }

    /// <summary>Does what failed once more, with the trigger as it is now; a person asked for it, so the rate is not looked at.</summary>
    /// <param name="id">Of one firing, or its beginning; also of a past event that was not acted on, as
    /// <see cref="TriggerTrials"/> shows it. Null: all that failed.</param>
    /// <param name="stopped">Those that were beyond the rate as well.</param>
    /// <returns>What was done, or why nothing could be.</returns>
    public async Task<(IReadOnlyList<Firing> Done, string? Problem)> Replay(
        TriggerRecord record, string? id = null, bool stopped = false, CancellationToken cancel = default)
    {
        var trigger = new LiveTrigger(record);
        var wanted = new List<(StoredFiring? Stored, TriggerEvent Cause)>();
        foreach (var summary in await Firings(record.Name, cancel))
        {
            if (id is null
                ? summary.Outcome is not (FiringOutcome.Failed or FiringOutcome.Stopped)
                : !summary.Id.StartsWith(id, StringComparison.Ordinal))
            {
                continue;
            }

            if (await firings.Load(record.Name, summary.Id, cancel) is not { Firing: var firing } found || firing.Generation != record.Id) continue;
            if (id is not null && firing.Outcome is FiringOutcome.Submitted or FiringOutcome.Pending)
            {
                return ([],
                    $"{firing.Event} was submitted: run {string.Join(", ", firing.Runs.Select(run => run.Id).DefaultIfEmpty(firing.RunIds[0]))}");
            }

            if (id is not null || firing.Outcome == FiringOutcome.Failed || (stopped && firing.OverRate)) wanted.Add((found, firing.Event));
        }

        if (id is not null && wanted.Count > 1) return ([], $"several begin with {id}; write more of the id");
        if (id is not null && wanted.Count == 0)
        {
            var past = (await Trials.Try(record, cancel)).Events.Where(happened => happened.Firing.StartsWith(id, StringComparison.Ordinal)).ToList();
            if (past.Count == 0) return ([], $"trigger {record.Name} has nothing of the id {id}; see: exp trigger test {record.Name}");
            if (past.Count > 1) return ([], $"several begin with {id}; write more of the id");
            if (!past[0].Fires) return ([], $"the trigger would not act on it: {past[0].Why}");
            wanted.Add((null, past[0].What));
        }

        var done = new List<Firing>();
        foreach (var (found, happened) in wanted)
        {
            if (await events.Read(trigger, happened, cancel) is not { } known) return (done, $"{happened} is gone");
            done.Add(await Act(trigger, known, found, asked: true, cancel));
        }

        return (done, null);
    }

    private async Task Fire(LiveTrigger trigger, ResolvedEvent known, CancellationToken cancel)
    {
        var id = Client.Firing.IdOf(trigger.Record.Id, known.Event);
        if (await firings.Load(trigger.Name, id, cancel) is { } begun)
        {
            if (begun.Firing.Outcome == FiringOutcome.Pending) await Finish(begun, cancel);
        }
        else
        {
            await Act(trigger, known, null, asked: false, cancel);
        }
    }

    private async Task<Firing> Act(LiveTrigger trigger, ResolvedEvent known, StoredFiring? replayed, bool asked, CancellationToken cancel)
    {
        var id = Client.Firing.IdOf(trigger.Record.Id, known.Event);

        // Neither needs the other, and both wait for a disk.
        var beginning = Begin(trigger, known, id, replayed?.Firing, asked, cancel);
        await Task.WhenAll(firings.Announce(id, new(trigger.Name, trigger.Record.Id, known.Event), cancel), beginning);
        var begun = await firings.Put(await beginning, replayed?.ETag, cancel);
        return await Finish(begun ?? await Again(trigger.Name, id, cancel), cancel);
    }

    /// <summary>What is to be done about an event, decided before anything of it is done.</summary>
    private async Task<Firing> Begin(LiveTrigger trigger, ResolvedEvent known, string id, Firing? replayed, bool asked, CancellationToken cancel)
    {
        var problems = new ProblemList();
        var limits = trigger.Record.Definition.Limits;
        var spec = TriggerRules.Filled(trigger.Then, known.Context, problems);
        var guarded = TriggerRules.Guarded(trigger.Name, known.Chain, limits);
        var (admitted, now) = asked || guarded is not null || spec is null
            ? (true, (await firings.State(trigger.Record, cancel)).Now)
            : await firings.Admit(trigger.Record, id, cancel);
        var firing = new Firing(
            id, trigger.Name, trigger.Record.Id, known.Event, [.. known.Chain, trigger.Name], replayed?.At ?? now, FiringOutcome.Pending)
        {
            Run = known.Source?.Id,
            Replays = replayed is null ? 0 : replayed.Replays + 1,
        };
        if (guarded is not null) return firing with { Outcome = FiringOutcome.Stopped, Reason = guarded };
        if (spec is null) return firing with { Outcome = FiringOutcome.Failed, Problems = problems };
        if (!admitted)
        {
            var reason = $"more than limits.perHour, {limits.PerHour}, within an hour; exp trigger replay {trigger.Name} --stopped does it later";
            return firing with { Outcome = FiringOutcome.Stopped, OverRate = true, Reason = reason };
        }

        return firing with { Experiment = JsonElement.Parse(SpecWriter.ToJson(spec)), RunIds = [.. spec.Seeds.Select(_ => ids.NewestFirst())] };
    }

    private async Task<Firing> Finish(StoredFiring begun, CancellationToken cancel)
    {
        while (begun.Firing.Outcome == FiringOutcome.Pending)
        {
            var firing = await Submitted(begun.Firing, cancel);
            begun = await firings.Put(firing, begun.ETag, cancel) ?? await Again(firing.Trigger, firing.Id, cancel);
        }

        await bus.Publish(QueueNames.Events, new TriggerActed(workspace, begun.Firing.Trigger, begun.Firing.Id).ToMessage(ids), cancel);
        await firings.Settle(begun.Firing.Id, cancel);
        log.Acted(begun.Firing);
        return begun.Firing;
    }

    /// <summary>Somebody else wrote meanwhile.</summary>
    private async Task<StoredFiring> Again(string trigger, string id, CancellationToken cancel) =>
        await firings.Load(trigger, id, cancel)
            ?? throw new InvalidDataException($"{WorkspacePaths.Firing(trigger, id)} was deleted while it was being acted on");

    private async Task<Firing> Submitted(Firing firing, CancellationToken cancel)
    {
        var spec = SpecReader.Read(firing.Experiment!.Value.GetRawText(), SpecFormat.Json).Spec
            ?? throw new InvalidDataException($"the experiment of firing {firing.Id} is damaged");
        try
        {
            return await submission.SubmitForTrigger(spec, $"trigger:{firing.Trigger}", firing.Origin, firing.RunIds, cancel) switch
            {
                SubmitResult.Accepted { Answer: var answer } => firing with { Outcome = FiringOutcome.Submitted, Runs = answer.Runs },
                SubmitResult.Invalid { Problems: var problems } => firing with
                {
                    Outcome = FiringOutcome.Failed,
                    Problems = [.. problems.Select(problem => problem with { Path = SpecPath.Field("then", problem.Path) })],
                },
                var other => throw new InvalidOperationException($"{other} is no answer to a follow-on"),
            };
        }
        catch (Exception e) when (e is InvalidDataException or DamagedRecordException)
        {
            // Trying again would find the same damage.
            return firing with { Outcome = FiringOutcome.Failed, Problems = [new("", e.Message)] };
        }
    }

    private async Task<(IReadOnlyList<LiveTrigger> Triggers, IReadOnlyList<DamagedRecord> Damaged)> Awake(CancellationToken cancel)
    {
        var (triggers, damaged) = await Stored.Live(cancel);
        return ([.. triggers.Where(trigger => trigger.Record.Paused is null)], damaged);
    }

    /// <summary>Whether an event concerns a trigger that cannot be read is not known, so it fails, and is kept as whatever fails is.</summary>
    private static void KeepFor(IReadOnlyList<DamagedRecord> damaged)
    {
        if (damaged.Count > 0) throw new DamagedRecordException(damaged[0]);
    }

    /// <summary>Null when the trigger that began it is no longer there.</summary>
    private async Task<LiveTrigger?> Live(PendingFiring pending, CancellationToken cancel) =>
        await Stored.Get(pending.Trigger, cancel) is { } record && record.Id == pending.Generation ? new(record) : null;

    /// <summary>One that cannot be dealt with keeps no other from it; then the event is tried again.</summary>
    private static async Task Each<T>(IEnumerable<T> all, Func<T, Task> act)
    {
        var failures = new List<Exception>();
        foreach (var one in all)
        {
            try
            {
                await act(one);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                failures.Add(e);
            }
        }

        if (failures.Count == 1) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failures[0]);
        if (failures.Count > 1) throw new AggregateException(failures);
    }
}
