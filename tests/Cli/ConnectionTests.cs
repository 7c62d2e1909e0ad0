using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.DependencyInjection;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class ConnectionTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    private string Address => File.ReadAllText(Path.Combine(Platform.Data, "address")).Trim();

    [Fact]
    public async Task Command_WithoutAPlatform_ExitsWithThreeAndSaysHowToStartOne()
    {
        var empty = Path.Combine(Platform.Folder, "empty");
        var nowhere = new Dictionary<string, string> { ["EXP_URL"] = "http://127.0.0.1:9" };
        foreach (var result in (ExpResult[])[await Platform.Exp("list", "--data", empty), await Platform.ExpWith(nowhere, "list")])
        {
            Assert.Equal(3, result.ExitCode);
            Assert.Contains("exp up", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Command_WhereNobodyAnswers_SaysSo_AndGivesUp()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var result = await Platform.ExpWith(new Dictionary<string,
            string> { ["EXP_URL"] = $"http://{silent.LocalEndpoint}", ["EXP_KEY"] = "exp_any" }, "list");
        Assert.Equal(3, result.ExitCode);
        Assert.Equal(2, result.ErrorLines.Length);
        Assert.Contains("waiting a little longer", result.ErrorLines[0], StringComparison.Ordinal);
        Assert.Contains("does not answer", result.ErrorLines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_WhoseAnswerLacksWhatItPromises_SaysThatItIsNotThePlatforms()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var other = builder.Build();
        other.Urls.Add("http://127.0.0.1:0");
        other.MapFallback(() => new { });
        await other.StartAsync(TestContext.Current.CancellationToken);
        foreach (var command in (string[][])[["list"], ["show", "last"], ["machines"], ["triggers"], ["keys", "list"]])
        {
            var result = await Platform.ExpWith(new Dictionary<string, string> { ["EXP_URL"] = other.Urls.First(), ["EXP_KEY"] = "exp_any" },
                command);
            Assert.DoesNotContain("fault in exp", result.Error, StringComparison.Ordinal);
            Assert.NotEqual(0, result.ExitCode);
        }
    }

    [Fact]
    public async Task Command_WithAWrongKey_ExitsWithFive()
    {
        var result = await Platform.ExpWith(new Dictionary<string, string> { ["EXP_URL"] = Address, ["EXP_KEY"] = "exp_wrong" }, "list");
        Assert.Equal(5, result.ExitCode);
        Assert.Contains("EXP_KEY", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    /// <summary>A proxy's page, another service, a platform of another version.</summary>
    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[{}]")]
    [InlineData("<html></html>")]
    public async Task Command_ToAServerThatIsNoPlatform_SaysSo_AndNeverThatItIsAFaultOfItsOwn(string answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var server = builder.Build();
        server.Run(context => context.Response.WriteAsync(answer, TestContext.Current.CancellationToken));
        await server.StartAsync(TestContext.Current.CancellationToken);
        var there = new Dictionary<string, string> { ["EXP_URL"] = server.Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!.Addresses.First(), ["EXP_KEY"] = "exp_1" };
        const string run = "01ABCDEFGHJKMNPQRSTVWXYZ01";
        string[][] commands =
        [
            ["list"], ["machines"], ["doctor"], ["metrics", run], ["show", run], ["checkpoints", "ls", run], ["artifacts", "ls", run],
            ["trigger", "list"], ["dataset", "list"], ["keys", "list"],
            ["webhook", "list"], ["dead-letters", "list"], ["lineage", run], ["files", "ls"],
        ];
        foreach (var command in commands)
        {
            var result = await Platform.ExpWith(there, command);
            Assert.True(result.ExitCode == 3, $"{string.Join(' ', command)}: {result}");
            Assert.DoesNotContain("fault in exp itself", result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Reader_MayLookButNotSubmit_UntilTheKeyIsRevoked()
    {
        var key = (await Platform.Exp("keys", "add", "looker", "--role", "reader")).Output.Trim();
        var reader = new Dictionary<string, string> { ["EXP_URL"] = Address, ["EXP_KEY"] = key };
        Assert.Equal(0, (await Platform.ExpWith(reader, "list")).ExitCode);
        var refused = await Platform.ExpWith(reader, "run", Platform.Script("refused.sh", "true\n"));
        Assert.Equal(5, refused.ExitCode);
        Assert.Contains("writer", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);

        Assert.Contains("looker", (await Platform.Exp("keys", "list")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await Platform.Exp("keys", "revoke", "looker")).ExitCode);
        Assert.Equal(5, (await Platform.ExpWith(reader, "list")).ExitCode);
    }

    [Fact]
    public async Task CommandLine_ThatIsNotUnderstood_ExitsWithTwoAndSuggests()
    {
        var command = await Platform.Exp("lsit");
        Assert.Equal(2, command.ExitCode);
        Assert.Contains("did you mean 'list'?", command.ErrorLines[0], StringComparison.Ordinal);
        var option = await Platform.Exp("list", "--sttae", "failed");
        Assert.Equal(2, option.ExitCode);
        Assert.Contains("did you mean '--state'?", option.ErrorLines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_NamesCommandsExitCodesAndExamples()
    {
        var root = await Platform.Exp("--help");
        Assert.Equal(0, root.ExitCode);
        foreach (var said in (string[])["up", "compare", "EXP_KEY", "130"]) Assert.Contains(said, root.Output, StringComparison.Ordinal);
        Assert.Contains("Examples:", (await Platform.Exp("run", "--help")).Output, StringComparison.Ordinal);
    }
}
