using System.Text;
using Serverless.Core.Datasets;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Datasets;

public sealed class ContentHashesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>As archives do that were packed with one time for all, of data whose files all have the same length.</summary>
    [Fact]
    public async Task AnotherContentOfTheSameTimeAndLength_IsAnotherContent()
    {
        var store = new FolderObjectStore(folder.Path, TimeProvider.System);
        var (file, unpacked) = (folder["data/w.npy"], new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Directory.CreateDirectory(folder["data"]);
        var hashes = new ContentHashes(store);
        foreach (var content in (string[])["AAAA", "BBBB"])
        {
            await File.WriteAllTextAsync(file, content, Cancel);
            File.SetLastWriteTimeUtc(file, unpacked);
            foreach (var one in (ContentHashes[])[hashes, new(store), hashes])
            {
                var known = await one.Of((await store.Head("data/w.npy", Cancel)).Value!, Cancel);
                Assert.Equal(DatasetRig.Hash(content), known!.Sha256);
            }
        }

        await File.WriteAllTextAsync(folder["new"], "CCCC", Cancel);
        File.SetLastWriteTimeUtc(folder["new"], unpacked);
        File.Move(folder["new"], file, overwrite: true);
        Assert.Equal(DatasetRig.Hash("CCCC"), (await hashes.Of((await store.Head("data/w.npy", Cancel)).Value!, Cancel))!.Sha256);
    }

    [Fact]
    public async Task AFileThatIsAsItWas_IsReadOnce()
    {
        var store = new FolderObjectStore(folder.Path, TimeProvider.System);
        await store.Put("data/a", Encoding.UTF8.GetBytes("1"), cancel: Cancel);
        var listed = await store.List("data/", cancel: Cancel).FirstAsync(Cancel);
        Assert.Equal((await store.Head("data/a", Cancel)).Value!.Change, listed.Change);
        var hashes = new ContentHashes(store);
        await hashes.Of(listed, Cancel);
        File.Delete(folder["data/a"]);
        Assert.Equal(DatasetRig.Hash("1"), (await hashes.Of(listed, Cancel))!.Sha256);
        Assert.Equal(DatasetRig.Hash("1"), (await new ContentHashes(store).Of(listed, Cancel))!.Sha256);
    }

    public void Dispose() => folder.Dispose();
}
