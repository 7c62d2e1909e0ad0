using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

public sealed class FolderLockTests : IDisposable
{
    private const string Key = "runs/one.json";
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    /// <summary>
    /// Nobody can tell what a process that was stopped in the middle of a write does next, so its
    /// lock is not broken. Whoever waits is told whom to continue.
    /// </summary>
    [Fact]
    public async Task WriterStoppedWithALock_IsNamedToThoseWhoWait_AndHarmsNobodyWhenItGoesOn()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells who holds a lock");
        await using var child = ChildProcess.Start<Holder>(folder.Path);
        Assert.Equal("holds", await child.ReadLine());
        child.Stop();
        var waiting = new Stripes(new FolderLayout(folder.Path), TimeSpan.FromMilliseconds(200));

        var stuck = await Assert.ThrowsAsync<StoreUnavailableException>(async () => await waiting.Take(Key, Cancel));

        Assert.Contains($"process {child.Id} ", stuck.Message, StringComparison.Ordinal);
        Assert.Contains($"stopped: continue it (kill -CONT {child.Id})", stuck.Message, StringComparison.Ordinal);
        child.Continue();
        await File.WriteAllTextAsync(folder["let-go"], "", Cancel);
        var store = new FolderObjectStore(folder.Path, TimeProvider.System);
        Assert.True((await store.Put(Key, "mine"u8, cancel: Cancel)).Stored);
    }

    /// <summary>Holds the lock until it is told to let it go.</summary>
    private sealed class Holder : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            _ = new FolderObjectStore(args[0], TimeProvider.System);
            using (await new Stripes(new FolderLayout(args[0])).Take(Key, default))
            {
                Console.WriteLine("holds");
                while (!File.Exists(Path.Combine(args[0], "let-go"))) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);
            return 0;
        }
    }
}
