using System.Text;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;
using static Serverless.Tests.Support.SampleRuns;

namespace Serverless.Tests.Publishing;

/// <summary>
/// Whoever publishes dies at each write, with the write done or not, and people, other runs and a second handler have their turn before it is tried
/// again. What somebody changed or deleted stays so; everything else is published.
/// </summary>
public sealed class PublicationCrashTests
{
    private const string Older = "00000000000000000000000009", Id = "00000000000000000000000005", Newer = "00000000000000000000000001";

    private static readonly string[] Names = ["a", "b/new", "c"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Death_AtAnyWrite_AndTheNextTry_PublishEverything(bool afterWriting)
    {
        await AtEachWrite(afterWriting, async (store, _) =>
        {
            await Publish(store, Id);
            foreach (var name in Names) Assert.Equal($"{name} of {Id}", Text(store, name));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Death_AtAnyWrite_ThenAnEditOfWhatIsThere_IsKept(bool afterWriting)
    {
        await AtEachWrite(afterWriting, async (store, _) =>
        {
            var edited = Names.Where(name => Text(store, name) is not null).ToList();
            foreach (var name in edited) await store.Put(WorkspacePaths.Data + name, "edited"u8, cancel: Cancel);
            var begun = store.Peek(WorkspacePaths.Publication(Id)) is not null;
            await Publish(store, Id);
            await Publish(store, Id);
            foreach (var name in Names) Assert.Equal(begun && edited.Contains(name) ? "edited" : $"{name} of {Id}", Text(store, name));
            var run = (await new RunStore(store).Load(Id, Cancel))!.Run;
            Assert.True(run.Unpublished is null || run.Unpublished.All(file => edited.Contains(file.Path)));
        });
    }

    /// <summary>The same on a disk, where a person edits the file itself: what was published before the death is theirs from then on.</summary>
    [Theory]
    [MemberData(nameof(Hand.Changes), MemberType = typeof(Hand))]
    public async Task Death_AtAnyWrite_ThenAnEditByHand_IsKept(string way)
    {
        for (var at = 0; at < 20; at++)
        {
            using var folder = new TemporaryFolder();
            var disk = new FolderObjectStore(folder.Path, TimeProvider.System);
            await Finish(disk, Id);
            var failed = await Dies(disk, at, afterWriting: true);
            var published = Names.Select(name => Path.Combine(folder.Path, WorkspacePaths.Data, name)).Where(File.Exists).ToList();
            foreach (var file in published) await Hand.Edits(way, file);
            var edited = published.ToDictionary(file => file, Hand.TextOf);

            await Publish(disk, Id);
            await Publish(disk, Id);

            foreach (var (file, text) in edited) Assert.True(Hand.TextOf(file) == text, $"dead at {at}, {file} {way}: {Hand.TextOf(file)}");
            Assert.All(Names, name => Assert.True(File.Exists(Path.Combine(folder.Path, WorkspacePaths.Data, name)), name));
            if (!failed) return;
        }

        Assert.Fail("it never got through");
    }

    [Theory]
    [InlineData(Older)]
    [InlineData(Newer)]
    public async Task Death_AtAnyWrite_ThenAnotherRun_LeavesTheLaterSubmittedOnes(string other)
    {
        await AtEachWrite(afterWriting: true, async (store, _) =>
        {
            await Finish(store, other);
            await Publish(store, other);
            await Publish(store, Id);
            var winner = other == Newer ? Newer : Id;
            foreach (var name in Names) Assert.Equal($"{name} of {winner}", Text(store, name));
        });
    }

    [Fact]
    public async Task TwoHandlersAtOnce_AndLateOnes_WriteEachFileOnce()
    {
        var store = new MemoryObjectStore(TimeProvider.System) { Yields = true };
        await Finish(store, Id);
        var written = 0;
        store.Changed = (_, now) => written += now?.Object.Key.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal) == true ? 1 : 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Publish(store, Id), Cancel)));
        await Publish(store, Id);
        Assert.Equal(Names.Length, written);
    }

    /// <summary>
    /// Many orders of handlers, deaths, editors and deleters: once the run is known to be published, no file is ever written again.
    /// </summary>
    [Fact]
    public async Task AnyOrderOfDeathsEditsAndRepeatedEvents_NeverUndoesAnEdit()
    {
        var seeds = Environment.GetEnvironmentVariable("FUZZ_SECONDS") is { } seconds
            ? int.Parse(seconds, System.Globalization.CultureInfo.InvariantCulture) * 200
            : 400;
        for (var seed = 0; seed < seeds; seed++)
        {
            var random = new Random(seed);
            var store = await World();
            var edited = new HashSet<string>(StringComparer.Ordinal);
            for (var step = 0; step < 12; step++)
            {
                var name = Names[random.Next(Names.Length)];
                switch (random.Next(4))
                {
                    case 0 when store.Peek(WorkspacePaths.Publication(Id)) is not null && Text(store, name) is not null:
                        await store.Put(WorkspacePaths.Data + name, Encoding.UTF8.GetBytes($"edit {step}"), cancel: Cancel);
                        edited.Add(name);
                        break;
                    case 1:
                        await Dies(store, random.Next(8), random.Next(2) == 0);
                        break;
                    default:
                        await Publish(store, Id);
                        break;
                }

                foreach (var kept in edited)
                {
                    Assert.True(Text(store, kept)!.StartsWith("edit", StringComparison.Ordinal), $"seed {seed}: {kept} was written again");
                }
            }
        }
    }

    private static async Task AtEachWrite(bool afterWriting, Func<MemoryObjectStore, int, Task> then)
    {
        for (var at = 0; at < 20; at++)
        {
            var store = await World();
            if (!await Dies(store, at, afterWriting))
            {
                Assert.True(at >= Names.Length + 2, $"only {at} writes");
                return;
            }

            await then(store, at);
        }

        Assert.Fail("it never got through");
    }

    /// <returns>False: it got through.</returns>
    private static async Task<bool> Dies(IObjectStore store, int at, bool afterWriting)
    {
        var failing = new FailingWrites(
            store, new MemoryMessageBus(TimeProvider.System, TimeSpan.FromMinutes(1))) { FailAt = at, AfterWriting = afterWriting };
        try
        {
            await Publish(failing.Store, Id);
        }
        catch (StoreUnavailableException)
        {
        }

        return failing.Failed;
    }

    private static async Task<MemoryObjectStore> World()
    {
        var store = new MemoryObjectStore(new FakeTimeProvider());
        await store.Put(WorkspacePaths.Data + "a", "somebody's"u8, cancel: Cancel);
        await Finish(store, Older);
        await store.Put(WorkspacePaths.Data + "c", "of an earlier run"u8,
            metadata: new Dictionary<string, string> { [WorkspaceFiles.PublishedByName] = Older }, cancel: Cancel);
        await Finish(store, Id);
        return store;
    }

    private static Task<PublicationRecord?> Publish(IObjectStore store, string run) => new Publication(store).Publish(run, Cancel);

    private static string? Text(MemoryObjectStore store, string name) =>
        store.Peek(WorkspacePaths.Data + name) is { } entry ? Encoding.UTF8.GetString(entry.Body) : null;

    private static async Task Finish(IObjectStore store, string id)
    {
        var files = Names.Select(name => new OutputFile(name, WorkspacePaths.PublishedFile(id, 1, name), 1, "")).ToList();
        foreach (var file in files) await store.Put(file.Key, Encoding.UTF8.GetBytes($"{file.Path} of {id}"), cancel: Cancel);
        var manifest = WorkspacePaths.OutputManifest(id, 1);
        await store.PutJson(manifest, new OutputManifest([], files), cancel: Cancel);
        await store.PutJson(WorkspacePaths.Run(id), Run(id, RunState.Succeeded, Attempt(1)) with { Outputs = manifest }, cancel: Cancel);
    }
}
