using System.Net;
using Serverless.Core.Code;

namespace Serverless.Tests.Functions;

public sealed class CodeTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Snapshot_IsPutOnce_AndKnownAfterwards()
    {
        var (sha256, zip) = PlatformFixture.Zip(("train.cs", "return 0;"), ("lib/a.cs", "class A;"));
        Assert.Equal(HttpStatusCode.NotFound, (await Head()).StatusCode);
        for (var i = 0; i < 2; i++)
        {
            using var answer = await platform.Writer.PutAsync($"api/code/{sha256}", new ByteArrayContent(zip), Cancel);
            Assert.Equal((sha256, 2, zip.Length),
                await answer.Read<CodeStored>() is var stored ? (stored.Sha256, stored.Files, (int)stored.LengthBytes) : default);
        }

        Assert.Equal(HttpStatusCode.OK, (await Head()).StatusCode);
        Assert.Equal(["lib/a.cs", "train.cs"],
            (await (await platform.Reader.GetAsync($"api/code/{sha256}", Cancel)).Read<CodeFacts>()).Files.Select(file => file.Path));

        Task<HttpResponseMessage> Head() => platform.Reader.SendAsync(new(HttpMethod.Head, $"api/code/{sha256}"), Cancel);
    }

    [Fact]
    public async Task SnapshotWithAnotherHash_Is409_AndNothingIsStored()
    {
        var (_, zip) = PlatformFixture.Zip(("train.cs", "return 0;"));
        var claimed = new string('a', 64);
        await (await platform.Writer.PutAsync($"api/code/{claimed}", new ByteArrayContent(zip), Cancel)).Problem(HttpStatusCode.Conflict);
        await (await platform.Reader.GetAsync($"api/code/{claimed}", Cancel)).Problem(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("../train.cs")]
    [InlineData("/etc/cron.d/x")]
    [InlineData("a/../../b.cs")]
    [InlineData("a\\..\\b.cs")]
    public async Task SnapshotThatEscapes_IsRefused(string path)
    {
        var (sha256, zip) = PlatformFixture.Zip((path, "x"));
        await (await platform.Writer.PutAsync($"api/code/{sha256}", new ByteArrayContent(zip), Cancel)).Problem(HttpStatusCode.UnprocessableEntity);
        await (await platform.Reader.GetAsync($"api/code/{sha256}", Cancel)).Problem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task BytesThatAreNoZip_AreRefused()
    {
        byte[] bytes = [1, 2, 3];
        var sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));
        await (await platform.Writer.PutAsync($"api/code/{sha256}", new ByteArrayContent(bytes), Cancel)).Problem(HttpStatusCode.UnprocessableEntity);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD")]
    public async Task AddressThatIsNoHash_IsRefused(string sha256) =>
        await (await platform.Writer.PutAsync($"api/code/{sha256}", new ByteArrayContent([1]), Cancel)).Problem(HttpStatusCode.BadRequest);
}
