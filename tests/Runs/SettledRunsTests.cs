using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Runs.Settled;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Runs;

/// <summary>The index of runs says what the records say, whoever writes them and whatever happens to the index.</summary>
public sealed class SettledRunsTests
{
    private static readonly RunFilter Indexed = new("pruning");

    private readonly FakeTimeProvider time = new(Some.Noon);
    private readonly MemoryObjectStore store;
    private readonly MemoryMessageBus bus;
    private readonly RunQueue queue;
    private readonly RunIndex index;

    public SettledRunsTests()
    {
        store = new(time);
        bus = new(time, Some.LeaseLength);
        queue = new("workspace", store, bus, new SystemIds(time));
        index = new(store);
    }

    private static RunSummary Full => new(
        Id(3), "pruning", "mlp", 7, RunState.Failed, Cause.UserCode, Some.Noon, Some.Now, Some.Now.ToOffset(TimeSpan.FromHours(2)), "gpu", 3, 900, "ann",
        ["a", "b"],
        new Dictionary<string, double> { ["loss"] = double.NaN, ["acc"] = 0.1 + 0.2, ["inf"] = double.NegativeInfinity },
        new Dictionary<string, System.Text.Json.JsonElement>
        {
            ["lr"] = System.Text.Json.JsonElement.Parse("1e-3"), ["name"] = System.Text.Json.JsonElement.Parse("\"a,\\u00e4]\""),
        },
        4, 5, new(1, 2), long.MaxValue);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task WhateverWritersDo_AndWhereverTheyDie_TheIndexSaysWhatTheRecordsSay(int seed)
    {
        var random = new Random(seed);
        RunIndex[] readers = [new(store), new(store), new(store)];
        for (var step = 0; step < 250; step++)
        {
            var id = $"run-{random.Next(12):00}";
            var writes = new FailingWrites(store, bus) { FailAt = random.Next(3) == 0 ? random.Next(8) : null, AfterWriting = random.Next(2) == 0 };
            var writer = new RunQueue("workspace", writes.Store, writes.Bus, new SystemIds(time));
            var records = new RunStore(writes.Store);
            try
            {
                switch (random.Next(9))
                {
                    case 0 or 1 or 2:
                        await writer.Announce(id, Cancel);
                        await records.Create(Some.Run(id) with { Tags = [$"t{step}"] }, Cancel);
                        break;
                    case 3 or 4:
                        await writer.Apply(id, new RunEvent.RequestCancel("ann", null), Cancel);
                        break;
                    case 5:
                        await writer.Apply(id, new RunEvent.SetTags([$"t{step}"]), Cancel);
                        break;
                    case 6 when (await new RunStore(store).Sound(id, Cancel)) is { State.IsTerminal: true }:
                        if ((await store.Head(WorkspacePaths.ActiveRun(id), Cancel)).Value is null) await records.Delete(id, Cancel);
                        break;
                    case 7:
                        await new RunIndex(writes.Store).Tend(Cancel);
                        break;
                    case 8:
                        await readers[random.Next(3)].Tend(Cancel);
                        break;
                }
            }
            catch (StoreUnavailableException)
            {
                // Its writer has died; what it owes, somebody else does later, or nobody.
            }

            if (random.Next(20) == 0) await queue.Tend(Cancel);
            if (random.Next(40) == 0) time.Advance(TimeSpan.FromDays(2));
            if (random.Next(3) == 0) await SaysWhatIsThere(readers[random.Next(3)], $"seed {seed}, step {step}");
        }

        foreach (var reader in readers) await SaysWhatIsThere(reader, $"seed {seed}, at the end");
    }

    [Fact]
    public async Task AWriterThatPauses_WhileTheIndexIsTended_IsHeardOf()
    {
        await Ended("run-1");
        await index.Tend(Cancel);
        var before = (await store.Head(WorkspacePaths.Run("run-1"), Cancel)).Value!;
        await SettledMark.PutBefore(store, "run-1", before.ETag, Cancel);
        await index.Tend(Cancel);
        await new RunIndex(store).Tend(Cancel);
        var run = (await new RunStore(store).Sound("run-1", Cancel))! with { Tags = ["late"] };
        await store.PutJson(
            WorkspacePaths.Run("run-1"), run, PutCondition.IfMatch(before.ETag), RunSummary.Of(run).ToMetadata(), Cancel);
        Assert.Equal(["late"], Assert.Single((await index.List(Indexed, 10, cancel: Cancel)).Runs).Tags);
        await index.Tend(Cancel);
        Assert.Empty(store.PeekAll(WorkspacePaths.SettledMarks));
        Assert.Equal(["late"], Assert.Single((await new RunIndex(store).List(Indexed, 10, cancel: Cancel)).Runs).Tags);
    }

    [Fact]
    public async Task AChangeThatIsNeverMade_IsForgottenAfterADay()
    {
        await Ended("run-1");
        await index.Tend(Cancel);
        await SettledMark.PutBefore(store, "run-1", (await store.Head(WorkspacePaths.Run("run-1"), Cancel)).Value!.ETag, Cancel);
        time.Advance(TimeSpan.FromHours(23));
        await index.Tend(Cancel);
        Assert.Single(store.PeekAll(WorkspacePaths.SettledMarks));
        time.Advance(TimeSpan.FromHours(2));
        await index.Tend(Cancel);
        Assert.Empty(store.PeekAll(WorkspacePaths.SettledMarks));
    }

    [Fact]
    public async Task RunsOfAWorkspaceWithoutAnIndex_AreListed_AndTheIndexIsMade()
    {
        for (var i = 0; i < 5; i++) await new RunStore(store).Create(Some.In("failed") with { Id = Id(i) }, Cancel);
        Assert.Equal([Id(0), Id(1), Id(2)], (await index.List(Indexed, 3, cancel: Cancel)).Runs.Select(run => run.Id));
        Assert.Equal([Id(3), Id(4)], (await index.List(Indexed, 3, Id(2), Cancel)).Runs.Select(run => run.Id));
        Assert.NotEmpty(store.PeekAll(WorkspacePaths.RunIndex));
    }

    [Fact]
    public async Task APage_CostsTheSameCalls_HoweverManyRunsHaveEnded()
    {
        var few = await CallsOfAPage(10);
        var many = await CallsOfAPage(1000);
        Assert.Equal(few, many);
        Assert.True(many <= 4, $"{many} calls");
    }

    [Fact]
    public async Task ARun_ThatIsLookedAt_CostsItsIndexLogarithmicWrites()
    {
        var written = 0L;
        var counting = new FailingWrites(store, bus) { Writing = key => written += key.StartsWith(WorkspacePaths.RunIndexSegments, StringComparison.Ordinal) ? 1 : 0 };
        var tended = new RunIndex(counting.Store);
        for (var i = 0; i < 200; i++)
        {
            await Ended(Id(i));
            await tended.Tend(Cancel);
        }

        var segments = store.PeekAll(WorkspacePaths.RunIndexSegments);
        Assert.InRange(segments.Count, 1, 6);
        Assert.Equal(200, (await new RunIndex(store).List(Indexed, 1000, cancel: Cancel)).Runs.Count);
        Assert.InRange(written, 200, 400);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"formatVersion\":1,\"segments\":[{\"name\":\"no-such\",\"count\":3}]}")]
    [InlineData("{\"formatVersion\":99,\"segments\":[]}")]
    [InlineData("""{"formatVersion":1,"segments":[{"name":"","count":1}]}""")]
    [InlineData("""{"formatVersion":1,"segments":[{"name":"../../runs/x","count":1}]}""")]
    public async Task ADamagedManifest_IsMadeAnew_UnlessItIsOfANewerVersion(string content)
    {
        await Ended("run-1");
        await index.Tend(Cancel);
        await store.Put(WorkspacePaths.RunIndexManifest, System.Text.Encoding.UTF8.GetBytes(content), cancel: Cancel);
        var more = 2;
        foreach (var reader in (RunIndex[])[index, new(store)])
        {
            await SaysWhatIsThere(reader, content);
            await Ended($"run-{more++}");
            await SaysWhatIsThere(reader, content);
        }

        var kept = (await store.Get(WorkspacePaths.RunIndexManifest, cancel: Cancel))!.Body;
        Assert.Equal(content.Contains("99", StringComparison.Ordinal), System.Text.Encoding.UTF8.GetString(kept) == content);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ASegmentThatIsDamagedOrGone_IsMadeAnew(bool isGone)
    {
        await Ended("run-1");
        await index.Tend(Cancel);
        foreach (var (stored, body) in store.PeekAll(WorkspacePaths.RunIndexSegments))
        {
            byte[] damaged = [.. body[..^9], (byte)(body[^9] ^ 1), .. body[^8..]];
            if (isGone) await store.Delete(stored.Key, cancel: Cancel);
            else await store.Put(stored.Key, damaged, cancel: Cancel);
        }

        Assert.Single((await new RunIndex(store).List(Indexed, 10, cancel: Cancel)).Runs);
        Assert.Single((await index.List(Indexed, 10, cancel: Cancel)).Runs);
        await Ended("run-2");
        await index.Tend(Cancel);
        Assert.Equal(2, (await new RunIndex(store).List(Indexed, 10, cancel: Cancel)).Runs.Count);
    }

    [Fact]
    public async Task RecordsThatWereChangedByHand_AreFoundByReconciling()
    {
        for (var i = 0; i < 4; i++) await Ended(Id(i));
        await index.Tend(Cancel);
        await store.Delete(WorkspacePaths.Run(Id(0)), cancel: Cancel);
        await store.Put(WorkspacePaths.Run(Id(1)), "{"u8, cancel: Cancel);
        await store.PutJson(WorkspacePaths.Run(Id(2)), (await new RunStore(store).Sound(Id(2), Cancel))! with { Tags = ["by-hand"] }, cancel: Cancel);
        await store.PutJson(WorkspacePaths.Run(Id(9)), Some.In("failed") with { Id = Id(9) }, cancel: Cancel);
        await store.PutJson(WorkspacePaths.Run(Id(8)), Some.Run(Id(8)), cancel: Cancel);
        Assert.Equal([Id(8)], await index.Reconcile(Cancel));
        var list = await new RunIndex(store).List(Indexed, 10, cancel: Cancel);
        Assert.Equal([Id(2), Id(3), Id(9)], list.Runs.Select(run => run.Id));
        Assert.Equal(["by-hand"], list.Runs[0].Tags);
        Assert.Equal(WorkspacePaths.Run(Id(1)), Assert.Single(list.Damaged!).Key);

        // Mended by hand: what is damaged is looked at each time.
        await store.PutJson(WorkspacePaths.Run(Id(1)), Some.In("failed") with { Id = Id(1) }, cancel: Cancel);
        Assert.Equal([Id(1), Id(2), Id(3), Id(9)], (await index.List(Indexed, 10, cancel: Cancel)).Runs.Select(run => run.Id));

        // The first tending in a process looks after what goes on.
        await queue.Tend(Cancel);
        Assert.Equal(5, (await index.List(Indexed, 10, cancel: Cancel)).Runs.Count);
    }

    [Fact]
    public async Task WhatAWriterLeftWhoWasNotTheFirst_IsRemovedAfterAnHour()
    {
        await Ended("run-1");
        await index.Tend(Cancel);
        await store.Put(WorkspacePaths.RunIndexSegment("left"), "x"u8, cancel: Cancel);
        await index.Reconcile(Cancel);
        Assert.Equal(2, store.PeekAll(WorkspacePaths.RunIndexSegments).Count);
        time.Advance(TimeSpan.FromHours(2));
        await index.Reconcile(Cancel);
        Assert.Single(store.PeekAll(WorkspacePaths.RunIndexSegments));
    }

    [Fact]
    public async Task ManyMarks_AreTakenInByWhoeverLists()
    {
        for (var i = 0; i < 300; i++) await Ended(Id(i));
        Assert.Equal(300, (await index.List(Indexed, 1000, cancel: Cancel)).Runs.Count);
        Assert.Equal(300, (await index.List(Indexed, 1000, cancel: Cancel)).Runs.Count);
        Assert.Empty(store.PeekAll(WorkspacePaths.SettledMarks));
    }

    [Fact]
    public async Task AStoreThatTakesNothing_IsListedAllTheSame()
    {
        for (var i = 0; i < 3; i++) await Ended(Id(i));
        var full = new FailingWrites(store, bus) { FailAt = 0, Recovers = true };
        Assert.Equal(3, (await new RunIndex(full.Store).List(Indexed, 10, cancel: Cancel)).Runs.Count);
        Assert.Empty(store.PeekAll(WorkspacePaths.RunIndex));
    }

    [Fact]
    public void ASegment_GivesBackWhatWasWritten()
    {
        RunSummary[] runs =
        [
            RunSummary.Of(Some.Run(Id(1))), RunSummary.Of(Some.Run(Id(2)) with { Tags = ["a,b"] }), Full, Full with { Id = Id(4), Tags = ["a", "b"] },
        ];
        SettledEntry[] entries =
        [
            .. runs.Select(run => new SettledEntry(run.Id, $"\"etag of {run.Id}\"", run)), new(Id(5)),
            new(Id(6), null, null, new(Id(6), "it is a folder")), new(Id(7), "e", null, new("key", "why", IsNewer: true)),
        ];
        Assert.Equal(entries.Select(Text), SegmentFormat.Read(SegmentFormat.Write(entries)).Select(Text));
        Assert.Empty(SegmentFormat.Read(SegmentFormat.Write([])));
        var read = SegmentFormat.Read(SegmentFormat.Write(entries))[2].Run!;
        Assert.Equal((true, false), (read.Metrics.ContainsKey("acc"), read.Metrics.ContainsKey("ac")));
        Assert.Throws<KeyNotFoundException>(() => read.Metrics["ac"]);
    }

    [Fact]
    public void TheSummaryThatSegmentsAreTestedWith_HasEverything()
    {
        foreach (var property in typeof(RunSummary).GetProperties())
        {
            var value = property.GetValue(Full);
            Assert.False(value is null or 0 or 0L or "" || value is System.Collections.ICollection { Count: 0 }, property.Name);
            Assert.NotEqual(property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null, value);
        }
    }

    [Fact]
    public void ASegmentWithOtherBytes_IsRefused_WhateverTheyAre()
    {
        var bytes = SegmentFormat.Write([new(Id(1), "e", Full), new(Id(2), null, null, new("key", "why"))]);
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            byte[] other = random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : [.. bytes];
            for (var j = random.Next(4); j > 0 && other.Length > 0; j--) other[random.Next(other.Length)] = (byte)random.Next(256);
            try
            {
                SegmentFormat.Read(other);
            }
            catch (InvalidDataException)
            {
                // The only way to fail.
            }
        }
    }

    private async Task<int> CallsOfAPage(int runs)
    {
        var own = new MemoryObjectStore(time);
        for (var i = 0; i < runs; i++) await new RunStore(own).Create(Some.In("failed") with { Id = Id(i) }, Cancel);
        var counting = new CountingStore(own);
        var warm = new RunIndex(counting);
        await warm.List(Indexed, 10, cancel: Cancel);
        counting.Calls = 0;
        await warm.List(Indexed, 10, cancel: Cancel);
        return counting.Calls;
    }

    private async Task SaysWhatIsThere(RunIndex reader, string when)
    {
        var wanted = (await new RunIndex(store).List(new(), 1000, cancel: Cancel)).Runs;
        var found = (await reader.List(Indexed, 1000, cancel: Cancel)).Runs;
        Assert.True(Text(wanted) == Text(found), $"{when}:\n{Text(wanted)}\n{Text(found)}");
    }

    private async Task Ended(string id)
    {
        await queue.Announce(id, Cancel);
        await new RunStore(store).Create(Some.Run(id), Cancel);
        await queue.Apply(id, new RunEvent.RequestCancel("ann", null), Cancel);
    }

    private static string Id(int number) => number.ToString("D26", CultureInfo.InvariantCulture);

    private static string Text<T>(T value) => System.Text.Json.JsonSerializer.Serialize(value, CoreJson.Options);

    private sealed class CountingStore(IObjectStore inner) : IObjectStore
    {
        public int Calls { get; set; }

        public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel) => Counted(inner.Head(key, cancel));
        public Task<ObjectReading?> Open(string key, ByteRange? range, CancellationToken cancel) => Counted(inner.Open(key, range, cancel));
        public IAsyncEnumerable<StoredObject> List(string prefix, string? after, CancellationToken cancel) =>
            Counted(inner.List(prefix, after, cancel));
        public Task<PutResult> Put(
            string key, Stream body, PutCondition condition, IReadOnlyDictionary<string, string>? metadata, CancellationToken cancel) =>
            Counted(inner.Put(key, body, condition, metadata, cancel));
        public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
            Counted(inner.Append(key, expectedOffset, bytes, cancel));
        public Task<DeleteOutcome> Delete(string key, string? ifMatch, CancellationToken cancel) => Counted(inner.Delete(key, ifMatch, cancel));
        public Task<PutResult> Copy(string from, string to, PutCondition condition, CancellationToken cancel) =>
            Counted(inner.Copy(from, to, condition, cancel));

        private T Counted<T>(T answer)
        {
            Calls++;
            return answer;
        }
    }
}
