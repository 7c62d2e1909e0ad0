using System.Text;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Deletion;
using Serverless.Core.Events;
using Serverless.Core.Lineage;
using Serverless.Core.Messaging;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Tests.Datasets;
using Serverless.Tests.Support;

namespace Serverless.Tests.Lineage;

/// <summary>Runs that read, publish, start from and trigger one another, without workers.</summary>
sealed class LineageRig
{
    private int made;

    public DatasetRig Data { get; } = new();
    public IObjectStore Store => Data.Store;
    public LineageReader Lineage => new(Store, Data.Catalog);
    public RunQueue Queue => new("team", Store, Data.Bus, new SystemIds(Data.Time));
    public RunDeletion Deletion => new(Store, Submission(), Queue, Lineage);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public Submission Submission(IObjectStore? store = null, IMessageBus? bus = null) =>
        new("team", store ?? Store, bus ?? Data.Bus, new SystemIds(Data.Time), new());

    public async Task<ExperimentSpec> Spec(string name, params string[] inputs) => new()
    {
        Project = "p", Name = name, Command = "train.cs", Code = new(await Snapshots.Put(Store, ("train.cs", "")), Commit: "abcdef0123"),
        Inputs = inputs,
        Params = new Dictionary<string, JsonElement> { ["n"] = JsonSerializer.SerializeToElement(++made) },
    };

    public async Task<string> Submit(ExperimentSpec spec)
    {
        Data.Time.Advance(TimeSpan.FromSeconds(1));
        var result = await Submission().Submit(spec, "ann", cancel: Cancel);
        return result is SubmitResult.Invalid invalid ? throw new InvalidOperationException(string.Join("\n", invalid.Problems))
            : Assert.IsType<SubmitResult.Accepted>(result).Answer.Runs[0].Id;
    }

    public async Task<string> Submit(string name, params string[] inputs) => await Submit(await Spec(name, inputs));

    public async Task<string> Trigger(string name, RunOrigin origin, params string[] inputs)
    {
        Data.Time.Advance(TimeSpan.FromSeconds(1));
        var id = new SystemIds(Data.Time).NewestFirst();
        Assert.IsType<SubmitResult.Accepted>(await Submission().SubmitForTrigger(await Spec(name, inputs), "trigger", origin, [id], Cancel));
        return id;
    }

    /// <summary>The run succeeds with these files in its <c>data/</c>.</summary>
    /// <param name="follow">Whether its end is told and its files are published.</param>
    public async Task Succeed(string run, (string Path, string Text)[] data, bool follow = true, string? artifact = null)
    {
        var runs = new RunStore(Store);
        var epoch = (await runs.Apply(run, new RunEvent.Claim("w", TimeSpan.FromHours(1)), Cancel)).Run!.Epoch;
        var files = new List<OutputFile>();
        foreach (var (path, text) in data)
        {
            var key = WorkspacePaths.PublishedFile(run, epoch, path);
            await Data.Put(key, text);
            files.Add(new(path, key, text.Length, DatasetRig.Hash(text)));
        }

        var artifacts = new List<OutputFile>();
        if (artifact is not null)
        {
            artifacts.Add(new(artifact, WorkspacePaths.Artifact(run, epoch, artifact), 1, DatasetRig.Hash("a")));
            await Data.Put(artifacts[0].Key, "a");
        }

        var outputs = WorkspacePaths.OutputManifest(run, epoch);
        await Store.PutJson(outputs, new OutputManifest(artifacts, files), cancel: Cancel);
        var ended = await runs.Apply(run, new RunEvent.Finish(epoch, new(Cause.Completed, Outputs: outputs)), Cancel);
        if (!follow) return;
        await Queue.SendOutstanding(ended.Run!, ended.Now, Cancel);
        await new Publication(Store).Publish(run, Cancel);
    }

    public async Task<string> Maker(string name, params (string Path, string Text)[] data)
    {
        var run = await Submit(name);
        await Succeed(run, data);
        return run;
    }

    /// <summary>A run with a checkpoint of step 7.</summary>
    public async Task<string> Trained(string name)
    {
        var run = await Submit(name);
        var runs = new RunStore(Store);
        await runs.Apply(run, new RunEvent.Claim("w", TimeSpan.FromHours(1)), Cancel);
        var manifest = WorkspacePaths.CheckpointManifest(run, 1, 7);
        await Store.PutJson(manifest, new CheckpointManifest(7, 1, [new("model.safetensors", 1, DatasetRig.Hash("w"), [])]), cancel: Cancel);
        var checkpoint = new CheckpointRef(
            1, 7, manifest, 1, Data.Time.GetUtcNow(), StreamCursor.Start, StreamCursor.Start, new Dictionary<string, double>());
        Assert.True((await runs.Apply(run, new RunEvent.Commit(1, checkpoint), Cancel)).Moved);
        return run;
    }

    /// <summary>Asks for the end of a run that nobody has claimed, which ends it.</summary>
    public Task End(string run) => Queue.Apply(run, new RunEvent.RequestCancel("ann", null), Cancel);

    public async Task<RunRecord> Load(string run) => (await new RunStore(Store).Load(run, Cancel))!.Run;

    public async Task<LineageGraph> Graph(string run, int depth = 10) => await Lineage.Of(await Load(run), depth, Cancel);

    /// <summary>Edges as "maker -published→ data/w/a".</summary>
    public static IEnumerable<string> Edges(LineageGraph graph)
    {
        var labels = graph.Nodes.ToDictionary(node => node.Id, node => node.Label);
        return graph.Edges.Select(edge => $"{labels[edge.From]} -{LineageDrawing.Says(edge)}→ {labels[edge.To]}").Order(StringComparer.Ordinal);
    }

    public async Task<List<WorkspaceEvent>> Told()
    {
        var told = new List<WorkspaceEvent>();
        while (await Data.Bus.Receive(QueueNames.Subscription(QueueNames.Events, "test"), TimeSpan.Zero, Cancel) is { } received)
        {
            told.Add(EventReader.WorkspaceEventIn(received.Message)!);
            await Data.Bus.Complete(received, Cancel);
        }

        return told;
    }

    public async Task<string?> Text(string key) => (await Store.Get(key, cancel: Cancel)) is { } read ? Encoding.UTF8.GetString(read.Body) : null;
}
