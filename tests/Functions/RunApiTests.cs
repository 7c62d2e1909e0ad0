using System.Net;
using System.Net.Http.Json;
using Serverless.Core;
using Serverless.Core.Metrics;
using Serverless.Core.Outputs;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Versions;
using Serverless.Core.Workers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

public sealed class RunApiTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SubmittedRun_CanBeReadListedAndFoundByVersion()
    {
        var id = await platform.Submit("read");
        var run = await Run(id);
        Assert.Equal((RunState.Queued, "Writer", 1), (run.State, run.SubmittedBy, run.Version));
        var list = await platform.Reader.GetFromJsonAsync<RunList>(
            "api/runs?project=pruning&experiment=read&state=queued,running", CoreJson.Options, Cancel);
        Assert.Equal(id, Assert.Single(list!.Runs).Id);
        var versions = await platform.Reader.GetFromJsonAsync<VersionList>(
            "api/projects/pruning/experiments/read/versions", CoreJson.Options, Cancel);
        Assert.Equal(1, Assert.Single(versions!.Versions).Number);
    }

    [Fact]
    public async Task Runs_AreAskedForByExpression_AndOrdered()
    {
        var (first, second) = (await platform.Submit("asked"), await platform.Submit("asked"));
        async Task<RunList> List(string query) => (await platform.Reader.GetFromJsonAsync<RunList>("api/runs?" + query, CoreJson.Options, Cancel))!;
        var found = await List($"experiment=asked&where={Uri.EscapeDataString("state = queued and has id and age < 1h")}&order=id&limit=1");
        Assert.Equal(new[] { first, second }.Min(StringComparer.Ordinal), Assert.Single(found.Runs).Id);
        Assert.Equal(
            new[] { first, second }.Max(StringComparer.Ordinal),
            Assert.Single((await List($"experiment=asked&order=id&limit=1&after={found.Next}")).Runs).Id);
        Assert.Empty((await List("experiment=asked&where=state%3Dfailed")).Runs);
    }

    /// <summary>An unset variable in a script, say; what is listed is what somebody deletes.</summary>
    [Theory]
    [InlineData("tag=")]
    [InlineData("project=")]
    [InlineData("experiment=%20")]
    [InlineData("where=")]
    [InlineData("order=")]
    public async Task AFilterThatIsEmpty_IsRefused(string query) =>
        Assert.Contains("is empty; leave it out",
            (await (await platform.Reader.GetAsync("api/runs?" + query, Cancel)).Problem(HttpStatusCode.BadRequest)).Detail, StringComparison.Ordinal);

    [Fact]
    public async Task TagsThatManyAddAtOnce_AreAllThere()
    {
        var id = await platform.Submit("tagged-by-many");
        using var client = new ServerlessClient(platform.Writer.BaseAddress!, platform.Writer.DefaultRequestHeaders.Authorization!.Parameter);
        await client.SetTags(id, ["old", "kept"], Cancel);
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => client.ChangeTags(id, [$"t{i}"], ["old"], Cancel)));
        Assert.Equal(["kept", .. Enumerable.Range(0, 12).Select(i => $"t{i}").Order(StringComparer.Ordinal)],
            (await client.GetRun(id, Cancel)).Tags.Order(StringComparer.Ordinal));
        Assert.Equal(2, (await client.ChangeTags(id, [], [.. Enumerable.Range(1, 11).Select(i => $"t{i}")], Cancel)).Tags.Count);
        await (await platform.Writer.PostAsync($"api/runs/{id}/tags", PlatformFixture.Json("""{"add":["a b"]}"""), Cancel))
            .Problem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task CurvesOfManyRuns_AreOneAnswer_InTheirOrder()
    {
        var ids = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            ids.Add(await platform.Submit("curved"));
            var claimed = await platform.Apply(ids[i], new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
            var steps = Enumerable.Range(1, 20 + i).Select(step => (long)step).ToArray();
            await SampleRuns.PutMetrics(platform.Store, claimed, 1, 0, SampleRuns.Segment("loss", steps));
            await SampleRuns.PutMetrics(platform.Store, claimed, 1, 1, SampleRuns.Segment("other", 1));
        }

        using var client = new ServerlessClient(platform.Reader.BaseAddress!, platform.Reader.DefaultRequestHeaders.Authorization!.Parameter);
        var asked = new RunQuery { Experiment = "curved", Where = $"id != '{ids[3]}'", Order = "-id" };
        var curves = await client.ReadCurves(asked, ["lo*"], 10, Cancel).ToListAsync(Cancel);
        Assert.Equal(ids.Where(id => id != ids[3]).OrderDescending(StringComparer.Ordinal), curves.Select(one => one.Run.Id));
        Assert.All(curves, one => Assert.Equal(
            [("loss", 20 + ids.IndexOf(one.Run.Id), true)],
            one.Series.Select(series => (series.Name, (int)series.Total, series.Points.Count is > 5 and <= 10))));
        Assert.Equal(2, (await client.ReadCurves(asked with { Limit = 1 }, [], cancel: Cancel).ToListAsync(Cancel)).Single().Series.Count);
        await (await platform.Reader.GetAsync("api/curves?maxPoints=2001", Cancel)).Problem(HttpStatusCode.BadRequest);
        await (await platform.Reader.GetAsync("api/curves?where=acc+%3E", Cancel)).Problem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Yaml_IsTakenAsWellAsJson()
    {
        var yaml = $"project: pruning\nname: yaml\ncode: {{ snapshot: {await platform.PutCode()} }}\ncommand: train.cs\nseed: [1, 2]\n";
        foreach (var type in new[] { "application/yaml", "text/yaml", "application/x-yaml" })
        {
            using var answer = await platform.Writer.PostAsync("api/experiments", PlatformFixture.Json(yaml, type), Cancel);
            Assert.Equal(2, (await answer.Read<Submitted>()).Runs.Count);
        }
    }

    [Fact]
    public async Task IdempotencyKey_MakesSendingAgainSafe_AndRefusesAnotherBody()
    {
        var body = await platform.Spec();
        var first = await (await Send(body)).Read<Submitted>();
        var second = await (await Send(body)).Read<Submitted>();
        Assert.Equal(first.Runs[0].Id, second.Runs[0].Id);
        await (await Send(await platform.Spec())).Problem(HttpStatusCode.Conflict);

        async Task<HttpResponseMessage> Send(string text)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "api/experiments")
            {
                Content = PlatformFixture.Json(text),
                Headers = { { "Idempotency-Key", "the-same" } },
            };
            return await platform.Writer.SendAsync(request, Cancel);
        }
    }

    [Fact]
    public async Task IdempotencyKeyThatMakesNoSense_IsRefused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/experiments")
        {
            Content = PlatformFixture.Json("{}"),
            Headers = { { "Idempotency-Key", new string('x', 300) } },
        };
        await (await platform.Writer.SendAsync(request, Cancel)).Problem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task QueuedRun_IsCancelledAtOnce_AndAgainWithoutHarm()
    {
        var id = await platform.Submit();
        for (var i = 0; i < 2; i++)
        {
            using var answer = await platform.Writer.PostAsync($"api/runs/{id}/cancel?reason=typo", null, Cancel);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            var run = await answer.Read<RunRecord>();
            Assert.Equal((RunState.Cancelled, "typo"), (run.State, run.Message));
        }
    }

    [Fact]
    public async Task SucceededRun_CannotBeCancelled()
    {
        var id = await Finish(await platform.Submit());
        await (await platform.Writer.PostAsync($"api/runs/{id}/cancel", null, Cancel)).Problem(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task Rerun_IsANewRunOfTheSame()
    {
        var id = await Finish(await platform.Submit("rerun"));
        using var answer = await platform.Writer.PostAsync($"api/runs/{id}/rerun", null, Cancel);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var again = (await answer.Read<Submitted>()).Runs.Single();
        Assert.NotEqual(id, again.Id);
        Assert.False(again.Reused);
        Assert.Equal((await Run(id)).Key, (await Run(again.Id)).Key);
    }

    [Fact]
    public async Task Tags_AreReplacedAndFound()
    {
        var id = await platform.Submit();
        using var answer = await platform.Writer.PutAsJsonAsync($"api/runs/{id}/tags", new[] { "baseline", "größe" }, Cancel);
        Assert.Equal(["baseline", "größe"], (await answer.Read<RunRecord>()).Tags);
        var list = await platform.Reader.GetFromJsonAsync<RunList>("api/runs?tag=" + Uri.EscapeDataString("größe"), CoreJson.Options, Cancel);
        Assert.Equal(id, Assert.Single(list!.Runs).Id);
    }

    [Theory]
    [InlineData("""{"tags":[]}""")]
    [InlineData("""["a","a"]""")]
    [InlineData("""["a,b"]""")]
    [InlineData("""[""]""")]
    [InlineData("""[null]""")]
    [InlineData("""[1]""")]
    public async Task TagsThatMakeNoSense_AreRefused(string body)
    {
        var id = await platform.Submit();
        await (await platform.Writer.PutAsync($"api/runs/{id}/tags", PlatformFixture.Json(body), Cancel)).Problem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task OnlyAnEndedRun_IsDeleted_WithAllThatItLeft()
    {
        var id = await platform.Submit();
        await (await platform.Writer.DeleteAsync($"api/runs/{id}", Cancel)).Problem(HttpStatusCode.Conflict);
        await Finish(id);
        Assert.Equal(HttpStatusCode.NoContent, (await platform.Writer.DeleteAsync($"api/runs/{id}", Cancel)).StatusCode);
        await (await platform.Reader.GetAsync($"api/runs/{id}", Cancel)).Problem(HttpStatusCode.NotFound);
        await new RunIndex(platform.Store).Tend(Cancel);
        await foreach (var left in platform.Store.List("", cancel: Cancel)) Assert.DoesNotContain(id, left.Key, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeletedRun_IsNotReused()
    {
        var body = await platform.Spec();
        var first = await Submit();
        Assert.True((await Submit()).Reused);
        await Finish(first.Id);
        await platform.Writer.DeleteAsync($"api/runs/{first.Id}", Cancel);
        var second = await Submit();
        Assert.False(second.Reused);
        Assert.NotEqual(first.Id, second.Id);

        async Task<SubmittedRun> Submit() =>
            (await (await platform.Writer.PostAsync("api/experiments", PlatformFixture.Json(body), Cancel)).Read<Submitted>()).Runs.Single();
    }

    /// <summary>No worker is there that would claim it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ARunWhoseWorkerWasLost_IsNotShownAsRunning_OnceItsLeaseIsOver(bool inAList)
    {
        var id = await platform.Submit();
        await platform.Apply(id, new RunEvent.Claim("w", LeaseLength: TimeSpan.FromTicks(1)));
        var state = inAList
            ? (await platform.Reader.GetFromJsonAsync<RunList>("api/runs", CoreJson.Options, Cancel))!.Runs.Single(run => run.Id == id).State
            : (await platform.Reader.GetFromJsonAsync<RunRecord>($"api/runs/{id}", CoreJson.Options, Cancel))!.State;
        Assert.Equal(RunState.Queued, state);
        Assert.Equal(Cause.WorkerLost, (await new RunStore(platform.Store).Sound(id, Cancel))!.Attempts[^1].Cause);
    }

    [Fact]
    public async Task Metrics_ComeThinnedWithTheirTotal()
    {
        var id = await platform.Submit();
        var run = await platform.Apply(id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await SampleRuns.PutMetrics(platform.Store, run, 1, 0, SampleRuns.Segment("loss", [.. Enumerable.Range(1, 500).Select(i => (long)i)]));
        var metrics = await platform.Reader.GetFromJsonAsync<RunMetrics>(
            $"api/runs/{id}/metrics?names=lo*&from=101&maxPoints=10", CoreJson.Options, Cancel);
        var series = Assert.Single(metrics!.Series);
        Assert.Equal(400, series.Total);
        Assert.InRange(series.Points.Count, 4, 10);
        Assert.Equal((101, 500), (series.Points[0].Step, series.Points[^1].Step));
    }

    [Theory]
    [InlineData("", "loss,system/mine,system/cpu_percent")]
    [InlineData("source=run", "loss,system/mine")]
    [InlineData("source=machine", "system/cpu_percent")]
    [InlineData("source=run,machine", "loss,system/mine,system/cpu_percent")]
    [InlineData("source=machine&names=loss", "")]
    public async Task Metrics_ComeFromTheCodeAndFromTheWorker_OrFromOneOfThem(string query, string names)
    {
        var id = await platform.Submit();
        var run = await platform.Apply(id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await SampleRuns.PutMetrics(platform.Store, run, 1, 0, SampleRuns.Segment("loss", 1));
        await SampleRuns.PutMetrics(platform.Store, run, 1, 1, SampleRuns.Segment("system/mine", 1));
        await platform.Store.Put(WorkspacePaths.MachineSegment(id, 1, 0), SampleRuns.Segment("system/cpu_percent", 1).AsSpan(), cancel: Cancel);
        var metrics = await platform.Reader.GetFromJsonAsync<RunMetrics>($"api/runs/{id}/metrics?{query}", CoreJson.Options, Cancel);
        Assert.Equal(
            names.Split(',', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal),
            metrics!.Series.Select(series => series.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Metrics_OfASourceThatThereIsNot_AreRefused_AndItIsSaidWhichThereAre()
    {
        var answer = await platform.Reader.GetAsync($"api/runs/{await platform.Submit()}/metrics?source=gpu", Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("run, machine", await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_ThatAreNotNumbers_AreStillJson()
    {
        var id = await platform.Submit();
        var run = await platform.Apply(id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        var segment = SampleRuns.Segment("loss", 1);
        BitConverter.TryWriteBytes(segment.AsSpan(segment.Length - 8), double.NaN);
        await SampleRuns.PutMetrics(platform.Store, run, 1, 0, segment);
        var metrics = await platform.Reader.GetFromJsonAsync<RunMetrics>($"api/runs/{id}/metrics", CoreJson.Options, Cancel);
        Assert.True(double.IsNaN(metrics!.Series.Single().Points.Single().Value));
    }

    [Fact]
    public async Task Artifacts_AreShownLive_ThenAsTheManifestNamesThem()
    {
        var id = await platform.Submit();
        var run = await platform.Apply(id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        var key = WorkspacePaths.Artifact(id, 1, "plots/loss.txt");
        await platform.Store.Put(key, "0123456789"u8, cancel: Cancel);
        var live = await platform.Reader.GetFromJsonAsync<ArtifactList>($"api/runs/{id}/artifacts", CoreJson.Options, Cancel);
        Assert.True(live!.Live);
        Assert.Equal("plots/loss.txt", Assert.Single(live.Artifacts).Path);

        await platform.Store.Put(WorkspacePaths.Artifact(id, 1, "unfinished.tmp"), "x"u8, cancel: Cancel);
        await Finish(id, run, new OutputManifest([new("plots/loss.txt", key, 10, "abc")], []));
        var ended = await platform.Reader.GetFromJsonAsync<ArtifactList>($"api/runs/{id}/artifacts", CoreJson.Options, Cancel);
        Assert.False(ended!.Live);
        Assert.Equal("abc", Assert.Single(ended.Artifacts).Sha256);
        using var part = new HttpRequestMessage(HttpMethod.Get, $"api/runs/{id}/artifacts/plots/loss.txt") { Headers = { { "Range", "bytes=2-4" } } };
        using var answer = await platform.Reader.SendAsync(part, Cancel);
        Assert.Equal("text/plain", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("234", await answer.Content.ReadAsStringAsync(Cancel));
        await (await platform.Reader.GetAsync($"api/runs/{id}/artifacts/unfinished.tmp", Cancel)).Problem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Checkpoint_IsListedAndDownloadedFromItsChunks()
    {
        var id = await platform.Submit();
        await platform.Apply(id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        string[] chunks = [WorkspacePaths.CheckpointChunk(id, 1, "aa"), WorkspacePaths.CheckpointChunk(id, 1, "bb")];
        await platform.Store.Put(chunks[0], "hello "u8, cancel: Cancel);
        await platform.Store.Put(chunks[1], "weights"u8, cancel: Cancel);
        var manifest = WorkspacePaths.CheckpointManifest(id, 1, 40);
        await platform.Store.PutJson(
            manifest, new CheckpointManifest(40, 1, [new("model.safetensors", 13, "abc", [new(chunks[0], 6), new(chunks[1], 7)])]), cancel: Cancel);
        await platform.Apply(id, new RunEvent.Commit(1, SampleRuns.Checkpoint(1, 40, new(0, 0), new(0, 0)) with { Manifest = manifest }));

        var list = await platform.Reader.GetFromJsonAsync<CheckpointList>($"api/runs/{id}/checkpoints", CoreJson.Options, Cancel);
        Assert.Equal((40, manifest), (Assert.Single(list!.Checkpoints).Step, list.Head));
        foreach (var name in new[] { "40", "last" })
        {
            Assert.Equal("hello weights", await platform.Reader.GetStringAsync($"api/runs/{id}/checkpoints/{name}/model.safetensors", Cancel));
        }

        await (await platform.Reader.GetAsync($"api/runs/{id}/checkpoints/41", Cancel)).Problem(HttpStatusCode.NotFound);
        await (await platform.Reader.GetAsync($"api/runs/{id}/checkpoints/40/other", Cancel)).Problem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Compare_PutsRunsSideBySide()
    {
        string[] ids = [await platform.Submit(), await platform.Submit()];
        var compared = await platform.Reader.GetFromJsonAsync<Comparison>($"api/compare?runs={ids[0]},{ids[1]}", CoreJson.Options, Cancel);
        Assert.Equal(ids, compared!.Runs.Select(run => run.Id));
        Assert.True(Assert.Single(compared.Params).Differs);
    }

    [Fact]
    public async Task Diff_SaysWhatChangedBetweenVersions()
    {
        foreach (var epochs in new[] { 5, 10 })
        {
            using var answer = await platform.Writer.PostAsync(
                "api/experiments", PlatformFixture.Json(await platform.Spec(new { epochs }, "diffed")), Cancel);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        }

        var diff = await platform.Reader.GetFromJsonAsync<VersionDiff>(
            "api/projects/pruning/experiments/diffed/versions/diff?from=1&to=2", CoreJson.Options, Cancel);
        var change = Assert.Single(diff!.Changes);
        Assert.Equal(("params.epochs", 5, 10), (change.Path, change.From!.Value.GetInt32(), change.To!.Value.GetInt32()));
    }

    [Fact]
    public async Task Machines_ShowQueuesAndTheWorkersThatLive()
    {
        var living = new WorkerInfo("w1", "cpu", "here", 1, 2, 1 << 30, "cpu", null, TimeSpan.FromSeconds(5), SampleRuns.Noon);
        await platform.Store.PutJson(WorkspacePaths.Worker("w1"), living, cancel: Cancel);
        await platform.Store.PutJson(WorkspacePaths.Worker("w2"), living with { Id = "w2", Heartbeat = TimeSpan.FromHours(-1) }, cancel: Cancel);
        var waited = await Waiting();
        await platform.Submit();
        var taken = await platform.Submit();
        await platform.Apply(taken, new RunEvent.Claim("w1", TimeSpan.FromMinutes(1)));
        var machines = await platform.Reader.GetFromJsonAsync<MachineList>("api/machines", CoreJson.Options, Cancel);
        Assert.Equal("w1", Assert.Single(machines!.Workers).Id);
        Assert.NotNull(machines.Workers[0].Seen);
        var cpu = Assert.Single(machines.Classes);
        Assert.Equal(("cpu", 1), (cpu.Name, cpu.Workers));

        // Runs that wait, and not messages: the taken one's is still there.
        Assert.Equal(waited + 1, cpu.Waiting);

        async Task<long> Waiting() =>
            (await platform.Reader.GetFromJsonAsync<MachineList>("api/machines", CoreJson.Options, Cancel))!.Classes.Single(one =>
                one.Name == "cpu").Waiting;
    }

    private async Task<RunRecord> Run(string id) => (await platform.Reader.GetFromJsonAsync<RunRecord>($"api/runs/{id}", CoreJson.Options, Cancel))!;

    private async Task<string> Finish(string id, RunRecord? claimed = null, OutputManifest? outputs = null)
    {
        var run = claimed ?? await platform.Apply(id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        var manifest = outputs is null ? null : WorkspacePaths.OutputManifest(id, run.Epoch);
        if (manifest is not null) await platform.Store.PutJson(manifest, outputs, cancel: Cancel);
        await platform.Apply(id, new RunEvent.Finish(run.Epoch, new(Cause.Completed, Outputs: manifest)));
        return id;
    }
}
