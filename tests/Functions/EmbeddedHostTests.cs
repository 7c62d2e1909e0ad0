using System.Net;
using System.Net.Sockets;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

public sealed class EmbeddedHostTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string folder = Directory.CreateTempSubdirectory("host-").FullName;
    private readonly LogLines log = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IObjectStore Store => new LocalWorkspaces(folder, TimeProvider.System).Open(LocalWorkspaces.Default);

    public void Dispose() => TemporaryFolder.Delete(folder);

    [Fact]
    public async Task AdminKey_IsItsOwnersOnly_AndLastsOverStarts()
    {
        string key;
        await using (var host = await Start())
        {
            key = await File.ReadAllTextAsync(host.AdminKeyFile, Cancel);
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(host.AdminKeyFile));
            Assert.Equal(HttpStatusCode.OK, await Runs(host, key));
        }

        await using var again = await Start();
        Assert.Equal(key, await File.ReadAllTextAsync(again.AdminKeyFile, Cancel));
        Assert.Equal(HttpStatusCode.OK, await Runs(again, key));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("exp_0123")]
    [InlineData("\u0000\u0001\n\u0007")]
    public async Task AdminKeyThatIsNone_OpensNothing_AndIsOneClearLine(string content)
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "admin.key"), content, Cancel);
        Assert.Contains(
            "admin.key holds no key of this platform", (await Assert.ThrowsAsync<StartException>(Start)).Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllTextAsync(Path.Combine(folder, "admin.key"), Cancel));
    }

    [Fact]
    public async Task AdminKeyThatIsNoFile_IsOneClearLine_AndKeepsNobodyWaiting()
    {
        if (OperatingSystem.IsWindows()) return;
        using (var made = System.Diagnostics.Process.Start("mkfifo", Path.Combine(folder, "admin.key"))) await made.WaitForExitAsync(Cancel);
        Assert.Contains("admin.key cannot be read", (await Assert.ThrowsAsync<StartException>(Start)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AdminKeyWhoseRecordIsDamaged_OpensTheDoorAtTheNextStart()
    {
        string key;
        await using (var host = await Start()) key = (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim();
        await File.WriteAllTextAsync(Assert.Single(Directory.GetFiles(Path.Combine(folder, "platform", "keys"))), "", Cancel);

        await using var again = await Start();
        Assert.Equal(HttpStatusCode.OK, await Runs(again, key));
    }

    [Fact]
    public async Task PortInUse_IsOneClearLine()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var e = await Assert.ThrowsAsync<StartException>(() => EmbeddedHost.Start(Options() with { Port = port }, Cancel));
        Assert.Equal($"port {port} is in use; choose another one with --port", e.Message);
    }

    [Fact]
    public async Task FolderThatCannotBe_IsOneClearLine()
    {
        var file = Path.Combine(folder, "file");
        await File.WriteAllTextAsync(file, "", Cancel);
        var e = await Assert.ThrowsAsync<StartException>(
            () => EmbeddedHost.Start(Options() with { DataFolder = Path.Combine(file, "below") }, Cancel));
        Assert.Contains("data folder", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public async Task Host_ListensOnThisMachineOnly()
    {
        await using var host = await Start();
        Assert.Equal("127.0.0.1", host.Address.Host);
        foreach (var address in (await Dns.GetHostAddressesAsync(Dns.GetHostName(), AddressFamily.InterNetwork, Cancel)).Where(address =>
            !IPAddress.IsLoopback(address)))
        {
            using var client = new TcpClient();
            await Assert.ThrowsAnyAsync<SocketException>(() => client.ConnectAsync(address, host.Address.Port, Cancel).AsTask());
        }
    }

    [Fact]
    public async Task EndedRun_HasItsDataPublished()
    {
        await using var host = await Start();
        await PutEndedRun();
        using var bus = Bus();
        await bus.Publish(QueueNames.Events,
            new RunEnded(LocalWorkspaces.Default, Id, RunState.Succeeded, Cause.Completed).ToMessage(new SystemIds(TimeProvider.System)), Cancel);
        Assert.Equal("result", await Published());
    }

    [Fact]
    public async Task RunThatEndedWhileThePlatformWasDown_HasItsDataPublishedAtTheNextStart()
    {
        await using (await Start()) { }
        await PutEndedRun();

        // Its worker died between the record and the event: active/ still names the run.
        await Store.Put(WorkspacePaths.ActiveRun(Id), [], cancel: Cancel);
        await using var host = await Start();
        Assert.Equal("result", await Published());
    }

    [Fact]
    public async Task EventThatCannotBeUnderstood_DoesNotStopTheOthers()
    {
        await using var host = await Start();
        await PutEndedRun();
        using var bus = Bus();
        await bus.Publish(QueueNames.Events, new Message("bad", "not json"), Cancel);
        await bus.Publish(QueueNames.Events,
            new RunEnded(LocalWorkspaces.Default, Id, RunState.Succeeded, Cause.Completed).ToMessage(new SystemIds(TimeProvider.System)), Cancel);
        Assert.Equal("result", await Published());
    }

    [Fact]
    public async Task StoreThatIsGone_Is503AndComesBack()
    {
        await using var host = await Start();
        using var client = new HttpClient { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim());
        await client.PutAsync("api/files/data/x", new StringContent("x"), Cancel);
        Directory.Move(Path.Combine(folder, "workspace"), Path.Combine(folder, "unmounted"));
        using var answer = await client.GetAsync("api/files/data/x", Cancel);
        await answer.Problem(HttpStatusCode.ServiceUnavailable);
        Assert.NotNull(answer.Headers.RetryAfter);
        Directory.Move(Path.Combine(folder, "unmounted"), Path.Combine(folder, "workspace"));
        Assert.Equal("x", await client.GetStringAsync("api/files/data/x", Cancel));
    }

    [Fact]
    public async Task Stop_EndsThoseWhoFollowALog()
    {
        var host = await Start();
        var run = SampleRuns.Run(Id, attempts: SampleRuns.Attempt(1));
        await Store.PutJson(WorkspacePaths.Run(Id), run, cancel: Cancel);
        using var client = new HttpClient { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim());
        using var following = await client.GetAsync($"api/runs/{Id}/logs?follow=true", HttpCompletionOption.ResponseHeadersRead, Cancel);
        await host.DisposeAsync().AsTask().WaitAsync(Patience, Cancel);
        Assert.True(host.Completion.IsCompletedSuccessfully);
        await Assert.ThrowsAnyAsync<Exception>(() => following.Content.ReadAsStringAsync(Cancel).WaitAsync(Patience, Cancel));
    }

    private const string Id = "00000000000000000000000001";

    private async Task PutEndedRun()
    {
        var key = WorkspacePaths.PublishedFile(Id, 1, "out.txt");
        await Store.Put(key, "result"u8, cancel: Cancel);
        await Store.PutJson(WorkspacePaths.OutputManifest(Id, 1), new OutputManifest([], [new("out.txt", key, 6, "")]), cancel: Cancel);
        await Store.PutJson(WorkspacePaths.Run(Id),
            SampleRuns.Run(Id, RunState.Succeeded, SampleRuns.Attempt(1)) with { Outputs = WorkspacePaths.OutputManifest(Id, 1) }, cancel: Cancel);
    }

    private async Task<string> Published()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        while (true)
        {
            if (await Store.Get(WorkspacePaths.Data + "out.txt", cancel: patience.Token) is { } found)
            {
                return System.Text.Encoding.UTF8.GetString(found.Body);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }

    private SqliteMessageBus Bus() => new(Path.Combine(folder, "bus", "bus.db"), TimeProvider.System, new SystemIds(TimeProvider.System));

    private EmbeddedOptions Options() => new()
    {
        DataFolder = folder,
        Log = log,
    };

    private Task<EmbeddedHost> Start() => EmbeddedHost.Start(Options(), Cancel);

    private static async Task<HttpStatusCode> Runs(EmbeddedHost host, string key)
    {
        using var client = new HttpClient { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", key.Trim());
        return (await client.GetAsync("api/runs", Cancel)).StatusCode;
    }
}
