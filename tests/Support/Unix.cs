using System.Diagnostics;

namespace Serverless.Tests.Support;

/// <summary>Programs of the system, for what .NET has no call for.</summary>
static class Unix
{
    public static async Task Do(string program, params string[] arguments)
    {
        using var doing = Process.Start(program, arguments);
        await doing.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(doing.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: exit code {doing.ExitCode}");
    }
}
