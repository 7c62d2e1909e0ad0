using System.Net;
using System.Net.Http.Json;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

public sealed class DamagedBusTests
{
    [Fact]
    public async Task Start_OnADamagedBus_SaysSoWithoutStacks_AndASubmissionSaysThatItIsStored()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["bus"]);
        await File.WriteAllTextAsync(folder["bus/bus.db"], new string('x', 8192), TestContext.Current.CancellationToken);
        var log = new LogLines();
        await using var host = await EmbeddedHost.Start(new()
        {
            DataFolder = folder.Path,
            Log = log,
        }, TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new(
            "Bearer", (await File.ReadAllTextAsync(host.AdminKeyFile, TestContext.Current.CancellationToken)).Trim());
        await Eventually.True(() => Said("EndDeadWakes"), TimeSpan.FromSeconds(60), () => string.Join('\n', log.All));
        Assert.False(Said("   at "), string.Join('\n', log.All));

        var (sha256, zip) = PlatformFixture.Zip(("train.cs", "return;"));
        using var stored = await client.PutAsync($"api/code/{sha256}", new ByteArrayContent(zip), TestContext.Current.CancellationToken);
        using var submitted = await client.PostAsJsonAsync(
            "api/experiments", new { project = "p", name = "n", code = new { snapshot = sha256 }, command = "train.cs" },
            TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, submitted.StatusCode);
        var said = await submitted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("is stored and starts by itself", said, StringComparison.Ordinal);
        Assert.DoesNotContain("try again", said, StringComparison.Ordinal);
        Assert.Contains("\"object\":\"bus\"", await client.GetStringAsync("api/doctor", TestContext.Current.CancellationToken), StringComparison.Ordinal);

        bool Said(string text) => log.Contain(text);
    }

    [Fact]
    public async Task Start_WithAPathThatIsTooLong_NamesTheLength()
    {
        using var folder = new TemporaryFolder();
        var refused = await Assert.ThrowsAsync<StartException>(() => EmbeddedHost.Start(
            new() { DataFolder = folder[string.Join('/', Enumerable.Repeat(new string('d', 100), 6))] }, TestContext.Current.CancellationToken));
        Assert.Contains("bytes long", refused.Message, StringComparison.Ordinal);
    }
}
