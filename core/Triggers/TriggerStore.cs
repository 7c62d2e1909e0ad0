using System.Collections.Concurrent;
using Serverless.Core.Search;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>A trigger with its pattern and condition ready for use.</summary>
internal sealed record LiveTrigger(TriggerRecord Record)
{
    public PathPattern? Pattern { get; } = (Record.When.File ?? Record.When.Artifact?.Path) is { } glob ? TriggerRules.Glob(glob).Pattern : null;
    public Condition? Where { get; } = Record.When.Run?.Where is { } where ? ConditionParser.Parse(where).Condition : null;
    public SpecNode Then { get; } = TemplateJson.Parse(Record.Definition.Then);
    public string Name => Record.Name;
    public TriggerWhen When => Record.When;

    /// <summary>The metrics that its condition and its template ask for.</summary>
    public IReadOnlyList<string> Metrics => field ??=
    [
        .. (Where?.Metrics ?? []).Append(When.Run?.Best?.Metric).OfType<string>()
            .Concat(References.In(Then).Where(name => name.StartsWith(TemplateContext.MetricPrefix, StringComparison.Ordinal))
                .Select(name => name[TemplateContext.MetricPrefix.Length..])).Distinct(),
    ];

    /// <summary>Why it cannot be used; null: it can.</summary>
    public static string? Problem(TriggerRecord record)
    {
        try
        {
            var (trigger, when) = (new LiveTrigger(record), record.When);
            return (when.File ?? when.Artifact?.Path) is not null && trigger.Pattern is null ? "its pattern is none"
                : when.Run?.Where is not null && trigger.Where is null ? "its condition is none"
                : when.Schedule is { Cron: var cron } && Instants.CronProblem(cron) is { } wrong ? $"its schedule is none: {wrong}"
                : when is { Run: null, Artifact: null, File: null, Dataset: null, Schedule: null } ? "it waits for nothing"
                : record.Definition.Submits is ['/', ..] or [.., '/'] ? "it submits nothing"
                : null;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException or KeyNotFoundException
            or System.Text.Json.JsonException or InvalidDataException)
        {
            return $"its definition cannot be used: {e.Message}";
        }
    }

    public bool AsksForArtifacts =>
        When.Artifact is not null || References.In(Then).Any(name => name.StartsWith(TemplateContext.ArtifactPrefix, StringComparison.Ordinal));
}

/// <summary>
/// Reads and writes <c>triggers/{name}.json</c>. What was read once is kept by its ETag, so that an event costs a short listing and no reading.
/// </summary>
public sealed class TriggerStore(IObjectStore store, IIds ids)
{
    private readonly ConcurrentDictionary<string, (string ETag, LiveTrigger Trigger)> known = new(StringComparer.Ordinal);

    /// <summary>All that can be read, by name, and those that cannot.</summary>
    public async Task<RecordList<TriggerRecord>> List(CancellationToken cancel = default)
    {
        var (triggers, damaged) = await Live(cancel);
        return new([.. triggers.Select(trigger => trigger.Record)], damaged);
    }

    public async Task<TriggerRecord?> Get(string name, CancellationToken cancel = default) =>
        SpecRules.NameProblem(name) is null ? await store.Find<TriggerRecord>(WorkspacePaths.Trigger(name), cancel) : null;

    /// <summary>
    /// Stores a checked definition. One that is stored already is left as it is; a changed one stays the same trigger, which does not act again on
    /// what it acted on, and not on what happened before the change of what it waits for.
    /// </summary>
    public async Task<(TriggerRecord Trigger, bool IsNew)> Put(TriggerDefinition definition, string? by, CancellationToken cancel = default)
    {
        var key = WorkspacePaths.Trigger(definition.Name);
        while (true)
        {
            var there = (await store.Read<TriggerRecord>(key, cancel)).OrThrow();
            var now = there?.Now ?? (await store.Head(key, cancel)).Now;
            var before = there?.Record;
            if (before is not null && Text(before.Definition) == Text(definition)) return (before, false);
            var wanted = before is null
                ? new TriggerRecord(ids.NewestFirst(), definition, by, now, now)
                : before with { Definition = definition, By = by, Since = Text(before.When) == Text(definition.When) ? before.Since : now };
            var put = await store.PutJson(
                key, wanted, there is null ? PutCondition.IfAbsent : PutCondition.IfMatch(there.Object.ETag), cancel: cancel);
            if (put.Stored) return (wanted, before is null);
        }
    }

    /// <summary>Paused, it acts on nothing; resumed, on nothing that happened meanwhile. Null: there is no such trigger.</summary>
    public async Task<TriggerRecord?> Pause(string name, bool paused, string? by, CancellationToken cancel = default)
    {
        if (SpecRules.NameProblem(name) is not null) return null;
        var key = WorkspacePaths.Trigger(name);
        while (true)
        {
            if ((await store.Read<TriggerRecord>(key, cancel)).OrThrow() is not { Record: var before } there) return null;
            if (before.Paused is not null == paused) return before;
            var wanted = paused ? before with { Paused = new(there.Now, by) } : before with { Paused = null, Since = there.Now };
            if ((await store.PutJson(key, wanted, PutCondition.IfMatch(there.Object.ETag), cancel: cancel)).Stored) return wanted;
        }
    }

    /// <summary>What it did stays on record.</summary>
    /// <returns>False: there is no such trigger.</returns>
    public async Task<bool> Remove(string name, CancellationToken cancel = default)
    {
        if (SpecRules.NameProblem(name) is not null) return false;
        var removed = await store.DeleteRecord(WorkspacePaths.Trigger(name), cancel);
        await store.Delete(WorkspacePaths.TriggerState(name), cancel: cancel);
        return removed;
    }

    internal Task<RecordList<LiveTrigger>> Live(CancellationToken cancel)
    {
        return store.Records(WorkspacePaths.Triggers, key => WorkspacePaths.TriggerNameOf(key) is not null, Known, cancel: cancel).Collect();

        async ValueTask<(LiveTrigger?, DamagedRecord?)> Known(StoredObject stored)
        {
            if (known.TryGetValue(stored.Key, out var kept) && kept.ETag == stored.ETag) return (kept.Trigger, null);
            var read = await store.Read<TriggerRecord>(stored.Key, cancel);
            if (read.Found is not { } found) return (null, read.Damage);
            known[stored.Key] = kept = (found.Object.ETag, new(found.Record));
            return (kept.Trigger, null);
        }
    }

    private static string Text<T>(T value) => CanonicalJson.Hash("same", value);
}
