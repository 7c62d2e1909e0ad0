using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core;
using Serverless.Core.Datasets;
using Serverless.Core.Doctor;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Platform;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Triggers;
using Serverless.Core.Workers;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Functions;

/// <summary>A workspace with some of everything in it, behind the HTTP API, and the questions that can be asked of it.</summary>
sealed class DamagedWorkspace(PlatformFixture platform) : IDisposable
{
    private static readonly SystemIds Ids = new(TimeProvider.System);
    private readonly SqliteMessageBus bus = new(Path.Combine(platform.Folder, "bus", "bus.db"), TimeProvider.System, Ids);
    private readonly List<string> questions = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public IObjectStore Store => platform.Store;
    public IObjectStore Platform { get; } = new LocalWorkspaces(platform.Folder, TimeProvider.System).Platform;
    public List<string> Runs { get; } = [];

    public async Task Fill()
    {
        await Put("triggers/on-mlp", TriggerWorld("on-mlp", "{ run: { project: pruning, experiment: mlp, where: \"metrics.acc > 0.1\" } }"),
            "application/yaml");
        await Put("triggers/on-file", TriggerWorld("on-file", "{ file: \"data/in/*.csv\" }"), "application/yaml");
        await Put("webhooks/team", """{"url":"http://127.0.0.1:9/nobody"}""");
        await Put("webhooks/other", """{"url":"http://127.0.0.1:9/nobody"}""");
        using (var file = await platform.Writer.PutAsync("api/files/data/set/a.csv", new StringContent("1,2"), Cancel))
        {
            file.EnsureSuccessStatusCode();
        }

        using (var set = await platform.Writer.PostAsJsonAsync("api/datasets/digits", new { path = "data/set" }, Cancel))
        {
            set.EnsureSuccessStatusCode();
        }

        for (var i = 0; i < 4; i++) Runs.Add(await platform.Submit("mlp"));
        foreach (var run in Runs.Take(2)) await End(run);
        using (var report = await platform.Writer.PostAsJsonAsync("api/reports", new { runs = Runs.Take(2) }, Cancel))
        {
            report.EnsureSuccessStatusCode();
            questions.Add($"reports/{(await report.Read<ReportInfo>()).Id}");
        }

        await Store.PutJson(WorkspacePaths.Worker("w1"),
            new WorkerInfo("w1", "cpu", "host", 1, 2, 1, "cpu", null, TimeSpan.FromDays(1), DateTimeOffset.UnixEpoch), cancel: Cancel);
        await Store.PutJson(WorkspacePaths.Worker("w2"),
            new WorkerInfo("w2", "cpu", "host", 2, 2, 1, "cpu", null, TimeSpan.FromDays(1), DateTimeOffset.UnixEpoch), cancel: Cancel);
        questions.AddRange([
            "runs", "runs?project=pruning&state=succeeded", "datasets", "datasets/digits", "datasets/digits/1", "datasets/digits/latest",
            "datasets/digits/1/files/a.csv", "triggers", "triggers/on-mlp", "triggers/on-file",
            "triggers/on-mlp/firings", "triggers/on-file/firings", "webhooks", "webhooks/team", "webhooks/team/undelivered", "machines", "keys",
            "reports", "dead-letters", "lineage/data/set", "lineage/digits:1", "files?prefix=data/",
            "projects/pruning/experiments/mlp/versions", "projects/pruning/experiments/mlp/versions/diff?from=1&to=1",
            $"compare?runs={Runs[0]},{Runs[1]}"]);
        questions.AddRange(
            Runs.SelectMany(
                run => (string[])[
                    $"runs/{run}", $"runs/{run}/metrics", $"runs/{run}/logs", $"runs/{run}/checkpoints", $"runs/{run}/artifacts",
                    $"runs/{run}/artifacts/model", $"runs/{run}/checkpoints/1", $"runs/{run}/checkpoints/1/model", $"runs/{run}/why-not-reused",
                    $"lineage/{run}"]));
    }

    /// <summary>As a worker would: a checkpoint, an artifact, a published file, metrics and a log.</summary>
    public async Task End(string run)
    {
        var queue = Queue();
        var epoch = (await queue.Apply(run, new RunEvent.Claim("w1", TimeSpan.FromMinutes(1)), Cancel)).Run!.Epoch;
        await Store.Put(WorkspacePaths.CheckpointChunk(run, epoch, "piece"), "weights"u8, cancel: Cancel);
        var manifest = WorkspacePaths.CheckpointManifest(run, epoch, 1);
        await Store.PutJson(
            manifest, new CheckpointManifest(
                1, epoch, [new("model", 7, Sha("weights"u8), [new(WorkspacePaths.CheckpointChunk(run, epoch, "piece"), 7)])]), cancel: Cancel);
        await queue.Apply(
            run, new RunEvent.Commit(epoch, new(
                epoch, 1, manifest, 7, DateTimeOffset.UnixEpoch, StreamCursor.Start, StreamCursor.Start, new Dictionary<string, double>())), Cancel);
        OutputFile artifact = new("model", WorkspacePaths.Artifact(run, epoch, "model"), 5, Sha("model"u8)),
            data = new($"out/{run}", WorkspacePaths.PublishedFile(run, epoch, "out"), 3, Sha("out"u8));
        await Store.Put(artifact.Key, "model"u8, cancel: Cancel);
        await Store.Put(data.Key, "out"u8, cancel: Cancel);
        await Store.Put(WorkspacePaths.LogSegment(run, epoch, 0), "a line\n"u8, cancel: Cancel);
        var outputs = WorkspacePaths.OutputManifest(run, epoch);
        await Store.PutJson(outputs, new OutputManifest([artifact], [data]), cancel: Cancel);
        await queue.Apply(
            run, new RunEvent.Finish(epoch, new(Cause.Completed, Outputs: outputs, Logs: new(0, 7), Metrics: StreamCursor.Start,
                Values: new Dictionary<string, double> { ["acc"] = 0.9 })), Cancel);
    }

    /// <summary>Asks everything that can be asked; nothing may be answered with a failure of the platform.</summary>
    public async Task<IReadOnlyList<string>> Failures()
    {
        var failures = new List<string>();
        foreach (var question in questions)
        {
            using var answer = await platform.Admin.GetAsync($"api/{question}", Cancel);
            if ((int)answer.StatusCode >= 500) failures.Add($"{question}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancel)}");
        }

        return failures;
    }

    /// <summary>Keys of all records that lists show.</summary>
    public async Task<HashSet<string>> Served()
    {
        var served = new HashSet<string>(StringComparer.Ordinal);
        served.UnionWith((await Get<RunList>("runs?limit=1000")).Runs.Select(run => WorkspacePaths.Run(run.Id)));
        served.UnionWith(
            (await Get<DatasetList>("datasets")).Datasets.SelectMany(dataset => dataset.Versions)
                .Select(version => WorkspacePaths.DatasetVersion(version.Name, version.Number)));
        served.UnionWith((await Get<TriggerList>("triggers")).Triggers.Select(trigger => WorkspacePaths.Trigger(trigger.Name)));
        served.UnionWith((await Get<MachineList>("machines")).Workers.Select(worker => WorkspacePaths.Worker(worker.Id)));
        served.UnionWith((await Get<ReportList>("reports")).Reports.Select(report => WorkspacePaths.ReportInfo(report.Id)));
        served.UnionWith(
            (await Get<WebhookList>("webhooks")).Webhooks.Select(webhook => PlatformPaths.Webhook(LocalWorkspaces.Default, webhook.Name)));
        return served;
    }

    public async Task<IReadOnlyList<Finding>> Doctor()
    {
        var lines = (await platform.Admin.GetStringAsync("api/doctor", Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<DoctorLine>(line, CoreJson.Options)!).ToList();
        Assert.NotNull(lines[^1].End);
        return [.. lines.SkipLast(1).Select(line => line.Finding!)];
    }

    /// <summary>Everything that is done by the clock, and a new run to its end. Damage may be told about; nothing else may go wrong.</summary>
    public async Task Works()
    {
        var submission = new Submission(LocalWorkspaces.Default, Store, bus, Ids, new());
        var workspace = new Workspace(LocalWorkspaces.Default, Store, bus, submission, Ids, TimeProvider.System, ["cpu"], NullLoggerFactory.Instance);
        await Only<DamagedRecordException>(() => workspace.Queue.Tend(Cancel));
        await Only<DamagedRecordException>(() => workspace.Triggers.Tend(Cancel));
        await Only<DamagedRecordException>(() => workspace.Triggers.Tick(Cancel));
        await Only<DamagedRecordException>(() => workspace.DatasetPublishing.Tend(Cancel));
        await Only<DamagedRecordException>(() => workspace.DatasetDeletion.Sweep(Cancel));
        await submission.RemoveExpiredRequests(Cancel);
        var run = await platform.Submit("new");
        await End(run);
        Assert.NotNull(await workspace.Publication.Publish(run, Cancel));
        Assert.Equal(RunState.Succeeded, (await Get<RunRecord>($"runs/{run}")).State);
        using var deleted = await platform.Writer.DeleteAsync($"api/runs/{run}?force=true", Cancel);
        Assert.True(deleted.IsSuccessStatusCode, await deleted.Content.ReadAsStringAsync(Cancel));
    }

    public async Task<T> Get<T>(string path)
    {
        using var answer = await platform.Admin.GetAsync($"api/{path}", Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {await answer.Content.ReadAsStringAsync(Cancel)}");
        return await answer.Read<T>();
    }

    /// <summary>Downloads of which a hash is on record: each is what it was, or fails.</summary>
    public async Task<IReadOnlyList<string>> WronglyHanded()
    {
        var handed = Runs.Take(2)
            .SelectMany(run => ((string, string)[])[($"runs/{run}/artifacts/model", "model"), ($"runs/{run}/checkpoints/1/model", "weights")])
            .Append(("datasets/digits/1/files/a.csv", "1,2"));
        var wrong = new List<string>();
        foreach (var (path, content) in handed)
        {
            using var answer = await platform.Admin.GetAsync($"api/{path}", Cancel);
            if (answer.IsSuccessStatusCode && await answer.Content.ReadAsStringAsync(Cancel) != content) wrong.Add(path);
        }

        return wrong;
    }

    private static string Sha(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));

    private static async Task Only<T>(Func<Task> work) where T : Exception
    {
        try
        {
            await work();
        }
        catch (T)
        {
        }
        catch (AggregateException several) when (several.Flatten().InnerExceptions.All(one => one is T))
        {
        }
    }

    private RunQueue Queue() => new(LocalWorkspaces.Default, Store, bus, Ids);

    public void Dispose() => bus.Dispose();

    private async Task Put(string path, string body, string type = "application/json")
    {
        using var answer = await platform.Admin.PutAsync($"api/{path}",
            new StringContent(body.Replace("SNAPSHOT", await platform.PutCode(), StringComparison.Ordinal), Encoding.UTF8, type), Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    private static string TriggerWorld(string name, string when) => $$"""
        name: {{name}}
        when: {{when}}
        then: { project: pruning, name: next, code: { snapshot: SNAPSHOT }, command: train.cs }
        """;
}
