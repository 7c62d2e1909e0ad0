using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class LiveDisplayTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    /// <summary>The code ends once its metric has been on the screen, however long that takes.</summary>
    [Fact]
    public async Task AWatchedRun_ShowsItsNewestValues_AndLeavesNoStateThatIsOver()
    {
        var shown = Path.Combine(Platform.Folder, "shown");
        Platform.Script("watched.sh", $"echo step 7 loss=0.125; until [ -e '{shown}' ]; do sleep 0.05; done; echo step 8 loss=0.0625\n");

        var (code, output) = await ExpTerminal.Watch(Platform, 100, "xterm", text =>
        {
            if (text.Contains("0.125 ", StringComparison.Ordinal) && text.Contains("METRIC", StringComparison.Ordinal)) File.WriteAllText(shown, "");
        }, "run", "watched.sh", "--wait", "--fresh");

        Assert.True(code == 0, output);
        var id = (await Platform.Json("show", "watched")).GetProperty("id").GetString()!;
        Assert.DoesNotContain(id, output, StringComparison.Ordinal);
        var end = output[output.LastIndexOf("✓ succeeded", StringComparison.Ordinal)..];
        Assert.Contains("loss 0.0625", end, StringComparison.Ordinal);
        Assert.Contains("exp show", end, StringComparison.Ordinal);
    }
}
