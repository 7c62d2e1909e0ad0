using System.Net;
using System.Net.Http.Json;
using Serverless.Core;
using Serverless.Core.Notifications;
using Serverless.Tests.Notifications;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

public sealed class WebhookApiTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARunThatEnds_IsTold_AndTheReceiverCanCheckTheSignature()
    {
        await using var receiver = await Receiver.Start();
        var made = await (await Put("team", new(receiver.Url("/team"), ["run.cancelled"]))).Read<WebhookInfo>();
        var run = await platform.Submit();

        using (await platform.Writer.PostAsync($"api/runs/{run}/cancel", null, Cancel)) { }

        await Eventually.True(() => receiver.All.Count > 0, TimeSpan.FromMinutes(1), () => "nothing was told");
        var told = receiver.All[0];
        Assert.Equal((run, "cancelled"),
            (told.Json.GetProperty("run").GetProperty("id").GetString(), told.Json.GetProperty("run").GetProperty("state").GetString()));
        var at = DateTimeOffset.FromUnixTimeSeconds(long.Parse(told.Headers["webhook-timestamp"], null));
        Assert.Equal(WebhookSignature.Of(made.Secret!, told.Id, at, told.Body), told.Headers["webhook-signature"]);
    }

    [Fact]
    public async Task AReceiverThatNeverAnswers_KeepsNothingFromOthers()
    {
        const int runs = 30;
        await using var silent = await Receiver.Start();
        await using var team = await Receiver.Start();
        silent.Answers = new();
        using (await Put("silent", new(silent.Url("/"), ["run.cancelled"], Experiment: "many"))) { }
        using (await Put("answers", new(team.Url("/"), ["run.cancelled"], Experiment: "many"))) { }

        for (var i = 0; i < runs; i++)
        {
            using (await platform.Writer.PostAsync($"api/runs/{await platform.Submit("many")}/cancel", null, Cancel)) { }
        }

        await Eventually.True(() => team.All.Count == runs, TimeSpan.FromMinutes(2), () => $"{team.All.Count} were told");
        Assert.InRange(silent.All.Count, 1, 8);
    }

    [Fact]
    public async Task TheSecret_IsShownOnce_AndTheWholeAddressToAdminsOnly()
    {
        using var first = await Put("shown", new("https://hooks.slack.com/services/T0/B0/secret", Project: "pruning"));
        using var second = await Put("shown", new("https://hooks.slack.com/services/T0/B0/other"));

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        Assert.StartsWith("whsec_", (await first.Read<WebhookInfo>()).Secret, StringComparison.Ordinal);
        Assert.Null((await second.Read<WebhookInfo>()).Secret);
        var admins = (await platform.Admin.GetFromJsonAsync<WebhookInfo>("api/webhooks/shown", CoreJson.Options, Cancel))!;
        var readers = (await platform.Reader.GetFromJsonAsync<WebhookList>("api/webhooks", CoreJson.Options, Cancel))!.Webhooks.Single(webhook =>
            webhook.Name == "shown");
        Assert.Equal(("https://hooks.slack.com/services/T0/B0/other", WebhookFormat.Slack, null), (admins.Url, admins.Format, admins.Project));
        Assert.Equal("https://hooks.slack.com/…", readers.Url);
    }

    [Fact]
    public async Task EverythingThatIsWrong_IsSaidAtOnce()
    {
        using var answer = await Put("no name!", new("ftp://host", ["run.fail", "run.failed"]));
        var problem = await answer.Problem(HttpStatusCode.BadRequest);
        Assert.Equal(["name", "url", "events[0]"], problem.Problems!.Select(one => one.Path));
        Assert.Contains("did you mean 'run.failed'?", problem.Problems![2].Message, StringComparison.Ordinal);
        using var nowhere = await Put("team", new(null, []));
        Assert.Equal(["url", "events"], (await nowhere.Problem(HttpStatusCode.BadRequest)).Problems!.Select(one => one.Path));
    }

    [Theory]
    [InlineData("""{"url":"https://example.com/","event":["run.failed"]}""", "event: there is no such field; expected an object with the fields url, events")]
    [InlineData("""{"url":"https://example.com/","url":"https://example.org/"}""", "url is there twice; keep one")]
    [InlineData("""{"url":1}""", "url: expected a text")]
    [InlineData("""{"events":"run.failed"}""", "events: expected a list, each of it a text")]
    [InlineData("\"x\"", "the body: expected an object with the fields url")]
    [InlineData(" ", "it is empty; expected an object")]
    [InlineData("{\"url\":", "it is no JSON from line 1, byte 8 on")]
    public async Task ABodyThatIsNotWhatIsExpected_IsRefused_InWordsOfTheApi(string body, string said)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await platform.Admin.PutAsync("api/webhooks/refused", content, Cancel);
        var problem = await answer.Problem(HttpStatusCode.BadRequest);
        Assert.Contains(said, problem.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", problem.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("Serverless.", problem.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:7335/a?room=my team")]
    [InlineData("https://example.com/{a}/[1]|x\\y")]
    [InlineData("https://example.com/100%")]
    public async Task AnAddressThatIsTaken_IsThereAfterwards(string url)
    {
        using var put = await Put("odd", new(url));
        Assert.True(put.IsSuccessStatusCode);
        Assert.Equal(url, (await platform.Admin.GetFromJsonAsync<WebhookInfo>("api/webhooks/odd", CoreJson.Options, Cancel))!.Url);
        Assert.Contains(
            "odd", (await platform.Admin.GetFromJsonAsync<WebhookList>("api/webhooks", CoreJson.Options, Cancel))!.Webhooks.Select(one => one.Name));
    }

    [Fact]
    public async Task AnAddressOfSeveralLines_IsRefused()
    {
        using var answer = await Put("lines", new("https://example.com/a\r\nb"));
        Assert.Equal("url", Assert.Single((await answer.Problem(HttpStatusCode.BadRequest)).Problems!).Path);
    }

    [Fact]
    public async Task OnlyAdmins_SayWhereNoticesGo()
    {
        using var answer = await platform.Writer.PutAsJsonAsync(
            "api/webhooks/mine", new WebhookSpec("https://example.com/"), CoreJson.Options, Cancel);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        using var test = await platform.Writer.PostAsync("api/webhooks/mine/test", null, Cancel);
        Assert.Equal(HttpStatusCode.Forbidden, test.StatusCode);
    }

    [Fact]
    public async Task Test_SaysWhatTheReceiverAnswered_AlsoWhilePaused()
    {
        await using var receiver = await Receiver.Start();
        using (await Put("tested", new(receiver.Url("/tested")))) { }
        using (await platform.Admin.PostAsync("api/webhooks/tested/pause", null, Cancel)) { }
        receiver.Plan("/tested", 200, 403);

        var taken = await (await platform.Admin.PostAsync("api/webhooks/tested/test", null, Cancel)).Read<WebhookTest>();
        var refused = await (await platform.Admin.PostAsync("api/webhooks/tested/test", null, Cancel)).Read<WebhookTest>();

        Assert.Equal((200, null), (taken.Status, taken.Problem));
        Assert.Equal((403, "403 Forbidden: no such channel"), (refused.Status, refused.Problem));
        Assert.Equal("webhook.test", receiver.All[0].Json.GetProperty("type").GetString());
    }

    [Fact]
    public async Task ADeletedWebhook_IsNotThere()
    {
        using (await Put("gone", new("https://example.com/"))) { }
        using var deleted = await platform.Admin.DeleteAsync("api/webhooks/gone", Cancel);
        using var again = await platform.Admin.DeleteAsync("api/webhooks/gone", Cancel);
        using var resumed = await platform.Admin.PostAsync("api/webhooks/gone/resume", null, Cancel);
        Assert.Equal(
            (HttpStatusCode.NoContent, HttpStatusCode.NotFound, HttpStatusCode.NotFound), (deleted.StatusCode, again.StatusCode, resumed.StatusCode));
    }

    private Task<HttpResponseMessage> Put(string name, WebhookSpec spec) =>
        platform.Admin.PutAsJsonAsync($"api/webhooks/{Uri.EscapeDataString(name)}", spec, CoreJson.Options, Cancel);
}
