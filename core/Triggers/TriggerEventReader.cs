using Serverless.Core.Metrics;
using Serverless.Core.Outputs;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Triggers;

/// <summary>An event with what is known of it.</summary>
/// <param name="Source">The run that it comes from: that ended, left the artifact, or published the file.</param>
internal sealed record ResolvedEvent(TemplateContext Context, RunRecord? Source)
{
    public TriggerEvent Event => Context.Event;

    /// <summary>The triggers that led here, oldest first.</summary>
    public IReadOnlyList<string> Chain => Source?.Origin?.Chain ?? [];
}

/// <summary>Looks up what a trigger's condition and template ask for.</summary>
internal sealed class TriggerEventReader(IObjectStore store, RunIndex index)
{

    private readonly RunStore runs = new(store);
    private readonly MetricsReader metrics = new(store);
    private readonly RunOutputs outputs = new(store);

    public async Task<RunRecord?> Run(string id, CancellationToken cancel) => (await runs.Load(id, cancel))?.Run;

    /// <summary>Null: what it was about is gone.</summary>
    public async Task<ResolvedEvent?> Read(LiveTrigger trigger, TriggerEvent happened, CancellationToken cancel)
    {
        var context = new TemplateContext(trigger.When.Kind, trigger.Name, happened);
        if (happened.RunId is { } id) return await Run(id, cancel) is { } run ? await Read(trigger, happened, run, cancel) : null;
        if (happened is not TriggerEvent.File file) return new(context, null);
        return (await store.Head(file.Path, cancel)).Value is { } stored ? await Read(trigger, file, stored, cancel) : null;
    }

    public async Task<ResolvedEvent> Read(LiveTrigger trigger, TriggerEvent happened, RunRecord run, CancellationToken cancel) => new(
        new(trigger.When.Kind, trigger.Name, happened)
        {
            Run = run,
            Metrics = await Metrics(run, trigger.Metrics, cancel),
            Artifacts = trigger.AsksForArtifacts ? await Artifacts(run, cancel) : [],
        },
        run);

    /// <summary>A file that a run published says so, which is how lineage goes on through files.</summary>
    public async Task<ResolvedEvent> Read(LiveTrigger trigger, TriggerEvent.File file, StoredObject stored, CancellationToken cancel) => new(
        new(TriggerKind.File, trigger.Name, file),
        stored.Metadata.TryGetValue(WorkspaceFiles.PublishedByName, out var publisher) ? await Run(publisher, cancel) : null);

    /// <summary>The record has the latest values of some metrics; when it is full, the others are looked for in the curves.</summary>
    public async Task<IReadOnlyDictionary<string, double>> Metrics(RunRecord run, IReadOnlyList<string> wanted, CancellationToken cancel)
    {
        var unknown = wanted.Where(name => !run.Metrics.ContainsKey(name)).ToList();
        if (unknown.Count == 0 || run.Metrics.Count < RunSummaries.MaxMetrics) return run.Metrics;
        var all = run.Metrics.ToDictionary(StringComparer.Ordinal);
        foreach (var series in (await metrics.Read(run, new(unknown, MaxPoints: 4), cancel)).Series) all[series.Name] = series.Points[^1].Value;
        return all;
    }

    public async Task<IReadOnlyList<OutputFile>> Artifacts(RunRecord run, CancellationToken cancel) =>
        run.Outputs is null ? [] : (await outputs.Artifacts(run, cancel)).Artifacts;

    public async Task<IReadOnlyList<OutputFile>> Published(RunRecord run, CancellationToken cancel) =>
        run.Outputs is { } key && await store.Get(key, cancel: cancel) is { } manifest ? manifest.Json<OutputManifest>().Data : [];

    /// <summary>Ended runs of an experiment, the newest submission first.</summary>
    public async IAsyncEnumerable<RunSummary> Ended(string project, string experiment, IReadOnlyList<RunState> states,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var filter = new RunFilter(project, experiment, states);
        foreach (var run in (await index.Now(cancel)).Runs())
        {
            if (filter.Matches(run)) yield return run;
        }
    }

    /// <summary>Why the run is not what the trigger waits for; null when it is.</summary>
    public async Task<string?> Mismatch(LiveTrigger trigger, RunRecord run, IReadOnlyDictionary<string, double> values, CancellationToken cancel)
    {
        var when = trigger.When.Run!;
        if (TriggerRules.Mismatch(when, trigger.Where, run, values) is { } why) return why;
        if (when.Best is not { } best) return null;
        var others = new List<TriggerRules.Contender>();
        await foreach (var other in Ended(run.Project, run.Experiment, when.States, cancel))
        {
            if (other.Id == run.Id || other.Ended is not { } ended || ended > run.Ended) continue;
            others.Add(
                new(other.Id, ended, other.Metrics.TryGetValue(best.Metric, out var value) ? value : await Value(other.Id, best.Metric, cancel)));
        }

        return TriggerRules.Better(new(run.Id, run.Ended!.Value, values[best.Metric]), others, best.Goal) is { } better
            ? string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"{best.Metric} is {values[best.Metric]}, not better than the {better.Value} of run {better.Id}")
            : null;
    }

    /// <summary>A summary has not room for every metric that its record has.</summary>
    private async Task<double?> Value(string id, string metric, CancellationToken cancel) =>
        await Run(id, cancel) is { } run && (await Metrics(run, [metric], cancel)).TryGetValue(metric, out var value) ? value : null;
}
