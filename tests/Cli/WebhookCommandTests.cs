using Serverless.Tests.Notifications;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class WebhookCommandTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    [Fact]
    public async Task AWebhook_IsAddedTestedListedAndRemoved()
    {
        await using var receiver = await Receiver.Start();
        var added = await Platform.Exp("webhook", "add", "chat", "--url", receiver.Url("/chat"), "--event", "run.failed", "--project", "nobodys",
            "--format", "slack");
        Assert.Matches(@"^whsec_\S+\n$", added.Output);

        Assert.Matches("^chat took it: 204 after", (await Platform.Exp("webhook", "test", "chat")).Output);
        Assert.Contains("A test of the webhook chat", receiver.All[0].Json.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Matches($@"chat +{receiver.Url("/chat")} +run\.failed of nobodys/\* +slack", (await Platform.Exp("webhook", "list")).Output);

        receiver.Plan("/chat", 404);
        var refused = await Platform.Exp("webhook", "test", "chat");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("404 Not Found: no such channel", refused.Output, StringComparison.Ordinal);

        Assert.Equal("chat is paused\n", (await Platform.Exp("webhook", "pause", "chat")).Output);
        Assert.Equal("Sending 0 notices to chat again\n", (await Platform.Exp("webhook", "redeliver", "chat")).Output);
        Assert.Equal("Deleted chat\n", (await Platform.Exp("webhook", "remove", "chat")).Output);
        Assert.Equal(4, (await Platform.Exp("webhook", "test", "chat")).ExitCode);
    }
}
