using System.Text;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>
/// A small disk of its own, filled up and made read-only for real. The child process mounts
/// it where nobody else sees it, and it goes with the process.
/// </summary>
public sealed class FolderDiskTests
{
    [Fact]
    public async Task AFullDisk_SaysSo_AndNothingChanged() => await SmallDisk.Run<FillDisk>();

    [Fact]
    public async Task AReadOnlyDisk_IsRead_AndSaysWhyItIsNotWritten() => await SmallDisk.Run<MakeReadOnly>();

    private sealed class FillDisk : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", args[0]);
            IObjectStore store = new FolderObjectStore(args[0], TimeProvider.System);
            var metadata = new Dictionary<string, string> { ["n"] = "1" };
            var kept = (await store.Put("kept", "kept"u8, metadata: metadata)).Object!;
            await store.Append("log", 0, new byte[100_000]);

            // Too large for what is left.
            await Assert.ThrowsAsync<StoreFullException>(() => store.Put("kept", new byte[3_000_000], metadata: metadata));
            await Assert.ThrowsAsync<StoreFullException>(() => store.Append("log", 100_000, new byte[3_000_000]));
            await Assert.ThrowsAsync<StoreFullException>(() => store.Append("new log", 0, new byte[3_000_000]));
            await Unchanged();

            // Nothing left at all.
            SmallDisk.Fill(Path.Combine(args[0], "filling"));
            await Assert.ThrowsAsync<StoreFullException>(() => store.Put("kept", "more"u8, PutCondition.IfMatch(kept.ETag), metadata));
            await Assert.ThrowsAsync<StoreFullException>(() => store.Put("new", "more"u8, PutCondition.IfAbsent, metadata));
            await Assert.ThrowsAsync<StoreFullException>(() => store.Append("log", 100_000, new byte[10_000]));
            await Assert.ThrowsAsync<StoreFullException>(() => store.Copy("kept", "copy"));
            await Unchanged("filling");

            // Deleting needs no room, and makes some.
            Assert.Equal(DeleteOutcome.Deleted, await store.Delete("filling"));
            Assert.True((await store.Append("log", 100_000, new byte[10_000])).Appended);
            Assert.True((await store.Put("kept", "more"u8, PutCondition.IfMatch(kept.ETag), metadata)).Stored);
            return 0;

            async Task Unchanged(params string[] besides)
            {
                Assert.Equal([.. besides, "kept", "log"], await store.List("").Select(found => found.Key).ToListAsync());
                var got = (await store.Get("kept"))!;
                Assert.Equal(("kept", kept.ETag, "1"), (Encoding.UTF8.GetString(got.Body), got.Object.ETag, got.Object.Metadata["n"]));
                Assert.Equal(100_000, (await store.Get("log"))!.Body.Length);
                Assert.All(Directory.GetDirectories(Path.Combine(args[0], ".store/tmp")), left => Assert.Empty(Directory.GetFiles(left)));
            }
        }
    }

    private sealed class MakeReadOnly : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var disk = Directory.CreateDirectory(Path.Combine(args[0], "disk")).FullName;
            IObjectStore store = new FolderObjectStore(disk, TimeProvider.System);
            await store.Put("k", "x"u8, metadata: new Dictionary<string, string> { ["n"] = "1" });
            var plain = Directory.CreateDirectory(Path.Combine(disk, "plain/data")).Parent!.FullName;
            await File.WriteAllTextAsync(Path.Combine(plain, "data/by-hand.csv"), "1,2");

            SmallDisk.Mount("--bind", disk, disk);
            SmallDisk.Mount("-o", "remount,bind,ro", disk);
            IObjectStore reopened = new FolderObjectStore(disk, TimeProvider.System);
            Assert.Equal("1", (await reopened.Get("k"))!.Object.Metadata["n"]);
            await Refuses(reopened, "k");

            // A folder that no store was ever in: read-only media, a backup.
            IObjectStore bare = new FolderObjectStore(plain, TimeProvider.System);
            Assert.Equal("1,2", Encoding.UTF8.GetString((await bare.Get("data/by-hand.csv"))!.Body));
            Assert.Null((await bare.Head("data/none", default)).Value);
            await Refuses(bare, "data/by-hand.csv");
            return 0;
        }

        private static async Task Refuses(IObjectStore store, string key)
        {
            string[] messages =
            [
                (await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Put("new", "y"u8))).Message,
                (await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Append(key, 1, new byte[1]))).Message,
                (await Assert.ThrowsAsync<StoreUnavailableException>(() => store.Delete(key))).Message,
            ];
            Assert.All(messages, message => Assert.Contains("read-only", message, StringComparison.Ordinal));
        }
    }
}
