using System.Text.Json;
using Serverless.Core.Notifications;
using Serverless.Tests.Runs;

namespace Serverless.Tests.Notifications;

public sealed class WebhookBodyTests
{
    private static readonly Notice Failed = new("run-1", WebhookEvents.RunFailed, Some.Noon, "workspace", "pruning/prune-mlp v3 failed (user-code)")
    {
        Run = NoticeRun.Of(Some.In("failed") with
        {
            Message = "a < b & <!channel>",
            Metrics = new Dictionary<string, double> { ["val/accuracy"] = 0.5 },
            Started = Some.Noon,
            Ended = Some.Noon.AddSeconds(75),
            Spec = Some.Run().Spec with { Params = new Dictionary<string, JsonElement> { ["lr"] = JsonElement.Parse("0.1") } },
        }),
    };

    [Fact]
    public void Slack_GetsText_InWhichNothingCallsPeople()
    {
        Assert.Equal(
            "*pruning/prune-mlp v3 failed (user-code)*\nmessage: a &lt; b &amp; &lt;!channel&gt;\nval/accuracy: 0.5\nparams: lr=0.1\ntook: " +
            "00:01:15\nrun: run-1",
            Of(WebhookFormat.Slack).GetProperty("text").GetString());
    }

    [Fact]
    public void Discord_GetsContent_AndMayMentionNobody()
    {
        var body = Of(WebhookFormat.Discord);
        Assert.StartsWith(
            "**pruning/prune-mlp v3 failed (user-code)**\nmessage: a < b", body.GetProperty("content").GetString(), StringComparison.Ordinal);
        Assert.Empty(body.GetProperty("allowed_mentions").GetProperty("parse").EnumerateArray());
    }

    [Fact]
    public void Discord_NeverGetsMoreThanItTakes()
    {
        var longer = Failed with { Run = Failed.Run! with { Metrics = Enumerable.Range(0, 20)
            .ToDictionary(i => new string('m', 400) + i, i => (double)i) } };
        Assert.InRange(
            JsonDocument.Parse(WebhookBody.Of(longer, WebhookFormat.Discord)).RootElement.GetProperty("content").GetString()!.Length, 1000, 2000);
    }

    [Fact]
    public void Teams_GetsACard()
    {
        var card = Of(WebhookFormat.Teams).GetProperty("attachments")[0];
        Assert.Equal("application/vnd.microsoft.card.adaptive", card.GetProperty("contentType").GetString());
        var body = card.GetProperty("content").GetProperty("body");
        Assert.Equal(("pruning/prune-mlp v3 failed (user-code)", "Attention"),
            (body[0].GetProperty("text").GetString(), body[0].GetProperty("color").GetString()));
        Assert.Contains(body[1].GetProperty("facts").EnumerateArray(),
            fact => fact.GetProperty("title").GetString() == "val/accuracy" && fact.GetProperty("value").GetString() == "0.5");
    }

    [Theory]
    [InlineData("https://hooks.slack.com/services/T0/B0/x", WebhookFormat.Slack)]
    [InlineData("https://discord.com/api/webhooks/1/x", WebhookFormat.Discord)]
    [InlineData("https://prod-01.westeurope.logic.azure.com:443/workflows/x", WebhookFormat.Teams)]
    [InlineData("https://default1.2.environment.api.powerplatform.com:443/x", WebhookFormat.Teams)]
    [InlineData("https://ci.example.com/", WebhookFormat.Json)]
    public void TheFormat_FollowsTheAddress(string url, WebhookFormat format) => Assert.Equal(format, WebhookRules.FormatOf(new(url)));

    [Theory]
    [InlineData("https://hooks.slack.com/…")]
    [InlineData("https://discord.com/api/webhooks/<id>/<token>")]
    public void AnAddressOfAnExample_IsRefused(string url) =>
        Assert.Equal("url", Assert.Single(WebhookRules.Problems("team", new(url), allowPrivate: true)).Path);

    private static JsonElement Of(WebhookFormat format) => JsonDocument.Parse(WebhookBody.Of(Failed, format)).RootElement;
}
