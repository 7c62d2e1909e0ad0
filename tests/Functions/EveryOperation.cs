using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Notifications;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>
/// Asks each operation of the API for what it does when all is well: a tour through a workspace in which there is one of everything.
/// </summary>
sealed class EveryOperation(PlatformFixture platform)
{
    private CancellationToken cancel;

    /// <returns>What went wrong, in all parts of the tour.</returns>
    public async Task<IReadOnlyList<string>> Visit(CancellationToken until)
    {
        cancel = until;
        var wrong = new List<string>();
        foreach (var part in (Func<Task>[])[Open, DeadLetters, Code, Runs, Files, Datasets, Keys, Webhooks, Triggers, Others, Doctor])
        {
            try
            {
                await part();
            }
            catch (Exception e) when (!until.IsCancellationRequested)
            {
                wrong.Add($"{part.Method.Name}: {e.Message}");
            }
        }

        return wrong;
    }

    private async Task Open()
    {
        using var nobody = platform.Client(null);
        foreach (var path in (string[])["health", "login", "openapi.json"]) await Gets(nobody, path);
    }

    private async Task Others()
    {
        foreach (var path in (string[])["machines", "doctor", "files?limit=1", "runs?limit=1"]) await Gets(platform.Reader, path);
        await Sends(platform.Admin, HttpMethod.Post, "lineage", 200);
        (string Method, string Path)[] unsupported =
            [("GET", "sweeps/x"), ("POST", "sweeps/x/cancel"), ("GET", "notebooks/x"), ("POST", "notebooks/x"), ("DELETE", "notebooks/x"),
                ("POST", "github/webhook")];
        foreach (var (method, path) in unsupported) await Sends(platform.Reader, new(method), path, 501);
    }

    private async Task Code()
    {
        var (sha256, zip) = PlatformFixture.Zip(("train.cs", "// of every operation"));
        await Sends(platform.Writer, HttpMethod.Post, $"code/{sha256}?lengthBytes={zip.Length}", 200);
        await Sends(platform.Writer, HttpMethod.Put, $"code/{sha256}", 200, new ByteArrayContent(zip));
        await GetsAndHeads($"code/{sha256}");
    }

    private async Task Runs()
    {
        var id = await platform.Submit("toured");
        var claimed = await platform.Apply(id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await Sends(platform.Writer, HttpMethod.Put, $"runs/{id}/tags", 200, PlatformFixture.Json("""["seen"]"""));
        await Sends(platform.Writer, HttpMethod.Post, $"runs/{id}/tags", 200, PlatformFixture.Json("""{"add":["more"],"remove":["seen"]}"""));
        var (artifact, chunk, checkpoint) = (WorkspacePaths.Artifact(id, 1, "a.txt"), WorkspacePaths.CheckpointChunk(id, 1, "aa"),
            WorkspacePaths.CheckpointManifest(id, 1, 40));
        await platform.Store.Put(artifact, "0123456789"u8, cancel: cancel);
        await platform.Store.Put(chunk, "weights"u8, cancel: cancel);
        await platform.Store.PutJson(
            checkpoint, new CheckpointManifest(40, 1, [new("model.safetensors", 7, Hash("weights"u8), [new(chunk, 7)])]), cancel: cancel);
        await SampleRuns.PutMetrics(platform.Store, claimed, 1, 0, SampleRuns.Segment("loss", 1, 2, 3));
        await SampleRuns.AppendLog(platform.Store, claimed, 1, 0, "a line\n");
        await platform.Apply(id, new RunEvent.Start(1));
        await platform.Apply(
            id, new RunEvent.Commit(
                1, SampleRuns.Checkpoint(
                    1, 40, new(0, 0), new(0, 0)) with { Manifest = checkpoint, Values = new Dictionary<string, double> { ["loss"] = double.NaN } }));
        foreach (var part in (string[])["", "/artifacts", "/metrics", "/metrics?format=csv", "/logs", "/logs/search?text=line", "/checkpoints"])
        {
            await Gets(platform.Reader, $"runs/{id}{part}");
        }

        await platform.Store.PutJson(
            WorkspacePaths.OutputManifest(id, 1), new OutputManifest([new("a.txt", artifact, 10, Hash("0123456789"u8))], []), cancel: cancel);
        await platform.Apply(
            id, new RunEvent.Finish(1, new(Cause.Completed, Outputs: WorkspacePaths.OutputManifest(id, 1),
                Values: new Dictionary<string, double> { ["loss"] = 0.5 }, Logs: new(0, 7))));
        foreach (var part in (string[])["", "/artifacts", "/logs?follow=true", "/checkpoints", "/checkpoints/40",
            "/checkpoints/last/model.safetensors", "/checkpoints/40/model.safetensors?pieces=true", "/why-not-reused"])
        {
            await Gets(platform.Reader, $"runs/{id}{part}");
        }

        await Gets(platform.Reader, $"runs/{id}/logs?follow=true", "text/event-stream");
        await GetsAndHeads($"runs/{id}/artifacts/a.txt", ranges: true);
        await Gets(platform.Reader, $"lineage/{id}");
        var again = (await Sends(platform.Writer, HttpMethod.Post, $"runs/{id}/rerun", 202)).GetProperty("runs")[0].GetProperty("id").GetString();
        await Sends(platform.Writer, HttpMethod.Post, $"runs/{again}/cancel", 202);
        await Gets(platform.Reader, $"compare?runs={id},{again}");
        await Gets(platform.Reader, "runs?experiment=toured");
        await Gets(platform.Reader, "curves?experiment=toured&names=loss");
        await Sends(platform.Writer, HttpMethod.Post, "experiments", 202, PlatformFixture.Json(await platform.Spec(new { other = 1 }, "toured")));
        await Gets(platform.Reader, "projects/pruning/experiments/toured/versions");
        await Gets(platform.Reader, "projects/pruning/experiments/toured/versions/diff?from=1&to=2");
        await Report(id);
        await Sends(platform.Writer, HttpMethod.Delete, $"runs/{again}", 204);
    }

    private async Task Report(string run)
    {
        var report = await Sends(platform.Writer, HttpMethod.Post, "reports", 201,
            PlatformFixture.Json(JsonSerializer.Serialize(new ReportRequest([run]), CoreJson.Options)));
        var id = report.GetProperty("id").GetString();
        await Gets(platform.Reader, "reports");
        foreach (var type in (string[])["text/markdown", "application/json"]) await Gets(platform.Reader, $"reports/{id}", type);
        await GetsAndHeads($"reports/{id}", ranges: true);
        await GetsAndHeads($"reports/{id}/report.md", ranges: true);
    }

    private async Task Files()
    {
        await Sends(platform.Writer, HttpMethod.Post, "files/data/tour/x.csv?lengthBytes=4", 200);
        await Sends(platform.Writer, HttpMethod.Put, "files/data/tour/x.csv", 200, new ByteArrayContent("a,b\n"u8.ToArray()));
        await GetsAndHeads("files/data/tour/x.csv", ranges: true);
        await Gets(platform.Reader, "files?prefix=data/tour/");
        await Gets(platform.Reader, "lineage/data/tour/x.csv");
        await Sends(platform.Writer, HttpMethod.Put, "files/data/tour/gone", 200, new ByteArrayContent([1]));
        await Sends(platform.Writer, HttpMethod.Delete, "files/data/tour/gone", 204);
    }

    private async Task Datasets()
    {
        var content = Hash("sent"u8);
        await Sends(platform.Writer, HttpMethod.Post, $"datasets/tour/files/{content}?lengthBytes=4", 200);
        var files = PlatformFixture.Json($$"""{"files":[{"path":"s.txt","sha256":"{{content}}","lengthBytes":4}]}""");
        Assert.Equal(content, (await Sends(platform.Writer, HttpMethod.Post, "datasets/tour", 200, files)).GetProperty("missing")[0].GetString());
        await Sends(platform.Writer, HttpMethod.Put, $"datasets/tour/files/{content}", 204, new ByteArrayContent("sent"u8.ToArray()));
        await Sends(platform.Writer, HttpMethod.Post, "datasets/tour", 201, PlatformFixture.Json("""{"path":"data/tour/"}"""));
        foreach (var path in (string[])["datasets", "datasets/tour", "datasets/tour/1", "datasets/tour/latest", "lineage/tour:1"])
        {
            await Gets(platform.Reader, path);
        }

        await GetsAndHeads("datasets/tour/1/files/x.csv", ranges: true);
        await Sends(platform.Writer, HttpMethod.Delete, "datasets/tour/1", 204);
        await Gets(platform.Reader, "datasets/tour");
    }

    private async Task Keys()
    {
        var made = await Sends(platform.Admin, HttpMethod.Post, "keys", 201, PlatformFixture.Json("""{"name":"tour","role":"reader"}"""));
        await Gets(platform.Admin, "keys");
        await Sends(platform.Admin, HttpMethod.Delete, $"keys/{made.GetProperty("id").GetString()}", 204);
    }

    private async Task Webhooks()
    {
        await using var receiver = await Receiver.Start();
        var spec = JsonSerializer.Serialize(new WebhookSpec(receiver.Url("/tour"), ["run.failed"]), CoreJson.Options);
        foreach (var status in (int[])[201, 200]) await Sends(platform.Admin, HttpMethod.Put, "webhooks/tour", status, PlatformFixture.Json(spec));
        foreach (var act in (string[])["pause", "resume", "test"]) await Sends(platform.Admin, HttpMethod.Post, $"webhooks/tour/{act}", 200);
        var platforms = new LocalWorkspaces(platform.Folder, TimeProvider.System).Platform;
        var notice = new Undelivered(
            "msg_1", new("1", WebhookEvents.Test, SampleRuns.Noon, LocalWorkspaces.Default, "hello"), 8, "503 Service Unavailable", SampleRuns.Noon);
        await new WebhookStore(platforms).PutAside(LocalWorkspaces.Default, "tour", notice, cancel);
        foreach (var path in (string[])["webhooks", "webhooks/tour", "webhooks/tour/undelivered"]) await Gets(platform.Reader, path);
        await Sends(platform.Admin, HttpMethod.Post, "webhooks/tour/undelivered/msg_1/redeliver", 204);
        await Sends(platform.Admin, HttpMethod.Delete, "webhooks/tour", 204);
    }

    private async Task Triggers()
    {
        var spec = JsonElement.Parse(await platform.Spec(new { of = 1 }, "triggered"));
        var trigger = JsonSerializer.Serialize(new { name = "tour", when = new { file = "data/tour-trigger/*" }, then = spec }, CoreJson.Options);
        var stored = await Sends(platform.Writer, HttpMethod.Put, "triggers/tour", 201, PlatformFixture.Json(trigger));
        await Sends(platform.Writer, HttpMethod.Put, "triggers/tour", 200, PlatformFixture.Json(trigger));
        await Gets(platform.Reader, "triggers/tour", "application/yaml");
        await Sends(platform.Reader, HttpMethod.Post, "triggers/tour/test", 200);
        var file = new TriggerEvent.File("data/tour/x.csv", (await platform.Store.Head("data/tour/x.csv", cancel)).Value!.ETag);
        var generation = stored.GetProperty("id").GetString()!;
        var firing = new Firing(Firing.IdOf(generation, file), "tour", generation, file, ["tour"], SampleRuns.Noon, FiringOutcome.Failed)
            { Problems = [new("params.lr", "wanted a number")] };
        await platform.Store.PutJson(WorkspacePaths.Firing("tour", firing.Id), firing, cancel: cancel);
        foreach (var path in (string[])["triggers", "triggers/tour", "triggers/tour/firings", $"triggers/tour/firings/{firing.Id}"])
        {
            await Gets(platform.Reader, path);
        }

        await Sends(platform.Writer, HttpMethod.Post, "triggers/tour/replay", 200);
        foreach (var act in (string[])["pause", "resume"]) await Sends(platform.Writer, HttpMethod.Post, $"triggers/tour/{act}", 200);
        await Sends(platform.Writer, HttpMethod.Delete, "triggers/tour", 204);
    }

    private async Task DeadLetters()
    {
        var (ids, queue) = (new SystemIds(TimeProvider.System), QueueNames.ForMachine("cpu"));
        using var bus = new SqliteMessageBus(Path.Combine(platform.Folder, "bus", "bus.db"), TimeProvider.System, ids);
        Message[] letters =
        [
            new RunWake(LocalWorkspaces.Default, "0123456789ABCDEFGHJKMNPQRS").ToMessage(1, ids), new("half a message", "{\"workspa"),
        ];
        foreach (var letter in letters)
        {
            await bus.Send(queue, letter, cancel: cancel);
            Assert.True(await bus.DeadLetter((await bus.Receive(queue, TimeSpan.Zero, cancel))!, "no such run", cancel));
        }

        await Gets(platform.Admin, "dead-letters");
        foreach (var letter in letters)
        {
            await Sends(platform.Admin, HttpMethod.Post, $"dead-letters/{queue}/{Uri.EscapeDataString(letter.Id)}/requeue", 204);
        }
    }

    /// <summary>Last: what is damaged changes other answers.</summary>
    private async Task Doctor()
    {
        var key = WorkspacePaths.Run("0123456789ABCDEFGHJKMNPQRS");
        await platform.Store.Put(key, "{"u8, cancel: cancel);
        foreach (var path in (string[])["doctor", "runs"]) await Gets(platform.Admin, path);
        await Sends(platform.Reader, HttpMethod.Get, "runs/0123456789ABCDEFGHJKMNPQRS", 409);
        await Sends(platform.Admin, HttpMethod.Post, "doctor", 200, PlatformFixture.Json($$"""{"object":"{{key}}"}"""));
    }

    private Task Gets(HttpClient client, string path, string? accept = null) => Sends(client, HttpMethod.Get, path, 200, accept: accept);

    private async Task GetsAndHeads(string path, bool ranges = false)
    {
        await Gets(platform.Reader, path);
        await Sends(platform.Reader, HttpMethod.Head, path, 200);
        if (!ranges) return;
        using var whole = await platform.Reader.GetAsync($"api/{path}", cancel);
        await Sends(platform.Reader, HttpMethod.Get, path, 206, headers => headers.Range = new(0, 1));
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Head])
        {
            await Sends(platform.Reader, method, path, 304, headers => headers.IfNoneMatch.Add(whole.Headers.ETag!));
        }
    }

    private Task<JsonElement> Sends(HttpClient client, HttpMethod method, string path, int status, HttpContent? body = null, string? accept = null) =>
        Sends(client, method, path, status, headers =>
    {
        if (accept is not null) headers.Accept.Add(new(accept));
    }, body);

    /// <summary>The answer, when it is JSON.</summary>
    private async Task<JsonElement> Sends(
        HttpClient client, HttpMethod method, string path, int status, Action<HttpRequestHeaders> set, HttpContent? body = null)
    {
        using var request = new HttpRequestMessage(method, $"api/{path}") { Content = body };
        set(request.Headers);
        using var answer = await client.SendAsync(request, cancel);
        Assert.True(answer.StatusCode == (HttpStatusCode)status,
            $"{method} {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(cancel)}");
        return answer.Content.Headers.ContentType?.MediaType == "application/json" && method != HttpMethod.Head
            ? JsonElement.Parse(await answer.Content.ReadAsByteArrayAsync(cancel))
            : default;
    }

    private static string Hash(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
