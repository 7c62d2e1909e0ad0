using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Access;

namespace Serverless.Tests.Functions;

public sealed class AccessTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Every operation that the API's description names is tried with no key, a wrong one, and a key of each role.</summary>
    [Fact]
    public async Task EveryOperation_AsksForTheKeyAndTheRoleThatItsDescriptionNames()
    {
        using var document = JsonDocument.Parse(await platform.Reader.GetStringAsync("api/openapi.json", Cancel));
        using var stranger = platform.Client("exp_" + new string('0', 64));
        using var nobody = platform.Client(null);
        var tried = 0;
        foreach (var path in document.RootElement.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                tried++;
                var what = $"{operation.Name} {path.Name}";
                if (!operation.Value.TryGetProperty("x-role", out var text))
                {
                    Assert.Contains(path.Name, new[] { "/api/health", "/api/login", "/api/openapi.json" });
                    Assert.Equal(HttpStatusCode.OK, (await Try(nobody)).StatusCode);
                    continue;
                }

                foreach (var client in new[] { nobody, stranger })
                {
                    using var refused = await Try(client);
                    Assert.True(refused.StatusCode == HttpStatusCode.Unauthorized, what);
                    Assert.Equal("Bearer", refused.Headers.WwwAuthenticate.ToString());
                }

                var needed = Enum.Parse<Role>(text.GetString()!, ignoreCase: true);
                foreach (var role in Enum.GetValues<Role>())
                {
                    using var answer = await Try(platform.ClientOf(role));
                    Assert.True(answer.StatusCode == HttpStatusCode.Forbidden == role < needed, $"{what} with a {role}'s key: {answer.StatusCode}");
                    if (role < needed && operation.Name != "head")
                    {
                        Assert.Contains(text.GetString()!, (await answer.Problem(HttpStatusCode.Forbidden)).Detail, StringComparison.Ordinal);
                    }
                }

                async Task<HttpResponseMessage> Try(HttpClient client)
                {
                    // Nothing that exists is named, so that nothing is changed.
                    var target = path.Name.Replace("{sha256}", new string('0', 64), StringComparison.Ordinal)
                        .Replace("{path}", "data/none", StringComparison.Ordinal);
                    while (target.IndexOf('{', StringComparison.Ordinal) is var start and >= 0)
                    {
                        target = target[..start] + "none" + target[(target.IndexOf('}', StringComparison.Ordinal) + 1)..];
                    }

                    using var request = new HttpRequestMessage(new(operation.Name.ToUpperInvariant()), target[1..]);
                    return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
                }
            }
        }

        Assert.True(tried > 30, $"{tried} operations");
    }

    [Theory]
    [InlineData("Basic YTpi")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("bearer wrong")]
    public async Task OtherCredentials_AreRefused(string header)
    {
        using var client = platform.Client(null);
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", header);
        using var answer = await client.GetAsync("api/runs", Cancel);
        await answer.Problem(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Key_IsMadeUsedListedAndRevoked()
    {
        using var made = await platform.Admin.PostAsJsonAsync("api/keys", new { name = "ada", role = "writer" }, Cancel);
        var key = await made.Read<ApiKeyInfo>();
        Assert.StartsWith("exp_", key.Key, StringComparison.Ordinal);
        using var client = platform.Client(key.Key);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("api/runs", Cancel)).StatusCode);
        var list = await platform.Admin.GetFromJsonAsync<KeyList>("api/keys", CoreJson.Options, Cancel);
        Assert.Contains(list!.Keys, listed => listed is { Name: "ada", Role: Role.Writer, Key: null });
        Assert.Equal(HttpStatusCode.NoContent, (await platform.Admin.DeleteAsync($"api/keys/{key.Id}", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("api/runs", Cancel)).StatusCode);
        await (await platform.Admin.DeleteAsync($"api/keys/{key.Id}", Cancel)).Problem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task LastAdminKey_Stays()
    {
        var list = await platform.Admin.GetFromJsonAsync<KeyList>("api/keys", CoreJson.Options, Cancel);
        await (await platform.Admin.DeleteAsync(
            $"api/keys/{list!.Keys.Single(key => key.Role == Role.Admin).Id}", Cancel)).Problem(HttpStatusCode.Conflict);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"name":""}""")]
    [InlineData("""{"name":"x","role":"root"}""")]
    [InlineData("[1]")]
    [InlineData("not json")]
    [InlineData("null")]
    public async Task KeyThatMakesNoSense_IsRefused(string body) =>
        await (await platform.Admin.PostAsync("api/keys", PlatformFixture.Json(body), Cancel)).Problem(HttpStatusCode.BadRequest);
}
