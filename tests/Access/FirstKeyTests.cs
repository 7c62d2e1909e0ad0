using System.Security.Cryptography;
using System.Text;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Access;

public sealed class FirstKeyTests
{
    private readonly ApiKeys keys = new(new MemoryObjectStore(TimeProvider.System), TimeProvider.System, new SystemIds(TimeProvider.System));
    private readonly string secret = ApiKeys.NewSecret();

    private string Sha256 => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SecretBehindTheHash_IsAnAdministrator()
    {
        Assert.True(await FirstKey.Ensure(keys, "team", Sha256, Cancel));
        var found = await keys.Find(secret, Cancel);
        Assert.Equal((Role.Admin, "team"), (found!.Role, found.Workspace));
    }

    [Fact]
    public async Task RevokedFirstKey_StaysRevokedAtTheNextStart()
    {
        await FirstKey.Ensure(keys, "team", Sha256, Cancel);
        await keys.Create("ada", Role.Admin, "team", Cancel);
        await keys.Revoke("team", (await keys.Find(secret, Cancel))!.Id, Cancel);
        Assert.True(await FirstKey.Ensure(keys, "team", Sha256, Cancel));
        Assert.Null(await keys.Find(secret, Cancel));
    }

    [Fact]
    public async Task WithoutAHash_NobodyComesIn()
    {
        Assert.False(await FirstKey.Ensure(keys, "team", "", Cancel));
        Assert.Empty((await keys.List("team", Cancel)).Found);
    }

    [Fact]
    public async Task SecretGivenInPlaceOfItsHash_IsRefused() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => FirstKey.Ensure(keys, "team", secret, Cancel));
}
