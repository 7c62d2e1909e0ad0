using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Code;
using Serverless.Core.Storage;
using Serverless.Core.Versions;
using Serverless.Core.Workspaces;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Versions;

public sealed class VersionsTests
{
    private readonly FakeTimeProvider time = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly MemoryObjectStore store;

    public VersionsTests() => store = new(time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static readonly ExperimentDefinition Some = new()
    {
        Tree = "tree",
        Command = "train.cs",
        Machine = "cpu",
        Seeds = [0],
        Env = new Dictionary<string, string>(),
        Params = new Dictionary<string, JsonElement> { ["lr"] = JsonElement.Parse("0.1") },
        Inputs = new Dictionary<string, string> { ["data/a"] = "hash" },
        Nodes = 1,
        Retries = new(),
        Grace = TimeSpan.FromSeconds(30),
        Checks = new Dictionary<string, string>(),
    };

    /// <summary>Hashes are stored with the versions: if this one changes, every experiment gets a version more without a change of its own.</summary>
    [Fact]
    public void The_scheme_is_pinned() => Assert.Equal("56bedcd9c969ab2a505f69ecbf586ecf04e2ad63b240c80dbfffd5dd5856258e", Some.Hash());

    [Fact]
    public async Task A_changed_definition_is_the_next_version_and_the_same_one_the_same()
    {
        var versions = new VersionStore(store);
        Assert.Equal((1, 2, 1), (await Register(versions, 0), await Register(versions, 1), await Register(versions, 0)));
        Assert.Equal((3, 2), (await Register(versions, 2), await Register(versions, 1)));

        // Another process knows nothing yet and answers the same.
        Assert.Equal((2, 4, 1), (await Register(new(store), 1), await Register(new(store), 3), await Register(new(store), 0)));
        Assert.Equal(4, await Register(versions, 3));
        Assert.Equal(1, await new VersionStore(store).Register("p", "other", Definition(0), new("zip", "tree"), null, Cancel));
    }

    [Fact]
    public async Task A_damaged_version_keeps_its_number_and_nobody_from_the_next()
    {
        Assert.Equal((1, 2), (await Register(new(store), 0), await Register(new(store), 1)));
        await store.Put(WorkspacePaths.Version("p", "n", 1), "{"u8, cancel: Cancel);
        Assert.Equal((2, 3), (await Register(new(store), 1), await Register(new(store), 2)));
        Assert.Equal([3, 2], (await new VersionStore(store).List("p", "n", Cancel)).Found.Select(version => version.Number));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_number_of_a_lost_version_stays_taken_and_counts_again_once_the_version_is_back(int lost)
    {
        for (var i = 0; i < 3; i++) Assert.Equal(i + 1, await Register(new(store), i));
        var key = WorkspacePaths.Version("p", "n", lost);
        var record = (await store.Get(key, cancel: Cancel))!.Body;
        await store.Delete(key, cancel: Cancel);

        var versions = new VersionStore(store);
        Assert.Equal(4, await Register(versions, 3));
        for (var i = 0; i < 3; i++) Assert.Equal(i + 1 == lost ? 5 : i + 1, await Register(new(store), i));
        var listed = await versions.List("p", "n", Cancel);
        Assert.Equal(key, Assert.Single(listed.Damaged).Key);
        Assert.Equal(((int[])[1, 2, 3, 4, 5]).Where(number => number != lost).Reverse(), listed.Found.Select(version => version.Number));

        await store.Put(key, record, cancel: Cancel);
        listed = await versions.List("p", "n", Cancel);
        Assert.Empty(listed.Damaged);
        Assert.Contains(lost, listed.Found.Select(version => version.Number));
    }

    [Fact]
    public async Task Numbers_of_versions_from_before_there_were_notes_are_noted_when_they_are_met()
    {
        for (var i = 0; i < 3; i++) await Register(new(store), i);
        for (var i = 1; i <= 3; i++) await store.Delete(WorkspacePaths.GivenVersion("p", "n", i), cancel: Cancel);
        Assert.Equal(2, await Register(new(store), 1));
        await store.Delete(WorkspacePaths.Version("p", "n", 3), cancel: Cancel);
        Assert.Equal(4, await Register(new(store), 3));
    }

    [Fact]
    public async Task Many_who_submit_at_once_agree_on_the_numbers()
    {
        var processes = Enumerable.Range(0, 4).Select(_ => new VersionStore(store)).ToList();
        var given = await Task.WhenAll(
            Enumerable.Range(0, 80).Select(
                i => Task.Run(async () => (Definition: i % 10, Number: await Register(processes[i % 4], i % 10)), Cancel)));
        Assert.Equal(10, given.Distinct().Count());
        Assert.Equal(10, given.Select(one => one.Number).Distinct().Count());

        // Whoever comes later reads the same numbers. One may be skipped: two processes wrote one definition under two, of which the lower counts.
        var listed = (await new VersionStore(store).List("p", "n", Cancel)).Found;
        Assert.Equal(given.Select(one => (one.Number, Definition(one.Definition).Hash())).Distinct().OrderDescending(),
            listed.Select(version => (version.Number, version.Hash)));
    }

    [Fact]
    public async Task One_process_skips_no_number()
    {
        var versions = new VersionStore(store);
        var given = await Task.WhenAll(Enumerable.Range(0, 80).Select(i => Task.Run(() => Register(versions, i % 10), Cancel)));
        Assert.Equal(Enumerable.Range(1, 10), given.Distinct().Order());
        Assert.Equal(10, store.PeekAll(WorkspacePaths.Projects).Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_number_that_a_failure_left_open_is_given_next(bool afterWriting)
    {
        var failing = new FailingWrites(store, new MemoryMessageBus(time, TimeSpan.FromMinutes(1)))
        {
            FailAt = 2,
            AfterWriting = afterWriting,
            Recovers = true,
        };
        var versions = new VersionStore(failing.Store);
        await Register(versions, 0);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => Register(versions, 1));
        Assert.Equal(afterWriting ? 3 : 2, await Register(versions, 2));
        Assert.Equal(afterWriting ? 2 : 3, await Register(versions, 1));
    }

    [Fact]
    public async Task A_gap_that_a_dead_process_left_is_filled_and_all_agree_on_the_lowest_number()
    {
        await Register(new(store), 0);
        await Register(new(store), 1);
        await Register(new(store), 2);
        await store.Delete(WorkspacePaths.Version("p", "n", 2), cancel: Cancel);
        await store.Delete(WorkspacePaths.GivenVersion("p", "n", 2), cancel: Cancel);

        // Version 3 may be told only when 2 is taken, and nobody but this caller is there to take it.
        Assert.Equal(2, await Register(new(store), 2));
        Assert.Equal((2, 4), (await Register(new(store), 2), await Register(new(store), 1)));
        Assert.Equal([4, 2, 1], (await new VersionStore(store).List("p", "n", Cancel)).Found.Select(version => version.Number));
    }

    [Fact]
    public async Task Versions_are_listed_newest_first()
    {
        var versions = new VersionStore(store);
        await versions.Register("p", "n", Definition(0), new("zip", "tree", "c0ffee0"), "ann", Cancel);
        time.Advance(TimeSpan.FromHours(1));
        await Register(versions, 1);
        var listed = (await versions.List("p", "n", Cancel)).Found;
        Assert.Equal([2, 1], listed.Select(version => version.Number));
        Assert.Equal(("c0ffee0", "ann", "tree", time.GetUtcNow().AddHours(-1)), (listed[1].Commit, listed[1].By, listed[1].Tree, listed[1].Created));

        Assert.Equal(listed, (await new VersionStore(store).List("p", "n", Cancel)).Found);
        Assert.Equal(2, await Register(new(store), 1));
    }

    [Fact]
    public async Task A_diff_says_what_changed_in_the_definition_and_in_the_code()
    {
        var versions = new VersionStore(store);
        var one = await Snapshots.Put(store, ("a.cs", "1"), ("b.cs", "1"), ("c.cs", "1"));
        var two = await Snapshots.Put(store, ("a.cs", "1"), ("b.cs", "2"), ("d.cs", "1"));
        await versions.Register("p", "n", Some with { Tree = "1" }, new(one, "1", "c0ffee0"), null, Cancel);
        await versions.Register(
            "p", "n",
            Some with { Tree = "2", Seeds = [0, 1],
                Params = new Dictionary<string, JsonElement> { ["lr"] = JsonElement.Parse("0.2"), ["n"] = JsonElement.Parse("1") } }, new(two, "2"),
                null, Cancel);
        var diff = (await versions.Diff("p", "n", 1, 2, Cancel))!;
        Assert.Equal(
            ["params.lr 0.1 0.2", "params.n  1", "seeds [0] [0,1]", "tree 1 2"],
            diff.Changes.Select(change => $"{change.Path} {change.From} {change.To}"));
        Assert.Equal([new("b.cs", FileChangeKind.Changed), new("c.cs", FileChangeKind.Removed), new("d.cs", FileChangeKind.Added)], diff.Files);
        Assert.Equal(("c0ffee0", null), (diff.FromCommit, diff.ToCommit));
        Assert.Null(await versions.Diff("p", "n", 1, 3, Cancel));
    }

    [Fact]
    public async Task Facts_of_a_snapshot_are_made_again_when_their_writer_died()
    {
        var sha256 = await Snapshots.Put(store, ("a.cs", "1"));
        var facts = (await new CodeStore(store).Facts(sha256, Cancel))!;
        await store.Delete(WorkspacePaths.CodeFacts(sha256), cancel: Cancel);
        Assert.Equal(facts.Tree, (await new CodeStore(store).Facts(sha256, Cancel))!.Tree);
        Assert.NotNull(store.Peek(WorkspacePaths.CodeFacts(sha256)));
        Assert.Null(await new CodeStore(store).Facts(new('0', 64), Cancel));
    }

    [Fact]
    public async Task A_snapshot_under_the_wrong_hash_and_one_that_is_no_zip_are_not_stored()
    {
        var code = new CodeStore(store);
        var zip = CodePackage.Pack(typeof(VersionsTests).Assembly.Location, cancel: Cancel).Zip.ToArray();
        Assert.IsType<CodePut.HashMismatch>(await code.Put(new('0', 64), new MemoryStream(zip), Cancel));
        Assert.IsType<CodePut.Refused>(await code.Put(new('0', 64), new MemoryStream([1, 2, 3]), Cancel));
        Assert.Empty(store.PeekAll("code/"));
    }

    private static ExperimentDefinition Definition(int i) => Some with { Seeds = [i] };

    private static Task<int> Register(VersionStore versions, int i) => versions.Register("p", "n", Definition(i), new("zip", "tree"), null, Cancel);
}
