using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Runs;

public sealed class RunStoreTests
{
    private readonly FakeTimeProvider time = new(Some.Noon);
    private readonly MemoryObjectStore store;
    private readonly RunStore runs;

    public RunStoreTests() => runs = new(store = new(time));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Lease_RunsFromTheStoresTimeOfTheLastRenewal()
    {
        await runs.Create(Some.Run(), Cancel);
        var claimed = await Apply(new RunEvent.Claim("worker-1", Some.LeaseLength));
        Assert.Equal(Some.Noon + Some.LeaseLength, claimed.Run!.Lease!.ExpiresAt);

        time.Advance(Some.LeaseLength - TimeSpan.FromTicks(1));
        Assert.IsType<Decision.Illegal>((await Apply(new RunEvent.ExpireLease())).Decision);
        Assert.True((await Apply(new RunEvent.Renew(1))).Moved);
        time.Advance(Some.LeaseLength - TimeSpan.FromTicks(1));
        Assert.IsType<Decision.Illegal>((await Apply(new RunEvent.ExpireLease())).Decision);
        time.Advance(TimeSpan.FromTicks(1));
        Assert.True((await Apply(new RunEvent.ExpireLease())).Moved);
    }

    [Fact]
    public async Task Writes_OfOthers_DoNotRenewTheLease()
    {
        await runs.Create(Some.Run(), Cancel);
        await Apply(new RunEvent.Claim("worker-1", Some.LeaseLength));
        time.Advance(Some.LeaseLength / 2);
        await Apply(new RunEvent.SetTags(["baseline"]));
        await Apply(new RunEvent.RequestCancel("ann", null));
        Assert.Equal(Some.Noon + Some.LeaseLength, (await runs.Load("run-1", Cancel))!.Run.Lease!.ExpiresAt);
        time.Advance(Some.LeaseLength / 2);
        Assert.Equal(RunState.Cancelled, (await Apply(new RunEvent.ExpireLease())).Run!.State);
    }

    [Fact]
    public async Task LateOwner_ThatWasNotReplaced_IsStillTheOwner()
    {
        await runs.Create(Some.Run(), Cancel);
        await Apply(new RunEvent.Claim("worker-1", Some.LeaseLength));
        time.Advance(Some.LeaseLength * 10);
        Assert.True((await Apply(new RunEvent.Commit(1, Some.Checkpoint(1, 10)))).Moved);
        Assert.IsType<Decision.Illegal>((await Apply(new RunEvent.Claim("worker-2", Some.LeaseLength))).Decision);
    }

    [Fact]
    public async Task Claim_AfterLeaseExpiry_FencesTheOldWorker()
    {
        await runs.Create(Some.Run(), Cancel);
        await Apply(new RunEvent.Claim("worker-1", Some.LeaseLength));
        time.Advance(Some.LeaseLength);
        Assert.Equal(2, (await Apply(new RunEvent.Claim("worker-2", Some.LeaseLength))).Run!.Epoch);
        RunEvent[] late =
        [
            new RunEvent.Renew(1), new RunEvent.Start(1), new RunEvent.Commit(1, Some.Checkpoint(1, 10)),
            new RunEvent.Finish(1, new(Cause.Completed)),
        ];
        foreach (var happened in late) Assert.IsType<Decision.Stale>((await Apply(happened)).Decision);
        var run = (await runs.Load("run-1", Cancel))!.Run;
        Assert.Equal((RunState.Preparing, null, 1), (run.State, run.Head, run.Lost));
    }

    [Fact]
    public async Task Claim_ByManyAtOnce_IsOneWorkers()
    {
        await runs.Create(Some.Run(), Cancel);
        var claims = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => Task.Run(() => Apply(new RunEvent.Claim($"worker-{i}", Some.LeaseLength)), Cancel)));
        Assert.Single(claims, claim => claim.Moved);
        Assert.Equal(1, (await runs.Load("run-1", Cancel))!.Run.Epoch);
    }

    [Fact]
    public async Task Create_OfAnExistingRun_LeavesItAlone()
    {
        Assert.True(await runs.Create(Some.Run(), Cancel));
        await Apply(new RunEvent.SetTags(["mine"]));
        Assert.False(await runs.Create(Some.Run(), Cancel));
        Assert.Equal(["mine"], (await runs.Load("run-1", Cancel))!.Run.Tags);
    }

    [Fact]
    public async Task Record_SurvivesStorage_Whole()
    {
        var run = Some.In("cancelling") with
        {
            Head = Some.Checkpoint(1, 10),
            Checkpoints = [Some.Checkpoint(1, 10)],
            Metrics = new Dictionary<string, double> { ["loss"] = double.NaN },
        };
        time.Advance(TimeSpan.FromMinutes(1));
        await runs.Create(run, Cancel);
        Assert.Equal(
            JsonSerializer.Serialize(run, CoreJson.Options), JsonSerializer.Serialize((await runs.Load("run-1", Cancel))!.Run, CoreJson.Options));
    }

    /// <summary>A record that cannot be true is damaged: nobody acts on it.</summary>
    [Theory]
    [InlineData(0, 0, null), InlineData(999_999, 0, null), InlineData(0, long.MaxValue, null)]
    [InlineData(-1, 0, "a stream of it ends where none can"), InlineData(1_000_000, 0, "a stream of it ends where none can"), InlineData(
        0, -1, "a stream of it ends where none can")]
    public async Task ARecord_WhoseStreamsEndWhereNoneCan_IsDamaged(int segment, long length, string? problem)
    {
        var cursor = new StreamCursor(7, 8);
        Attempt[] attempts =
        [
            new(1, "w", Some.Noon, Metrics: cursor), new(1, "w", Some.Noon, Logs: cursor),
            new(1, "w", Some.Noon, Some.Checkpoint(1, 1) with { Metrics = cursor }),
            new(1, "w", Some.Noon, Some.Checkpoint(1, 1) with { Logs = cursor }),
        ];
        foreach (var attempt in attempts)
        {
            await Write("run-1", Some.Run() with { Attempts = [attempt] }, "\"segment\":7,\"lengthBytes\":8",
                $"\"segment\":{segment},\"lengthBytes\":{length}");
            Assert.Equal(problem is not null, (await runs.Sound("run-1", Cancel)) is null);
            if (problem is not null) Assert.Contains(problem, (await runs.Read("run-1", Cancel)).Damage!.Why, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ARecord_UnderTheNameOfAnother_IsDamaged()
    {
        await Write("run-2", Some.Run("run-2"), "\"id\":\"run-2\"", "\"id\":\"run-1\"");
        Assert.Contains("it is the record of run run-1", (await runs.Read("run-2", Cancel)).Damage!.Why, StringComparison.Ordinal);
        await Assert.ThrowsAsync<DamagedRecordException>(() => runs.Load("run-2", Cancel));
    }

    [Fact]
    public void ALease_SaysWhoseItIs_AndWithoutItsRenewalNotWhenItEnds()
    {
        var lease = new Lease("worker-1", Some.LeaseLength, Some.Noon);
        Assert.Equal("worker-1 for 00:00:30 from 2030-01-02T12:00:00.0000000+00:00", $"{lease}");
        Assert.Contains(
            "renewal", Assert.Throws<InvalidOperationException>(() => (lease with { Renewed = null }).ExpiresAt).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Summary_IsInTheMetadata()
    {
        var run = Some.In("running") with
        {
            Tags = ["baseline"],
            Step = 7,
            Metrics = new Dictionary<string, double> { ["loss"] = double.PositiveInfinity },
        };
        await runs.Create(run, Cancel);
        var summary = RunSummary.FromMetadata((await store.Head("runs/run-1.json", Cancel)).Value!.Metadata);
        Assert.Equal(JsonSerializer.Serialize(RunSummary.Of(run), CoreJson.Options), JsonSerializer.Serialize(summary, CoreJson.Options));
    }

    public static TheoryData<string, RunRecord> HostileRuns()
    {
        var big = string.Concat(Enumerable.Repeat("Ωλ\u0001\u007f\"\\<é😀", 500));
        var run = Some.Run();
        return new()
        {
            { "many params",
                run with { Spec = run.Spec with { Params = Enumerable.Range(0, 500)
                    .ToDictionary(i => $"Ω{i}", i => JsonSerializer.SerializeToElement(i)) } } },
            { "a long param",
                run with { Spec = run.Spec with { Params = new Dictionary<string, JsonElement>
                    { [big] = JsonSerializer.SerializeToElement(new { big }) } } } },
            { "raw json",
                run with { Spec = run.Spec with { Params = new Dictionary<string, JsonElement>
                    { ["é"] = JsonDocument.Parse("[\"é😀\u007f\", {\"λ\": 1e400, \"b\": null}]").RootElement } } } },
            { "many metrics", run with { Metrics = Enumerable.Range(0, 500).ToDictionary(i => $"é{i}", i => i / 3.0) } },
            { "long tags", run with { Tags = [big, "baseline"] } },
            { "a long author", run with { SubmittedBy = big } },
            { "long names", run with { Experiment = big, Project = big } },
            { "everything", run with { Tags = [big, big], SubmittedBy = big, Metrics = new Dictionary<string, double> { [big] = double.NaN } } },
        };
    }

    [Theory]
    [MemberData(nameof(HostileRuns))]
    public void Summary_OfHostileData_FitsIntoMetadata_AsPrintableAscii(string what, RunRecord run)
    {
        var metadata = RunSummary.Of(run).ToMetadata();
        Assert.True(metadata.Sum(pair => pair.Key.Length + pair.Value.Length) <= Limits.MetadataBytes, what);
        Assert.All(metadata.Values, value => Assert.All(value, c => Assert.InRange(c, ' ', '~')));
        Assert.Equal(what == "long names", RunSummary.FromMetadata(metadata) is null);
    }

    /// <summary>What is left of the lists is their beginning, where the most telling stands; what is missing is counted.</summary>
    [Fact]
    public void Summary_ThatIsTooLong_KeepsTheBeginningOfItsLists_ParametersFirstToGo_AndCountsTheRest()
    {
        var run = Some.Run() with { Metrics = Numbered("val/loss/", 40, i => (double)i), MetricsLeftOut = 7 };
        var order = RunSummary.Of(run).Metrics.Keys.ToList();
        Assert.Equal(RunSummaries.MaxMetrics, order.Count);

        // Small enough: everything that the lists have.
        var whole = Summary(run with { Spec = run.Spec with { Params = Numbered("p", 8, i => JsonSerializer.SerializeToElement(i)) } });
        Assert.Equal((8, 0, 24, 16 + 7), (whole.Params.Count, whole.ParamsLeftOut, whole.Metrics.Count, whole.MetricsLeftOut));

        // Too many parameters: 100 → 50 → 25, and every metric stays.
        var manyParams = Numbered("p", 100, i => JsonSerializer.SerializeToElement(new string('x', 80)));
        var halved = Summary(run with { Spec = run.Spec with { Params = manyParams } });
        Assert.Equal((25, 75, 24, 23), (halved.Params.Count, halved.ParamsLeftOut, halved.Metrics.Count, halved.MetricsLeftOut));
        Assert.Equal(manyParams.Keys.Take(25), halved.Params.Keys);

        // Metrics with long names: no parameter is left, and of the metrics the most telling half, and half of it.
        var longNames = run with
        {
            Metrics = Numbered(new string('n', 400), 40, i => (double)i),
            Spec = run.Spec with { Params = Numbered("p", 1, i => JsonSerializer.SerializeToElement(i)) },
        };
        order = [.. RunSummary.Of(longNames).Metrics.Keys];
        var few = Summary(longNames);
        Assert.Equal((0, 1, 6, 16 + 7 + 18), (few.Params.Count, few.ParamsLeftOut, few.Metrics.Count, few.MetricsLeftOut));
        Assert.Equal(order.Take(6), few.Metrics.Keys);
        Assert.Equal(longNames.Metrics.Count + longNames.MetricsLeftOut, few.Metrics.Count + few.MetricsLeftOut);

        // An odd number keeps the smaller half: 3 → 1.
        var three = Summary(run with { Metrics = Numbered(new string('n', 2000), 3, i => (double)i), MetricsLeftOut = 0 });
        Assert.Equal((1, 2), (three.Metrics.Count, three.MetricsLeftOut));

        // Tags and the author go last, metrics and parameters before them.
        var tagged = Summary(run with { Tags = [.. Enumerable.Range(0, 4).Select(i => new string((char)('a' + i), 1500))], SubmittedBy = "ann" });
        Assert.Equal((0, 2, "ann"), (tagged.Metrics.Count, tagged.Tags.Count, tagged.By));
        Assert.Equal('a', tagged.Tags[0][0]);
        Assert.Null(Summary(run with { SubmittedBy = new string('a', 5000) }).By);

        static RunSummary Summary(RunRecord of) => RunSummary.FromMetadata(RunSummary.Of(of).ToMetadata())!;

        static Dictionary<string, T> Numbered<T>(string name, int count, Func<int, T> value) =>
            Enumerable.Range(0, count).ToDictionary(i => $"{name}{i:D3}", value);
    }

    /// <summary>As somebody may who edits the file: the store itself takes no such record.</summary>
    private async Task Write(string id, RunRecord run, string part, string instead)
    {
        await store.PutJson($"runs/{id}.json", run, cancel: Cancel);
        var text = System.Text.Encoding.UTF8.GetString((await store.Get($"runs/{id}.json", cancel: Cancel))!.Body);
        Assert.Contains(part, text, StringComparison.Ordinal);
        await store.Put($"runs/{id}.json", System.Text.Encoding.UTF8.GetBytes(text.Replace(part, instead, StringComparison.Ordinal)), cancel: Cancel);
    }

    private Task<RunChange> Apply(RunEvent happened) => runs.Apply("run-1", happened, Cancel);
}
