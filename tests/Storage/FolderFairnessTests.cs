using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>
/// Nothing in a folder is waited for. Who reads much of it still has to let others run, or a few readers keep every thread from all other requests.
/// </summary>
public sealed class FolderFairnessTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly IObjectStore store;

    public FolderFairnessTests() => store = new FolderObjectStore(folder.Path, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task ReadingALargeObject_LetsOthersRunInBetween()
    {
        await store.Put("data/large", new byte[1 << 20], cancel: Cancel);

        Assert.True(await OthersRunDuring(async () =>
        {
            await using var reading = await store.Open("data/large", cancel: Cancel);
            var buffer = new byte[1 << 16];
            while (await reading!.Body.ReadAsync(buffer, Cancel) > 0);
        }));
    }

    [Fact]
    public async Task ListingManyObjects_LetsOthersRunInBetween()
    {
        for (var i = 0; i < 200; i++) await File.WriteAllTextAsync(folder[$"{i}"], "", Cancel);

        Assert.True(await OthersRunDuring(async () => Assert.Equal(200, await store.List("", cancel: Cancel).CountAsync(Cancel))));
    }

    /// <summary>Whether something else on the same one thread, which is asked for when the work begins, is done before the work is.</summary>
    private static async Task<bool> OthersRunDuring(Func<Task> work)
    {
        var oneThread = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
        return await await Task.Factory.StartNew(
            async () =>
            {
                var other = Task.Factory.StartNew(() => { }, Cancel, TaskCreationOptions.None, oneThread);
                await work();
                return other.IsCompleted;
            },
            Cancel, TaskCreationOptions.None, oneThread);
    }
}
