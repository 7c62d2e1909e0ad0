using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Serverless.Core.Datasets;
using Serverless.Core.Doctor;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Functions;

/// <summary>What has a hash on record is what it was when it is handed out, and is mended by whoever stores it again.</summary>
public sealed class DamagedContentTests(PlatformFixture platform) : IClassFixture<PlatformFixture>, IAsyncLifetime
{
    private readonly DamagedWorkspace workspace = new(platform);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await workspace.Fill();

    public ValueTask DisposeAsync()
    {
        workspace.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("")]
    [InlineData("hal")]
    [InlineData("wrong, and long")]
    public async Task AnotherLength_Is409BeforeTheBody(string content)
    {
        foreach (var (path, key) in Downloads())
        {
            await workspace.Store.Put(key, System.Text.Encoding.UTF8.GetBytes(content), cancel: Cancel);
            using var answer = await platform.Reader.GetAsync($"api/{path}", Cancel);
            var problem = await answer.Problem(HttpStatusCode.Conflict);
            Assert.Equal("Damaged data", problem.Title);
            Assert.Contains($"{key}", problem.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task OtherBytesOfTheSameLength_AreNotHandedOut()
    {
        foreach (var (path, key) in Downloads())
        {
            var content = (await workspace.Store.Get(key, cancel: Cancel))!.Body;
            content[0] ^= 1;
            await workspace.Store.Put(key, content, cancel: Cancel);
            using var answer = await platform.Reader.GetAsync($"api/{path}", Cancel);
            await answer.Problem(HttpStatusCode.Conflict);
        }

        Assert.DoesNotContain(platform.Log, line => line.Contains("unhandled", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task OtherBytesInALargeFile_CutTheConnection_BeforeItsEnd()
    {
        var content = RandomNumberGenerator.GetBytes(500_000);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(content));
        using (var sent = await platform.Writer.PutAsync($"api/datasets/large/files/{sha256}", new ByteArrayContent(content), Cancel))
        {
            sent.EnsureSuccessStatusCode();
        }

        using (var made = await platform.Writer.PostAsJsonAsync(
            "api/datasets/large", new { files = new[] { new { path = "x", sha256, lengthBytes = content.Length } } }, Cancel))
        {
            made.EnsureSuccessStatusCode();
        }

        content[100_000] ^= 1;
        await workspace.Store.Put(WorkspacePaths.Content(sha256), content, cancel: Cancel);

        using var answer = await platform.Reader.GetAsync("api/datasets/large/1/files/x", HttpCompletionOption.ResponseHeadersRead, Cancel);
        await Assert.ThrowsAnyAsync<Exception>(() => answer.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Theory]
    [InlineData("wr")]
    [InlineData("9,9")]
    public async Task ADamagedContent_IsAskedForAndReplaced_WhenItIsPublishedAgain(string damaged)
    {
        var sha256 = Convert.ToHexStringLower(SHA256.HashData("1,2"u8));
        await workspace.Store.Put(WorkspacePaths.Content(sha256), System.Text.Encoding.UTF8.GetBytes(damaged), cancel: Cancel);
        Assert.Contains(await workspace.Doctor(), finding => finding.Object == WorkspacePaths.Content(sha256));

        Assert.Equal([sha256], (await Publish()).Missing!);
        using (var sent = await platform.Writer.PutAsync($"api/datasets/digits/files/{sha256}", new ByteArrayContent([.. "1,2"u8]), Cancel))
        {
            sent.EnsureSuccessStatusCode();
        }

        Assert.Equal(1, (await Publish()).Version!.Number);
        Assert.Equal("1,2", await platform.Reader.GetStringAsync("api/datasets/digits/1/files/a.csv", Cancel));
        Assert.DoesNotContain(await workspace.Doctor(), finding => finding.Object == WorkspacePaths.Content(sha256));

        async Task<DatasetPublication> Publish()
        {
            using var answer = await platform.Writer.PostAsJsonAsync(
                "api/datasets/digits", new { files = new[] { new { path = "a.csv", sha256, lengthBytes = 3 } } }, Cancel);
            return await answer.Read<DatasetPublication>();
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    [InlineData(50)]
    public async Task ACodeSnapshotThatIsGoneOrCutShort_IsNamed_AndMendedByPuttingItAgain(int? left)
    {
        var (sha256, zip) = PlatformFixture.Zip(("train.cs", $"// {left}"));
        await Put();
        var spec = new { project = "pruning", name = "mended", code = new { snapshot = sha256 }, command = "train.cs" };
        using (var submitted = await platform.Writer.PostAsJsonAsync("api/experiments", spec, Cancel))
        {
            Assert.Equal(HttpStatusCode.Accepted, submitted.StatusCode);
        }

        var key = WorkspacePaths.Code(sha256);
        if (left is { } bytes) await workspace.Store.Put(key, zip.AsSpan(0, bytes), cancel: Cancel);
        else await workspace.Store.Delete(key, cancel: Cancel);

        Assert.Contains(await workspace.Doctor(), finding => finding.Object == key && finding.Kind == FindingKind.Missing);
        Assert.Equal(HttpStatusCode.NotFound, await Known());
        using (var refused = await platform.Writer.PostAsJsonAsync("api/experiments", spec with { name = "refused" }, Cancel))
        {
            Assert.Contains("upload it first", (await refused.Problem(HttpStatusCode.BadRequest)).Detail, StringComparison.Ordinal);
        }

        await Put();
        Assert.Equal(HttpStatusCode.OK, await Known());
        Assert.Equal(zip, (await workspace.Store.Get(key, cancel: Cancel))!.Body);
        Assert.DoesNotContain(await workspace.Doctor(), finding => finding.Object == key);

        async Task Put()
        {
            using var put = await platform.Writer.PutAsync($"api/code/{sha256}", new ByteArrayContent(zip), Cancel);
            put.EnsureSuccessStatusCode();
        }

        async Task<HttpStatusCode> Known()
        {
            using var answer = await platform.Reader.SendAsync(new(HttpMethod.Head, $"api/code/{sha256}"), Cancel);
            return answer.StatusCode;
        }
    }

    private IEnumerable<(string Path, string Key)> Downloads() =>
    [
        ($"runs/{workspace.Runs[0]}/artifacts/model", WorkspacePaths.Artifact(workspace.Runs[0], 1, "model")),
        ($"runs/{workspace.Runs[0]}/checkpoints/1/model", WorkspacePaths.CheckpointChunk(workspace.Runs[0], 1, "piece")),
        ("datasets/digits/1/files/a.csv", WorkspacePaths.Content(Convert.ToHexStringLower(SHA256.HashData("1,2"u8)))),
    ];
}
