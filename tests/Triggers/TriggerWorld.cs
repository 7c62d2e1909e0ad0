using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Platform;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Triggers;

/// <summary>A workspace in memory in which runs end as a test says, with the events that are told about.</summary>
sealed class TriggerWorld
{
    public const string Team = "team";
    private static readonly string Told = QueueNames.Subscription(QueueNames.Events, "test");

    private readonly ILoggerFactory log;

    private TriggerWorld(FakeTimeProvider time, MemoryObjectStore store, MemoryMessageBus bus, string snapshot, ILoggerFactory log)
    {
        (Time, Store, Bus, Snapshot, this.log) = (time, store, bus, snapshot, log);
        Workspace = Open(store, bus);
    }

    public FakeTimeProvider Time { get; }
    public MemoryObjectStore Store { get; }
    public MemoryMessageBus Bus { get; }
    public string Snapshot { get; }
    public Workspace Workspace { get; }
    public TriggerEngine Engine => Workspace.Triggers;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<TriggerWorld> New(DateTimeOffset? start = null, ILoggerFactory? log = null)
    {
        var time = new FakeTimeProvider(start ?? new(2026, 3, 2, 9, 0, 0, TimeSpan.Zero));
        var store = new MemoryObjectStore(time);
        var bus = new MemoryMessageBus(time, TimeSpan.FromMinutes(1));
        await bus.Subscribe(QueueNames.Events, "test", Cancel);
        return new(time, store, bus, await Snapshots.Put(store, ("train.cs", "")), log ?? NullLoggerFactory.Instance);
    }

    /// <summary>The same workspace as another process sees it.</summary>
    public Workspace Open(IObjectStore store, IMessageBus bus)
    {
        var ids = new SystemIds(Time);
        return new(Team, store, bus, new(Team, store, bus, ids, new() { WritingDegree = 1 }), ids, Time, ["cpu"], log);
    }

    /// <summary>What is wrong with a trigger, the reader's and the workspace's word together.</summary>
    public async Task<IReadOnlyList<Problem>> Problems(string yaml)
    {
        var reading = TriggerReader.Read(yaml.Replace("SNAPSHOT", Snapshot, StringComparison.Ordinal), SpecFormat.Yaml);
        return reading.Definition is { } definition ? await Engine.Checks.Problems(definition, Cancel) : reading.Problems;
    }

    public async Task<TriggerRecord> Add(string yaml)
    {
        Assert.Empty(await Problems(yaml));
        return (await Engine.Stored.Put(
            TriggerReader.Read(yaml.Replace("SNAPSHOT", Snapshot, StringComparison.Ordinal), SpecFormat.Yaml).Definition!, "ann", Cancel)).Trigger;
    }

    /// <summary>What a trigger that is not stored would have done.</summary>
    public Task<TriggerTrial> Try(string yaml)
    {
        var reading = TriggerReader.Read(yaml.Replace("SNAPSHOT", Snapshot, StringComparison.Ordinal), SpecFormat.Yaml);
        Assert.Empty(reading.Problems);
        return Engine.Trials.Try(new("", reading.Definition!, null, default, default), Cancel);
    }

    /// <summary>A trigger on runs of pruning/mlp that submits pruning/cnn with the run's sparsity.</summary>
    public static string OnMlp(string when = "", string then = "params: { model: cnn, sparsity: \"${run.params.sparsity}\" }", string limits = "{}",
        string name = "cnn-after-mlp") => $$"""
        name: {{name}}
        when: { run: { project: pruning, experiment: mlp{{when}} } }
        then:
          project: pruning
          name: cnn
          code: { snapshot: SNAPSHOT }
          command: train.cs
          {{then}}
        limits: {{limits}}
        """;

    public static string OnFile(
        string pattern, string limits = "{ debounce: 0s }", string then = "params: { file: \"${event.path}\", version: \"${event.etag}\" }") => $$"""
        name: on-file
        when: { file: "{{pattern}}" }
        then:
          project: pruning
          name: from-file
          code: { snapshot: SNAPSHOT }
          command: train.cs
          {{then}}
        limits: {{limits}}
        """;

    public async Task<string> Submit(
        string experiment, object? parameters = null, string project = "pruning", RunOrigin? origin = null, string[]? tags = null)
    {
        var spec = new ExperimentSpec
        {
            Project = project, Name = experiment, Code = new(Snapshot), Command = "train.cs", Fresh = true, Tags = tags ?? [],
            Params = JsonSerializer.SerializeToElement(parameters ?? new { }).EnumerateObject()
                .ToDictionary(field => field.Name, field => field.Value),
        };
        var result = origin is null ? await Workspace.Submission.Submit(spec, "ann", cancel: Cancel)
            : await Workspace.Submission.SubmitForTrigger(spec, "ann", origin, [new SystemIds(Time).NewestFirst()], Cancel);
        return Assert.IsType<SubmitResult.Accepted>(result).Answer.Runs[0].Id;
    }

    /// <summary>Ends a run as its worker would; nobody has been told when this returns but the topic.</summary>
    public async Task<RunEnded> End(
        string run, Cause cause = Cause.Completed, object? metrics = null, string[]? artifacts = null, string[]? data = null)
    {
        await Workspace.Queue.Apply(run, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)), Cancel);
        OutputFile[] files = [.. (artifacts ?? []).Select(
            path => new OutputFile(path, WorkspacePaths.Artifact(run, 1, path), path.Length, "sha-of-" + path))];
        OutputFile[] published = [.. (data ?? []).Select(
            path => new OutputFile(path, WorkspacePaths.PublishedFile(run, 1, path), path.Length, "sha-of-" + path))];
        foreach (var file in files.Concat(published)) await Store.Put(file.Key, System.Text.Encoding.UTF8.GetBytes(file.Path), cancel: Cancel);
        var outputs = WorkspacePaths.OutputManifest(run, 1);
        await Store.PutJson(outputs, new OutputManifest(files, published), cancel: Cancel);
        var values = JsonSerializer.SerializeToElement(metrics ?? new { }).EnumerateObject()
            .ToDictionary(field => field.Name, field => field.Value.GetDouble());
        var change = await Workspace.Queue.Apply(run, new RunEvent.Finish(1, new(cause, Values: values, Outputs: outputs)), Cancel);
        Assert.True(change.Moved, change.Decision.ToString());
        return new(Team, run, change.Run!.State, change.Run.Cause);
    }

    /// <summary>Submits, ends and tells the triggers about it.</summary>
    public async Task<string> Ended(string experiment, object? parameters = null, object? metrics = null, Cause cause = Cause.Completed,
        RunOrigin? origin = null, string[]? tags = null, string[]? artifacts = null)
    {
        var run = await Submit(experiment, parameters, origin: origin, tags: tags);
        Time.Advance(TimeSpan.FromSeconds(1));
        await Engine.Handle(await End(run, cause, metrics, artifacts), Cancel);
        return run;
    }

    public async Task<FileChanged> PutFile(string path, string text, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var put = await Store.Put(path, System.Text.Encoding.UTF8.GetBytes(text), metadata: metadata, cancel: Cancel);
        return new(Team, path, put.Object!.ETag, text.Length, Time.GetUtcNow());
    }

    public IReadOnlyList<RunRecord> Runs(string? experiment = null) =>
        [.. Store.PeekAll(WorkspacePaths.Runs).Select(entry => JsonSerializer.Deserialize<RunRecord>(entry.Body, CoreJson.Options)!)
            .Where(run => experiment is null || run.Experiment == experiment)];

    public IReadOnlyList<TriggerActed> Acts => [.. Bus.Peek(Told).Select(EventReader.WorkspaceEventIn).OfType<TriggerActed>()];

    public IReadOnlyList<MemoryObjectStore.Entry> Pending => Store.PeekAll(WorkspacePaths.PendingFirings);

    public async Task<Firing> OnlyFiring(string trigger) =>
        (await Engine.Firing(trigger, Assert.Single(await Engine.Firings(trigger, Cancel)).Id, Cancel))!;

    public bool IsWoken(string run) => Bus.Peek(QueueNames.ForMachine("cpu")).Any(wake => RunWake.From(wake)!.Run == run);
}
