using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Runs;

public sealed class CheckpointSweepTests
{
    private const string Run = "r";

    private readonly MemoryObjectStore store = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Delete_TakesWhatNoManifestLeadsTo_AlsoOfAttemptsThatDied()
    {
        var shared = await Piece(1, "shared");
        var dropped = await Manifest(1, 10, shared, await Piece(1, "dropped"));
        var kept = await Manifest(2, 20, shared, await Piece(2, "own"));
        await Piece(1, "never committed");
        var log = WorkspacePaths.LogSegment(Run, 1, 0);
        await store.Put(log, "a line"u8, cancel: Cancel);

        var sweep = new CheckpointSweep(store, Run, epoch: 2);
        await sweep.Delete((await sweep.Needed([kept], Cancel))!, everywhere: true, Cancel);

        Assert.Equal(new[] { shared, WorkspacePaths.CheckpointChunk(Run, 2, "own"), kept, log }.Order(StringComparer.Ordinal), await Keys());
        Assert.DoesNotContain(dropped, await Keys());
    }

    [Fact]
    public async Task Delete_LeavesWhatAnotherRunStartsFrom()
    {
        var held = await Manifest(1, 10, await Piece(1, "held"));
        var dropped = await Manifest(1, 20, await Piece(1, "dropped"));
        var kept = await Manifest(1, 30, await Piece(1, "kept"));
        foreach (var step in (long[])[10, 99]) await HeldCheckpoints.Hold(store, Run, Some.Checkpoint(1, step), Cancel);
        var sweep = new CheckpointSweep(store, Run, epoch: 1);
        await sweep.Delete((await sweep.Needed([kept], Cancel))!, everywhere: true, Cancel);
        var keys = (await Keys()).ToList();
        Assert.All((string[])[held, kept, WorkspacePaths.CheckpointChunk(Run, 1, "held"), WorkspacePaths.CheckpointChunk(Run, 1, "kept")],
            key => Assert.Contains(key, keys));
        Assert.DoesNotContain(dropped, keys);
    }

    [Fact]
    public async Task Delete_BetweenCommits_LooksWhereSomethingWasNeededBefore()
    {
        var first = await Manifest(1, 10, await Piece(1, "a"));
        var second = await Manifest(3, 20, await Piece(3, "b"));
        var third = await Manifest(3, 30, await Piece(3, "c"));
        var sweep = new CheckpointSweep(store, Run, epoch: 3);
        await sweep.Delete((await sweep.Needed([first, second], Cancel))!, everywhere: false, Cancel);
        Assert.Contains(first, await Keys());
        Assert.DoesNotContain(third, await Keys());

        await sweep.Delete((await sweep.Needed([second], Cancel))!, everywhere: false, Cancel);

        Assert.Equal([second, WorkspacePaths.CheckpointChunk(Run, 3, "b")], await Keys());
    }

    [Fact]
    public async Task Delete_ByAnOwnerThatWasReplaced_LeavesItsSuccessorsPiecesAlone()
    {
        var shared = await Piece(1, "shared");
        var head = await Manifest(1, 10, shared);
        var stale = new CheckpointSweep(store, Run, epoch: 1);
        var needed = await stale.Needed([head], Cancel);

        // While it stood still, its successor resumed from the head and went on.
        var next = await Manifest(2, 20, shared, await Piece(2, "new"));
        await stale.Delete(needed!, everywhere: true, Cancel);

        Assert.Equal(new[] { shared, head, next, WorkspacePaths.CheckpointChunk(Run, 2, "new") }.Order(StringComparer.Ordinal), await Keys());
    }

    [Fact]
    public async Task Needed_WhenAManifestIsGone_AllowsNothingToBeDeleted() =>
        Assert.Null(await new CheckpointSweep(store, Run, epoch: 1).Needed([WorkspacePaths.CheckpointManifest(Run, 1, 10)], Cancel));

    private async Task<string> Piece(int epoch, string hash)
    {
        var key = WorkspacePaths.CheckpointChunk(Run, epoch, hash.Replace(' ', '-'));
        await store.Put(key, "bytes"u8, cancel: Cancel);
        return key;
    }

    private async Task<string> Manifest(int epoch, long step, params string[] pieces)
    {
        var key = WorkspacePaths.CheckpointManifest(Run, epoch, step);
        await store.PutJson(
            key, new CheckpointManifest(step, epoch, [new("w", 5 * pieces.Length, "hash", [.. pieces.Select(piece => new Chunk(piece, 5))])]),
            cancel: Cancel);
        return key;
    }

    private async Task<List<string>> Keys()
    {
        var keys = new List<string>();
        await foreach (var found in store.List("", cancel: Cancel)) keys.Add(found.Key);
        return keys;
    }
}
