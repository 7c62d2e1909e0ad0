using System.Net;
using System.Net.Http.Json;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Functions.Hosting;
using Serverless.Tests.Functions;
using Serverless.Tests.Fuzz;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

/// <summary>Platforms elsewhere: with keys, and with the tokens of a directory, whose part is played by a server of this test's own.</summary>
public sealed class LoginCommandTests : IAsyncLifetime
{
    private static readonly Guid Tenant = Guid.Parse("11111111-1111-1111-1111-111111111111"),
    Application = Guid.Parse("22222222-2222-2222-2222-222222222222");
    private static readonly Guid Ada = Guid.Parse("33333333-3333-3333-3333-333333333333"),
    Mallory = Guid.Parse("44444444-4444-4444-4444-444444444444");

    private readonly string folder = Directory.CreateTempSubdirectory("login-").FullName;
    private readonly RSA key = RSA.Create(2048);
    private WebApplication directory = null!;
    private EmbeddedHost host = null!;
    private HttpClient admin = null!;
    private string adminKey = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string ProfileFile => Path.Combine(folder, ".config", "exp", "profiles.json");

    public async ValueTask InitializeAsync()
    {
        directory = await StartDirectory(key);
        host = await EmbeddedHost.Start(
            new() { DataFolder = Path.Combine(folder, "platform"), Entra = new(Tenant, Application, new Uri(directory.Urls.Single())) }, Cancel);
        adminKey = (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim();
        admin = Client(adminKey);
    }

    public async ValueTask DisposeAsync()
    {
        admin.Dispose();
        await host.DisposeAsync();
        await directory.DisposeAsync();
        key.Dispose();
        TemporaryFolder.Delete(folder);
    }

    [Fact]
    public async Task Login_WithAKey_IsRememberedByTheOwnerAlone_UntilLogout()
    {
        var login = await Exp(new() { ["EXP_KEY"] = adminKey }, "login", "--url", host.Address.AbsoluteUri, "--profile", "team");
        Assert.True(login.ExitCode == 0, login.ToString());
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ProfileFile));

        Assert.Equal(0, (await Exp([], "keys", "list")).ExitCode);
        Assert.Matches(@"\* +team +http://127\.0\.0\.1:\d+/ +key", (await Exp([], "profiles", "list")).Output);

        // What is said nearer counts more: a folder, then a variable.
        Assert.Equal(3, (await Exp([], "keys", "list", "--data", "nowhere")).ExitCode);
        Assert.Equal(3, (await Exp(new() { ["EXP_DATA"] = "nowhere" }, "keys", "list")).ExitCode);
        Assert.Equal(0, (await Exp(new() { ["EXP_DATA"] = "nowhere", ["EXP_PROFILE"] = "team" }, "keys", "list")).ExitCode);
        Assert.Equal(0, (await Exp(new() { ["EXP_URL"] = "http://127.0.0.1:9" }, "keys", "list", "--profile", "team")).ExitCode);

        Assert.Equal(0, (await Exp([], "profiles", "use")).ExitCode);
        Assert.Equal(3, (await Exp([], "keys", "list")).ExitCode);
        Assert.Equal(0, (await Exp([], "keys", "list", "--profile", "team")).ExitCode);
        Assert.Equal(0, (await Exp([], "logout", "--profile", "team")).ExitCode);
        Assert.DoesNotContain(adminKey, await File.ReadAllTextAsync(ProfileFile, Cancel), StringComparison.Ordinal);
        Assert.Equal(4, (await Exp([], "keys", "list", "--profile", "team")).ExitCode);
    }

    [Fact]
    public async Task Login_ThatOpensNothing_IsRefusedAtOnce_AndNothingIsRemembered()
    {
        Assert.Equal(5, (await Exp([], "login", "--url", host.Address.AbsoluteUri, "--key", "exp_wrong")).ExitCode);
        Assert.Equal(2, (await Exp([], "login", "--url", "http://example.com", "--key", adminKey)).ExitCode);
        Assert.Equal(2, (await Exp([], "login")).ExitCode);
        Assert.Equal(2, (await Exp([], "login", "--url", host.Address.AbsoluteUri)).ExitCode);
        Assert.False(File.Exists(ProfileFile));
    }

    [Fact]
    public async Task Login_WithEntra_ComesInAsWhomAnAdminLetIn()
    {
        // The part of az: a program of that name which gives out a token.
        var az = Path.Combine(folder, "bin", "az");
        Directory.CreateDirectory(Path.GetDirectoryName(az)!);
        var token = Token(Ada);
        await File.WriteAllTextAsync(az, $$"""
            #!/bin/sh
            echo asked >> {{folder}}/asked
            echo '{"accessToken":"{{token}}","expiresOn":"2999-01-01 00:00:00.000000","expires_on":32472144000,"tenant":"{{Tenant}}","tokenType":"Bearer"}'
            """, Cancel);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(az, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var path = new Dictionary<string, string> { ["PATH"] = $"{Path.GetDirectoryName(az)}:{Environment.GetEnvironmentVariable("PATH")}" };

        var early = await Exp(path, "login", "--url", host.Address.AbsoluteUri, "--entra");
        Assert.Equal(5, early.ExitCode);
        var added = await Exp(new() { ["EXP_URL"] = host.Address.AbsoluteUri, ["EXP_KEY"] = adminKey }, "keys", "add", "ada", "--role", "reader",
            "--entra", $"{Ada}");
        Assert.True(added.ExitCode == 0, added.ToString());

        // Whoever was turned away is turned away for a moment more.
        await Eventually.True(async () =>
            (await Exp(path, "login", "--url", host.Address.AbsoluteUri, "--entra")).ExitCode == 0, ExpProcess.Patience, () => "login");
        var asked = File.ReadAllLines(Path.Combine(folder, "asked")).Length;
        Assert.Equal(0, (await Exp([], "list")).ExitCode);
        var refused = await Exp([], "keys", "list");
        Assert.Equal(5, refused.ExitCode);
        Assert.Contains("'ada' has the role reader", refused.Error, StringComparison.Ordinal);
        Assert.Equal(asked, File.ReadAllLines(Path.Combine(folder, "asked")).Length);
    }

    [Fact]
    public async Task OnlyTokensOfTheDirectory_ForThisPlatform_OfPeopleWhoWereLetIn_Open()
    {
        Assert.Equal(new LoginWays(new(Tenant, Application)), await Client(null).GetFromJsonAsync<LoginWays>("api/login", CoreJson.Options, Cancel));
        Assert.Equal(HttpStatusCode.Created, (await LetIn(Ada)).StatusCode);
        await (await LetIn(Ada)).Problem(HttpStatusCode.Conflict);

        Assert.Equal(HttpStatusCode.OK, await Ask(Token(Ada)));
        Assert.Equal(HttpStatusCode.OK, await Ask(Token(Ada, audience: $"api://{Application}", issuer: $"https://sts.windows.net/{Tenant}/")));
        using var other = RSA.Create(2048);
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Token(Mallory)));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Token(Ada, with: other)));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Token(Ada, audience: "https://management.azure.com/")));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Token(Ada, issuer: "https://elsewhere.example/")));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Token(Ada, tenant: Mallory)));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Token(Ada, until: TimeSpan.FromMinutes(-10))));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Unsigned(Token(Ada))));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask($"entra-{Tenant}-{Ada}"));

        var listed = Assert.Single((await admin.GetFromJsonAsync<KeyList>("api/keys", CoreJson.Options, Cancel))!.Keys, one => one.Name == "ada");
        Assert.Equal(HttpStatusCode.NoContent, (await admin.DeleteAsync($"api/keys/{listed.Id}", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(Token(Ada)));
    }

    [Fact]
    public async Task Token_WhateverItsParts_OpensNothing_AndIsNoFaultOfThePlatform()
    {
        Assert.Equal(HttpStatusCode.Created, (await LetIn(Ada)).StatusCode);
        var parts = Token(Ada).Split('.');
        string[] decoded =
        [
            .. parts.Take(2).Select(Base64UrlEncoder.Decode), """{"alg":"none"}""", """{"alg":"RS256","kid":["one"],"zip":"DEF","enc":"A128GCM"}""",
            """{"tid":{"a":1},"oid":[1],"exp":"x","nbf":-1,"iss":null,"aud":[null,1]}""",
        ];
        await FuzzRun.Of(300, async mutator =>
        {
            var (head, body) = (mutator.Text(decoded[..1].Concat(decoded[2..4]).ToList()), mutator.Text([decoded[1], decoded[4]]));
            var token = $"{Base64UrlEncoder.Encode(head)}.{Base64UrlEncoder.Encode(body)}.{(mutator.Below(3) == 0 ? "" : parts[2])}";
            if (head == decoded[0] && body == decoded[1]) return;
            Assert.Equal(HttpStatusCode.Unauthorized, await Ask(token[..Math.Min(token.Length, 12_000)]));
        });
    }

    private Task<HttpResponseMessage> LetIn(Guid person) =>
        admin.PostAsJsonAsync("api/keys", new { name = "ada", role = Role.Writer, person }, CoreJson.Options, Cancel);

    private async Task<HttpStatusCode> Ask(string secret)
    {
        using var client = Client(secret);
        return (await client.GetAsync("api/machines", Cancel)).StatusCode;
    }

    private HttpClient Client(string? secret)
    {
        var client = new HttpClient { BaseAddress = host.Address };
        if (secret is not null) client.DefaultRequestHeaders.Authorization = new("Bearer", secret);
        return client;
    }

    private string Token(Guid person, string? audience = null, string? issuer = null, Guid? tenant = null, TimeSpan? until = null, RSA? with = null)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer ?? directory.Urls.Single(),
            Audience = audience ?? $"{Application}",
            NotBefore = now.AddHours(-1),
            IssuedAt = now.AddHours(-1),
            Expires = now + (until ?? TimeSpan.FromHours(1)),
            Subject = new ClaimsIdentity([new("oid", $"{person}"), new("tid", $"{tenant ?? Tenant}")]),
            SigningCredentials = new(new RsaSecurityKey(with ?? key) { KeyId = "one" }, SecurityAlgorithms.RsaSha256),
        });
    }

    private static string Unsigned(string token) => $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""")}.{token.Split('.')[1]}.";

    private Task<ExpResult> Exp(Dictionary<string, string> environment, params string[] arguments) => ExpProcess.Run(folder, environment, arguments);

    /// <summary>What a directory publishes: where its keys are, and the keys.</summary>
    private static async Task<WebApplication> StartDirectory(RSA key)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var parameters = key.ExportParameters(includePrivateParameters: false);
        app.Run(context =>
        {
            var self = $"http://{context.Request.Host}";
            object answer = context.Request.Path.Value is "/keys"
                ? new { keys = new[] { new { kty = "RSA", use = "sig", kid = "one", n = Base64UrlEncoder.Encode(parameters.Modulus),
                    e = Base64UrlEncoder.Encode(parameters.Exponent) } } }
                : new { issuer = self, jwks_uri = $"{self}/keys" };
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(JsonSerializer.Serialize(answer));
        });
        await app.StartAsync(Cancel);
        return app;
    }
}
