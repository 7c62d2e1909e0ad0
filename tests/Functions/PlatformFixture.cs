using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>The platform on a port and a folder of its own, without workers, with a key of each role.</summary>
public sealed class PlatformFixture : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("platform-").FullName;
    private EmbeddedHost? host;

    public EmbeddedHost Host => host!;

    public string Folder => folder;

    private readonly LogLines log = new();

    public IReadOnlyList<string> Log => log.All;

    public string AdminKey { get; private set; } = "";

    public HttpClient Admin { get; private set; } = null!;

    public HttpClient Writer { get; private set; } = null!;

    public HttpClient Reader { get; private set; } = null!;

    /// <summary>The workspace's own store, to put there what a worker would.</summary>
    public IObjectStore Store { get; private set; } = null!;

    /// <summary>Which operations of this platform answered what, as its description calls them.</summary>
    public ConcurrentDictionary<(string Operation, HttpStatusCode Status), bool> Seen { get; } = [];

    public async ValueTask InitializeAsync()
    {
        host = await EmbeddedHost.Start(new()
        {
            DataFolder = folder,
            Limits = new() { FileBytes = 1_000_000, CodeBytes = 100_000 },
            Log = log,
        });
        AdminKey = (await File.ReadAllTextAsync(host.AdminKeyFile)).Trim();
        Admin = Client(AdminKey);
        Writer = Client((await Create(Role.Writer)).Key);
        Reader = Client((await Create(Role.Reader)).Key);
        Store = new LocalWorkspaces(folder, TimeProvider.System).Open(LocalWorkspaces.Default);
    }

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        Writer.Dispose();
        Reader.Dispose();
        await Host.DisposeAsync();
        TemporaryFolder.Delete(folder);
    }

    /// <summary>It takes only answers that the API's description announces: see <see cref="DescribedAnswers"/>.</summary>
    public HttpClient Client(string? key)
    {
        var client = new HttpClient(new DescribedAnswers(Seen)) { BaseAddress = Host.Address };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return client;
    }

    public HttpClient ClientOf(Role? role) => role switch { Role.Admin => Admin, Role.Writer => Writer, Role.Reader => Reader, null => Client(null) };

    private async Task<ApiKeyInfo> Create(Role role)
    {
        using var answer = await Admin.PostAsJsonAsync("api/keys", new { name = role.ToString(), role }, CoreJson.Options);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync<ApiKeyInfo>(CoreJson.Options))!;
    }

    /// <summary>A request byte for byte as given, and the whole answer; for what HTTP clients would tidy up.</summary>
    public async Task<string> Raw(string method, string target, string? key, string more = "")
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Host.Address.Port);
        await using var stream = client.GetStream();
        var head = $"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{(key is null ? "" : $"Authorization: Bearer {key}\r\n")}";
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head + (more.Length == 0 ? "\r\n" : more)));
        return await Answered(stream).WaitAsync(TimeSpan.FromSeconds(20));
    }

    /// <summary>One answer: its head, and as much body as that says. Empty when the server broke the connection without one.</summary>
    public static async Task<string> Answered(Stream stream)
    {
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (!IsWhole(answer.ToString()) && await stream.ReadAsync(buffer) is var count and > 0)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
            }
        }
        catch (IOException)
        {
            // What was sent before is the answer.
        }

        return answer.ToString();
    }

    private static bool IsWhole(string answer)
    {
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0) return false;
        var length = answer[..end].Split("\r\n").FirstOrDefault(
            line => line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))?["Content-Length: ".Length..];
        return length is not null && answer.Length >= end + 4 + int.Parse(length, System.Globalization.CultureInfo.InvariantCulture);
    }

    public static (string Sha256, byte[] Zip) Zip(params (string Path, string Text)[] files)
    {
        using var memory = new MemoryStream();
        using (var zip = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (path, text) in files)
            {
                using var writer = new StreamWriter(zip.CreateEntry(path).Open());
                writer.Write(text);
            }
        }

        return (Convert.ToHexStringLower(SHA256.HashData(memory.ToArray())), memory.ToArray());
    }

    public async Task<string> PutCode(string text = "System.Console.WriteLine(1);")
    {
        var (sha256, zip) = Zip(("train.cs", text));
        using var answer = await Writer.PutAsync($"api/code/{sha256}", new ByteArrayContent(zip));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return sha256;
    }

    public async Task<string> Spec(object? parameters = null, string experiment = "mlp") =>
        JsonSerializer.Serialize(
            new { project = "pruning", name = experiment, code = new { snapshot = await PutCode() }, command = "train.cs", @params = parameters
                ?? new { run = Guid() } }, CoreJson.Options);

    /// <summary>Submits a run that is like no other, and gives its id.</summary>
    public async Task<string> Submit(string experiment = "mlp")
    {
        using var answer = await Writer.PostAsync("api/experiments", Json(await Spec(experiment: experiment)));
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync<Submitted>(CoreJson.Options))!.Runs.Single().Id;
    }

    /// <summary>Changes a run's record as a worker would.</summary>
    public async Task<RunRecord> Apply(string id, RunEvent happened)
    {
        var change = await new RunStore(Store).Apply(id, happened);
        Assert.True(change.Moved, change.Decision.ToString());
        return change.Run!;
    }

    public static StringContent Json(string text, string type = "application/json") => new(text, Encoding.UTF8, type);

    private static string Guid() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
}

static class Answers
{
    extension(HttpResponseMessage answer)
    {
        public async Task<T> Read<T>() => (await answer.Content.ReadFromJsonAsync<T>(CoreJson.Options))!;

        /// <summary>The problem that the answer is, which must say what is wrong.</summary>
        public async Task<ProblemDetails> Problem(HttpStatusCode status)
        {
            Assert.Equal(status, answer.StatusCode);
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
            var problem = await answer.Read<ProblemDetails>();
            Assert.Equal((int)status, problem.Status);
            Assert.False(string.IsNullOrWhiteSpace(problem.Detail));
            return problem;
        }
    }
}
