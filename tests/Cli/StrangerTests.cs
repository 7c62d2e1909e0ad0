using Microsoft.AspNetCore.Http;
using Serverless.Cli.Platform;
using Serverless.Tests.Client;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

/// <summary>Whoever listens where a platform once was does not get its key.</summary>
public sealed class StrangerTests
{
    [Fact]
    public async Task APlatformThatIsGoneAfterTheFirstTry_IsNotSentTheKeyAgain()
    {
        using var data = new TemporaryFolder();
        File.WriteAllText(data["admin.key"], "exp_secret\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(data["admin.key"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        RunningPlatform? presence = null;
        await using var server = await ScriptedServer.Start((context, _) =>
        {
            // The address still answers; it is nobody's any more.
            presence!.Dispose();
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        presence = RunningPlatform.Show(data.Path, server.Address);

        var result = await ExpProcess.Run(data.Path, new Dictionary<string, string>(), "machines", "--data", data.Path);

        Assert.Equal(3, result.ExitCode);
        Assert.Equal("Bearer exp_secret", Assert.Single(server.Requests)["Authorization"]);
        Assert.All(server.Probes, probe => Assert.Null(probe["Authorization"]));
    }
}
