using System.Net;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Serverless.Cloud;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Functions;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cloud;

/// <summary>Large files go straight to Blob storage and come straight from it: nothing of them passes through the API.</summary>
public sealed class DirectTransferTests(Azurite azurite) : IAsyncLifetime
{
    private const int Large = 33 * 1024 * 1024;

    private readonly string folder = Directory.CreateTempSubdirectory("direct-").FullName;
    private EmbeddedHost host = null!;
    private HttpClient client = null!;
    private IWorkspaces workspaces = null!;
    private string key = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IObjectStore Store => workspaces.Open(LocalWorkspaces.Default);

    public async ValueTask InitializeAsync()
    {
        workspaces = CloudConnections.Workspaces(await azurite.ConnectionString(Cancel));
        host = await EmbeddedHost.Start(new() { DataFolder = folder, Workspaces = workspaces }, Cancel);
        key = (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim();
        client = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await host.DisposeAsync();
        TemporaryFolder.Delete(folder);
    }

    [Fact]
    public async Task ALargeFile_IsPutAndFetchedWithExp_PastTheApi()
    {
        var content = RandomNumberGenerator.GetBytes(Large);
        await File.WriteAllBytesAsync(Path.Combine(folder, "big.bin"), content, Cancel);

        var put = await Exp("files", "put", "big.bin", "--to", "data/direct/big.bin");
        Assert.True(put.ExitCode == 0, put.ToString());
        var got = await Exp("files", "get", "data/direct/big.bin", "back.bin");
        Assert.True(got.ExitCode == 0, got.ToString());

        var fetched = await File.ReadAllBytesAsync(Path.Combine(folder, "back.bin"), Cancel);
        Assert.True(fetched.AsSpan().SequenceEqual(content));

        // What the API writes has a mark of its own.
        var blob = (await azurite.Client(Cancel)).GetBlobContainerClient(LocalWorkspaces.Default).GetBlobClient("data/direct/big.bin");
        Assert.Empty((await blob.GetPropertiesAsync(cancellationToken: Cancel)).Value.Metadata);
    }

    [Fact]
    public async Task ALink_OpensOneFileForOnePurpose_AndIsFollowedWithoutTheKey()
    {
        await Store.Put("data/link/a.txt", "first"u8, cancel: Cancel);
        await Store.Put("data/link/b.txt", "other"u8, cancel: Cancel);
        using var stranger = new HttpClient();

        using var redirect = await client.GetAsync("api/files/data/link/a.txt?direct=true", Cancel);
        Assert.Equal((HttpStatusCode.TemporaryRedirect, "no-store"), (redirect.StatusCode, redirect.Headers.CacheControl?.ToString()));
        var read = redirect.Headers.Location!;
        Assert.Equal("first", await stranger.GetStringAsync(read, Cancel));
        Assert.Equal(HttpStatusCode.Forbidden, (await Put(stranger, read.AbsoluteUri, "changed")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await stranger.GetAsync(read.AbsoluteUri.Replace("a.txt", "b.txt", StringComparison.Ordinal), Cancel)).StatusCode);

        using var asked = await client.PostAsync("api/files/data/link/a.txt?lengthBytes=7", null, Cancel);
        var place = await asked.Read<UploadPlace>();
        Assert.True(place.Direct);
        Assert.True(place.Expires > TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(50));
        Assert.Equal(HttpStatusCode.Created, (await Put(stranger, place.Url, "changed", place.Headers)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await stranger.GetAsync(place.Url, Cancel)).StatusCode);
        Assert.Equal("changed", await client.GetStringAsync("api/files/data/link/a.txt", Cancel));

        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("api/files/data/link/none.txt?direct=true", Cancel)).StatusCode);
        await (await client.PostAsync("api/files/elsewhere/x", null, Cancel)).Problem(HttpStatusCode.BadRequest);
        await (await client.PostAsync($"api/files/data/x?lengthBytes={100L << 30}", null, Cancel)).Problem(HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task ASnapshot_SentToTheStore_IsCheckedLikeAnyOther()
    {
        using var stranger = new HttpClient();
        var (sha256, zip) = PlatformFixture.Zip(("train.cs", "System.Console.WriteLine(\"direct\");"));
        await (await client.PutAsync($"api/code/{sha256}?uploaded=true", null, Cancel)).Problem(HttpStatusCode.NotFound);
        var place = await (await client.PostAsync($"api/code/{sha256}", null, Cancel)).Read<UploadPlace>();

        await Put(stranger, place.Url, "not this zip", place.Headers);
        await (await client.PutAsync($"api/code/{sha256}?uploaded=true", null, Cancel)).Problem(HttpStatusCode.Conflict);
        using (var request = new HttpRequestMessage(HttpMethod.Put, place.Url) { Content = new ByteArrayContent(zip) })
        {
            foreach (var (name, value) in place.Headers) request.Headers.Add(name, value);
            Assert.Equal(HttpStatusCode.Created, (await stranger.SendAsync(request, Cancel)).StatusCode);
        }

        var stored = await (await client.PutAsync($"api/code/{sha256}?uploaded=true", null, Cancel)).Read<CodeStored>();
        Assert.Equal((sha256, 1), (stored.Sha256, stored.Files));
        Assert.Null((await Store.Head(WorkspacePaths.Uploaded(sha256), Cancel)).Value);
        await (await client.PutAsync($"api/code/{sha256}?uploaded=true", null, Cancel)).Problem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task ADatasetWithALargeFile_IsPublishedAndFetchedWithExp_PastTheApi()
    {
        var content = RandomNumberGenerator.GetBytes(Large);
        Directory.CreateDirectory(Path.Combine(folder, "set"));
        await File.WriteAllBytesAsync(Path.Combine(folder, "set", "big.bin"), content, Cancel);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(content));

        var published = await Exp("dataset", "publish", "./set", "--name", "large");
        Assert.True(published.ExitCode == 0, published.ToString());
        var got = await Exp("dataset", "get", "large:latest", "fetched");
        Assert.True(got.ExitCode == 0, got.ToString());

        Assert.True((await File.ReadAllBytesAsync(Path.Combine(folder, "fetched", "big.bin"), Cancel)).AsSpan().SequenceEqual(content));
        Assert.Null((await Store.Head(WorkspacePaths.Uploaded(sha256), Cancel)).Value);

        // What was sent is looked at, whichever way it came.
        using var stranger = new HttpClient();
        var other = new string('0', 64);
        await (await client.PutAsync($"api/datasets/large/files/{other}?uploaded=true", null, Cancel)).Problem(HttpStatusCode.NotFound);
        var place = await (await client.PostAsync($"api/datasets/large/files/{other}", null, Cancel)).Read<UploadPlace>();
        Assert.Equal(HttpStatusCode.Created, (await Put(stranger, place.Url, "another content", place.Headers)).StatusCode);
        await (await client.PutAsync($"api/datasets/large/files/{other}?uploaded=true", null, Cancel)).Problem(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task ALargeCheckpoint_ComesInItsPieces_PastTheApi()
    {
        var (first, second) = (RandomNumberGenerator.GetBytes(Large - 1000), RandomNumberGenerator.GetBytes(1000));
        var run = Some.Run() with { Id = new SystemIds(TimeProvider.System).NewestFirst(), Project = "direct" };
        Chunk[] chunks =
        [
            new(WorkspacePaths.CheckpointChunk(run.Id, 1, "a"), first.Length), new(WorkspacePaths.CheckpointChunk(run.Id, 1, "b"), second.Length),
        ];
        await Store.Put(chunks[0].Key, first, cancel: Cancel);
        await Store.Put(chunks[1].Key, second, cancel: Cancel);
        var manifest = WorkspacePaths.CheckpointManifest(run.Id, 1, 10);
        await Store.PutJson(manifest, new CheckpointManifest(10, 1, [new("weights/model.bin", Large, "", chunks)]), cancel: Cancel);
        var runs = new RunStore(Store);
        Assert.True(await runs.Create(run, Cancel));
        await runs.Apply(run.Id, new RunEvent.Claim("worker-1", Some.LeaseLength), Cancel);
        Assert.True((await runs.Apply(run.Id, new RunEvent.Commit(1, Some.Checkpoint(1, 10) with { Manifest = manifest }), Cancel)).Moved);

        var got = await Exp("checkpoints", "get", run.Id, "--to", "weights");

        Assert.True(got.ExitCode == 0, got.ToString());
        var fetched = await File.ReadAllBytesAsync(Path.Combine(folder, "weights/weights/model.bin"), Cancel);
        Assert.True(fetched.AsSpan().SequenceEqual((byte[])[.. first, .. second]));
    }

    /// <summary>
    /// The emulator knows no identities over plain HTTP, so the service's part is played here: what it is asked for, and what the link then says.
    /// </summary>
    [Fact]
    public async Task WithAnIdentity_LinksAreSignedWithADelegatedKey_AskedForOnce()
    {
        var service = new DelegatingService();
        var options = BlobClients.Options();
        options.Transport = new HttpClientTransport(service);
        var container = new BlobServiceClient(
            new Uri("https://team.blob.core.windows.net"), new SomeToken(), options).GetBlobContainerClient("workspace");
        var store = new BlobObjectStore(container, new SomeToken());

        var link = await store.LinkToWrite("data/a b.bin", TimeSpan.FromHours(1), Cancel);
        var read = await store.LinkToRead("data/other.bin", TimeSpan.FromHours(1), Cancel);

        Assert.Equal(1, service.KeysAskedFor);
        Assert.StartsWith("https://team.blob.core.windows.net/workspace/data/a%20b.bin?", link.Url.AbsoluteUri, StringComparison.Ordinal);
        var terms = System.Web.HttpUtility.ParseQueryString(link.Url.Query);
        Assert.Equal(
            ("cw", "b", "https", "object-id", "2030-01-01T13:00:00Z"), (terms["sp"], terms["sr"], terms["spr"], terms["skoid"], terms["se"]));
        Assert.False(string.IsNullOrEmpty(terms["sig"]));
        Assert.Equal("BlockBlob", link.Headers["x-ms-blob-type"]);
        Assert.Equal("r", System.Web.HttpUtility.ParseQueryString(read.Url.Query)["sp"]);
    }

    private static Task<HttpResponseMessage> Put(HttpClient from, string url, string text, IReadOnlyDictionary<string, string>? headers = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, url) { Content = new StringContent(text) };
        foreach (var (name, value) in headers ?? new Dictionary<string, string> { ["x-ms-blob-type"] = "BlockBlob" }) request.Headers.Add(
            name, value);
        return from.SendAsync(request, Cancel);
    }

    private Task<ExpResult> Exp(params string[] arguments) =>
        ExpProcess.Run(folder, new Dictionary<string, string> { ["EXP_URL"] = host.Address.AbsoluteUri, ["EXP_KEY"] = key }, arguments);

    private sealed class SomeToken : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext context, CancellationToken cancel) => new("token", DateTimeOffset.MaxValue);

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext context, CancellationToken cancel) => new(GetToken(context, cancel));
    }

    private sealed class DelegatingService : HttpMessageHandler
    {
        public int KeysAskedFor { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
        {
            HttpResponseMessage answer;
            if (request.Method == HttpMethod.Post && request.RequestUri!.Query.Contains("comp=userdelegationkey", StringComparison.Ordinal))
            {
                KeysAskedFor++;
                answer = new(HttpStatusCode.OK)
                {
                    Content = new StringContent(
                        """
                        <?xml version="1.0" encoding="utf-8"?><UserDelegationKey><SignedOid>object-id</SignedOid><SignedTid>tenant-id</SignedTid><SignedStart>2030-01-01T11:55:00Z</SignedStart>
                        <SignedExpiry>2030-01-02T00:00:00Z</SignedExpiry><SignedService>b</SignedService><SignedVersion>2020-02-10</SignedVersion><Value>c2VjcmV0IG9mIHRoZSBzZXJ2aWNl</Value></UserDelegationKey>
                        """,
                        Encoding.UTF8,
                        "application/xml"),
                };
            }
            else
            {
                answer = new(
                    request.RequestUri!.Query.Contains("restype=container", StringComparison.Ordinal) ? HttpStatusCode.OK : HttpStatusCode.NotFound);
                if (answer.StatusCode == HttpStatusCode.NotFound) answer.Headers.Add("x-ms-error-code", "BlobNotFound");
                else answer.Headers.ETag = new("\"1\"");
                answer.Content = new ByteArrayContent([]);
                answer.Content.Headers.LastModified = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
            }

            answer.Headers.Date = new DateTimeOffset(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);
            return Task.FromResult(answer);
        }
    }
}
