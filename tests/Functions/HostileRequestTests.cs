using System.Net;
using System.Text;
using Serverless.Core.Spec;

namespace Serverless.Tests.Functions;

/// <summary>
/// Requests that ask for more than their sender may have: of rights, of memory, of a write that somebody else should have kept them from.
/// </summary>
public sealed class HostileRequestTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("\"Reader, Admin\"")]
    [InlineData("\"reader,admin\"")]
    [InlineData("\"ADMIN\"")]
    [InlineData("\"2\"")]
    [InlineData("2")]
    [InlineData("\"owner\"")]
    public async Task Role_ThatIsNoNameOfOne_IsRefusedWithThoseThatAreKnown(string role)
    {
        using var answer = await platform.Admin.PostAsync("api/keys", PlatformFixture.Json($$"""{"name":"mallory","role":{{role}}}"""), Cancel);
        Assert.Contains("reader, writer, admin", (await answer.Problem(HttpStatusCode.BadRequest)).Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("mallory", await platform.Admin.GetStringAsync("api/keys", Cancel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Succeeded"), InlineData("3"), InlineData("queued|running")]
    public async Task State_ThatIsNoNameOfOne_IsRefused(string state) =>
        Assert.Contains(
            "succeeded",
            (await (await platform.Reader.GetAsync(
                "api/runs?state=" + Uri.EscapeDataString(state), Cancel)).Problem(HttpStatusCode.BadRequest)).Detail, StringComparison.Ordinal);

    [Theory]
    [InlineData("If-Match", "abc")]
    [InlineData("If-Match", "\"abc")]
    [InlineData("If-Match", "\"a\" \"b\"")]
    [InlineData("If-Match", "")]
    [InlineData("If-Match", "*, \"a\"")]
    [InlineData("If-None-Match", "abc")]
    [InlineData("If-None-Match", "w/\"a\"")]
    public async Task Condition_ThatCannotBeUnderstood_IsRefused_AndNothingIsWritten(string header, string value)
    {
        await Put("kept.txt", "before");
        foreach (var method in (HttpMethod[])[HttpMethod.Put, HttpMethod.Delete, HttpMethod.Get])
        {
            using var answer = await Send(method, "kept.txt", header, value);
            Assert.Contains(header, (await answer.Problem(HttpStatusCode.BadRequest)).Detail, StringComparison.Ordinal);
        }

        Assert.Equal("before", await platform.Reader.GetStringAsync("api/files/data/kept.txt", Cancel));
    }

    [Theory]
    [InlineData("If-Match", "ETAG", 200)]
    [InlineData("If-Match", "\"other\"", 412)]
    [InlineData("If-Match", "\"other\", ETAG", 200)]
    [InlineData("If-Match", "W/ETAG", 412)]
    [InlineData("If-Match", "*", 200)]
    [InlineData("If-None-Match", "*", 412)]
    [InlineData("If-None-Match", "\"other\"", 200)]
    [InlineData("If-None-Match", "\"other\" , W/ETAG", 412)]
    public async Task Condition_OfAWrite_IsAsTheStandardHasIt(string header, string value, int status)
    {
        var etag = await Put($"{Guid(value)}.txt", "before");
        using var answer = await Send(HttpMethod.Put, $"{Guid(value)}.txt", header, value.Replace("ETAG", etag, StringComparison.Ordinal));
        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("If-Match", "*", 412)]
    [InlineData("If-None-Match", "*", 200)]
    [InlineData("If-None-Match", "\"any\"", 200)]
    public async Task Condition_OnAFileThatIsMissing(string header, string value, int status)
    {
        using var answer = await Send(HttpMethod.Put, $"missing-{Guid(header + value)}.txt", header, value);
        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Condition_WhereNothingHasAnETag_IsRefused()
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Put, $"api/runs/{await platform.Submit()}/tags") { Content = PlatformFixture.Json("""["a"]""") };
        request.Headers.TryAddWithoutValidation("If-Match", "\"x\"");
        await (await platform.Writer.SendAsync(request, Cancel)).Problem(HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("bytes=2-9223372036854775807", "2345")]
    [InlineData("bytes=0-9223372036854775807", "012345")]
    public async Task Range_ToTheEndOfAllNumbers_IsToTheEndOfTheFile(string range, string expected)
    {
        await Put("range.txt", "012345");
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/files/data/range.txt");
        request.Headers.TryAddWithoutValidation("Range", range);
        using var answer = await platform.Reader.SendAsync(request, Cancel);
        Assert.Equal((HttpStatusCode.PartialContent, expected), (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancel)));
    }

    [Theory]
    [InlineData("""{"project":"p","name":"n","command":"true","code":{"snapshot":"SNAP"},"params":{"x":"\ud800"}}""", "params.x")]
    [InlineData("""{"project":"p","name":"n","command":"true","code":{"snapshot":"SNAP"},"params":{"x\ud800":"a"}}""", "params")]
    [InlineData("""{"project":"p","name":"n","command":"true","code":{"snapshot":"SNAP"},"tags":["\udc00"]}""", "tags[0]")]
    [InlineData("""{"project":"p","name":"n","command":"true","code":{"snapshot":"SNAP"},"env":{"A":"\ud800x"}}""", "env.A")]
    public async Task HalfACharacter_InAnExperiment_IsAProblemWithItsPlace(string spec, string path)
    {
        using var answer = await platform.Writer.PostAsync(
            "api/experiments", PlatformFixture.Json(spec.Replace("SNAP", await platform.PutCode(), StringComparison.Ordinal)), Cancel);
        Assert.Contains((await answer.Problem(HttpStatusCode.BadRequest)).Problems!, problem => problem.Path == path);
    }

    [Theory]
    [InlineData("PUT", "api/triggers/t1", """{"name":"t1","when":{"file":"data/\ud800"},"then":{"project":"a","name":"b","command":"x"}}""")]
    [InlineData("POST", "api/keys", """{"name":"\ud800"}""")]
    [InlineData("PUT", "api/webhooks/w", """{"url":"https://example.com/\ud800"}""")]
    [InlineData("POST", "api/reports", """{"runs":["\ud800"]}""")]
    [InlineData("POST", "api/datasets/d", """{"path":"data/\ud800"}""")]
    public async Task HalfACharacter_AnywhereElse_IsRefused(string method, string target, string body) =>
        await (await platform.Admin.SendAsync(
            new(new(method), target) { Content = PlatformFixture.Json(body) }, Cancel)).Problem(HttpStatusCode.BadRequest);

    [Fact]
    public async Task ManyProblemsBelowALongName_AreAnsweredInFewBytes()
    {
        var body = $"{{\"{new string('k', 100_000)}\":{{{string.Join(',', Enumerable.Repeat("\"a\":1", 20_000))}}}}}";
        using var answer = await platform.Reader.PostAsync("api/triggers/x/test", PlatformFixture.Json(body), Cancel);
        Assert.True(answer.Content.Headers.ContentLength < 100_000, $"{answer.Content.Headers.ContentLength} bytes");
        var problem = await answer.Problem(HttpStatusCode.BadRequest);
        Assert.Equal(ProblemList.Most + 1, problem.Problems!.Count);
        Assert.Matches("^and [0-9]+ more$", problem.Problems[^1].Message);
    }

    [Fact]
    public async Task LongText_IsQuotedInFewBytes()
    {
        using var answer = await platform.Writer.PostAsync(
            "api/experiments", PlatformFixture.Json($$"""{"project":"{{new string('p', 200_000)}}","name":"n","command":"true"}"""), Cancel);
        Assert.True(answer.Content.Headers.ContentLength < 10_000, $"{answer.Content.Headers.ContentLength} bytes");
    }

    [Theory]
    [InlineData("../../../dev/zero"), InlineData("/dev/zero"), InlineData("Europe/../../../../etc/passwd")]
    public async Task TimeZone_ThatIsAPath_IsNotRead(string zone)
    {
        var body = $$$"""{"when":{"schedule":{"cron":"0 3 * * *","zone":"{{{zone}}}"}},"then":{"project":"p","name":"n","command":"true"}}""";
        using var answer = await platform.Reader.PostAsync("api/triggers/x/test", PlatformFixture.Json(body), Cancel);
        Assert.Contains((await answer.Problem(HttpStatusCode.BadRequest)).Problems!, problem => problem.Path == "when.schedule.zone");
    }

    [Fact]
    public async Task NameThatNoObjectCanHave_IsNoFaultOfThePlatform() =>
        await (await platform.Reader.GetAsync("api/triggers/t/firings/" + new string('0', 300), Cancel)).Problem(HttpStatusCode.BadRequest);

    [Fact]
    public async Task ReasonOfACancellation_IsOneLine() =>
        await (await platform.Writer.PostAsync($"api/runs/{await platform.Submit()}/cancel?reason=" + Uri.EscapeDataString("a\u001b[2Jb"), null,
            Cancel)).Problem(HttpStatusCode.BadRequest);

    private async Task<string> Put(string name, string text)
    {
        using var answer = await platform.Writer.PutAsync($"api/files/data/{name}", new StringContent(text), Cancel);
        answer.EnsureSuccessStatusCode();
        return answer.Headers.ETag!.Tag;
    }

    private Task<HttpResponseMessage> Send(HttpMethod method, string name, string header, string value)
    {
        var request = new HttpRequestMessage(
            method, $"api/files/data/{name}") { Content = method == HttpMethod.Put ? new StringContent("after") : null };
        request.Headers.TryAddWithoutValidation(header, value);
        return platform.Writer.SendAsync(request, Cancel);
    }

    private static string Guid(string of) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(of)))[..12];
}
