using System.Security.Cryptography;
using Serverless.Core.Datasets;
using Serverless.Core.Storage;

namespace Serverless.Tests.Storage;

public abstract partial class ObjectStoreContract
{
    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(9_000_000)]
    public async Task Put_OfABodyThatFailsAtItsVeryEnd_StoresNothing(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        var (right, wrong) = (Convert.ToHexStringLower(SHA256.HashData(bytes)), Convert.ToHexStringLower(SHA256.HashData([1])));
        var contents = new ContentStore(Store);
        Assert.Equal(right, (await Assert.ThrowsAsync<ContentMismatchException>(() => contents.Put(wrong, new MemoryStream(bytes), Cancel))).Actual);
        Assert.False(await contents.Hold(wrong, cancel: Cancel));
        await contents.Put(right, new MemoryStream(bytes), Cancel);
        await using var reading = await contents.Open(right, cancel: Cancel);
        Assert.Equal(right, Convert.ToHexStringLower(await SHA256.HashDataAsync(reading!.Body, Cancel)));
    }
}
