using System.Net;
using System.Text;

namespace Serverless.Tests.Functions;

public sealed class BadInputTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/files/../admin.key")]
    [InlineData("/api/files/data/../../admin.key")]
    [InlineData("/api/files/data/../runs/x.json")]
    [InlineData("/api/files/data/..")]
    [InlineData("/api/files/data/./x")]
    [InlineData("/api/files/data/%2e%2e/%2e%2e/admin.key")]
    [InlineData("/api/files/data/%2E%2E%2Fx")]
    [InlineData("/api/files/data/..%2f..%2fadmin.key")]
    [InlineData("/api/files/data/%252e%252e/x")]
    [InlineData("/api/files/data/%252e%252e%252fx")]
    [InlineData("/api/files/data/%25252e%25252e%25252fx")]
    [InlineData("/api/files/data/..\\x")]
    [InlineData("/api/files/data\\x")]
    [InlineData("/api/files/data/%5cx")]
    [InlineData("/api/files/data/..%5cx")]
    [InlineData("/api/files/data//x")]
    [InlineData("/api/files//data/x")]
    [InlineData("/api/files/data/x/")]
    [InlineData("/api/files/data/%0ax")]
    [InlineData("/api/files/data/%00x")]
    [InlineData("/api/files/runs/x.json")]
    [InlineData("/api/files/data")]
    [InlineData("/api/files/admin.key")]
    [InlineData("/api/files/%2fetc/passwd")]
    [InlineData("/api/runs/../files/data/x")]
    [InlineData("http://localhost/api/files/data/../../admin.key")]
    public async Task PathThatClimbsOrLeavesData_IsRefused(string target)
    {
        foreach (var method in new[] { "GET", "PUT", "DELETE" })
        {
            var answer = await platform.Raw(method, target, platform.AdminKey, method == "PUT" ? "Content-Length: 1\r\n\r\nx" : "");
            Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task LongPath_IsRefused() =>
        await (await platform.Writer.PutAsync(
            "api/files/data/" + new string('x', 300), new ByteArrayContent([1]), Cancel)).Problem(HttpStatusCode.BadRequest);

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/api")]
    [InlineData("GET", "/api/none")]
    [InlineData("POST", "/api/runs/none/none")]
    public async Task UnknownAddress_Is404(string method, string target) =>
        await (await platform.Writer.SendAsync(new(new(method), target), Cancel)).Problem(HttpStatusCode.NotFound);

    [Theory]
    [InlineData("DELETE", "/api/experiments", "POST")]
    [InlineData("PATCH", "/api/runs", "GET")]
    [InlineData("POST", "/api/health", "GET")]
    public async Task WrongMethod_Is405AndSaysWhichAreRight(string method, string target, string right)
    {
        using var answer = await platform.Writer.SendAsync(new(new(method), target), Cancel);
        var problem = await answer.Problem(HttpStatusCode.MethodNotAllowed);
        Assert.Contains(right, problem.Detail, StringComparison.Ordinal);
        Assert.Contains(right, answer.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("/api/runs/none")]
    [InlineData("/api/runs/00000000000000000000000000")]
    [InlineData("/api/runs/00000000000000000000000000/metrics")]
    [InlineData("/api/runs/00000000000000000000000000/logs")]
    [InlineData("/api/runs/00000000000000000000000000/logs?follow=true")]
    [InlineData("/api/runs/00000000000000000000000000/artifacts")]
    [InlineData("/api/runs/00000000000000000000000000/artifacts/x")]
    [InlineData("/api/runs/00000000000000000000000000/checkpoints")]
    [InlineData("/api/runs/00000000000000000000000000/checkpoints/last")]
    [InlineData("/api/compare?runs=00000000000000000000000000")]
    [InlineData("/api/projects/none/experiments/none/versions")]
    [InlineData("/api/projects/none/experiments/none/versions/diff?from=1&to=2")]
    [InlineData("/api/files/data/none")]
    [InlineData("/api/code/0000000000000000000000000000000000000000000000000000000000000000")]
    public async Task UnknownId_Is404(string target) => await (await platform.Reader.GetAsync(target, Cancel)).Problem(HttpStatusCode.NotFound);

    [Theory]
    [InlineData("POST", "/api/runs/00000000000000000000000000/cancel")]
    [InlineData("POST", "/api/runs/00000000000000000000000000/rerun")]
    [InlineData("DELETE", "/api/runs/00000000000000000000000000")]
    [InlineData("DELETE", "/api/files/data/none")]
    public async Task WriteToAnUnknownId_Is404(string method, string target) =>
        await (await platform.Writer.SendAsync(new(new(method), target), Cancel)).Problem(HttpStatusCode.NotFound);

    [Theory]
    [InlineData("/api/runs?limit=0", "limit")]
    [InlineData("/api/runs?limit=many", "limit")]
    [InlineData("/api/runs?state=done", "state")]
    [InlineData("/api/runs?where=state%3Dfialed", "where: at character 7: state is one of")]
    [InlineData("/api/runs?order=a%20b", "order: at character 3: expected a comma")]
    [InlineData("/api/runs?order=id&after=0000000000000000000000000R", "begin with the first page")]
    [InlineData("/api/runs?after=../x", "after")]
    [InlineData("/api/files?prefix=runs/", "prefix")]
    [InlineData("/api/files?prefix=data/../", "prefix")]
    [InlineData("/api/compare", "runs")]
    [InlineData("/api/projects/p/experiments/e/versions/diff?from=1", "to")]
    public async Task QueryThatMakesNoSense_NamesTheParameter(string target, string name) =>
        Assert.Contains(
            name, (await (await platform.Reader.GetAsync(target, Cancel)).Problem(HttpStatusCode.BadRequest)).Detail, StringComparison.Ordinal);

    [Theory]
    [InlineData("{", "application/json")]
    [InlineData("", "application/json")]
    [InlineData("[]", "application/json")]
    [InlineData("a: [", "application/yaml")]
    [InlineData("\t- :", "text/yaml")]
    public async Task BodyThatCannotBeRead_IsAProblem(string body, string type) =>
        Assert.NotEmpty(
            (await (await platform.Writer.PostAsync(
                "api/experiments", PlatformFixture.Json(body, type), Cancel)).Problem(HttpStatusCode.BadRequest)).Problems!);

    [Fact]
    public async Task InvalidSpec_GetsAllItsProblemsAtOnce()
    {
        using var answer = await platform.Writer.PostAsync(
            "api/experiments", PlatformFixture.Json("""{"project":"p","nmae":"x","machine":"gpu-h100","command":"","nodes":2}"""), Cancel);
        var problem = await answer.Problem(HttpStatusCode.BadRequest);
        Assert.True(problem.Problems!.Count >= 3, string.Join("; ", problem.Problems));
        Assert.All(problem.Problems, one => Assert.False(string.IsNullOrEmpty(one.Message)));
    }

    [Fact]
    public async Task BodyOfAnotherType_Is415() =>
        await (await platform.Writer.PostAsync(
            "api/experiments", PlatformFixture.Json("<x/>", "text/xml"), Cancel)).Problem(HttpStatusCode.UnsupportedMediaType);

    [Fact]
    public async Task BodyThatIsNotUtf8_IsRefused()
    {
        using var content = new ByteArrayContent([0x7B, 0xFF, 0xFE, 0x7D]);
        content.Headers.ContentType = new("application/json");
        await (await platform.Writer.PostAsync("api/experiments", content, Cancel)).Problem(HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("POST", "/api/experiments", 1024 * 1024)]
    [InlineData("PUT", "/api/files/data/large.bin", 1_000_000)]
    [InlineData("PUT", "/api/code/0000000000000000000000000000000000000000000000000000000000000000", 100_000)]
    public async Task BodyOverTheLimit_Is413_DeclaredOrChunked(string method, string target, int limit)
    {
        // Declared: refused before a byte of it is sent.
        var declared = await platform.Raw(method, target, platform.AdminKey, $"Content-Length: {limit + 1}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 413", declared, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", declared, StringComparison.Ordinal);

        using var request = new HttpRequestMessage(new(method), target)
        {
            Content = new ByteArrayContent(new byte[limit + 1]),
            Headers = { TransferEncodingChunked = true },
        };
        using var chunked = await platform.Writer.SendAsync(request, Cancel);
        Assert.Contains($"{limit} bytes", (await chunked.Problem(HttpStatusCode.RequestEntityTooLarge)).Detail, StringComparison.Ordinal);
        Assert.Null((await platform.Store.Head("data/large.bin", Cancel)).Value);
    }

    [Fact]
    public async Task UploadThatBreaksOff_LeavesNothing()
    {
        using (var client = new System.Net.Sockets.TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, platform.Host.Address.Port, Cancel);
            await using var stream = client.GetStream();
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes(
                    $"PUT /api/files/data/half.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.AdminKey}\r\nContent-Length: " +
                    "1000\r\n\r\nhalf"), Cancel);
            client.Client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            await PlatformFixture.Answered(stream);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await platform.Reader.GetAsync("api/files/data/half.bin", Cancel)).StatusCode);
    }

    [Theory]
    [InlineData("GET", "/api/sweeps/x")]
    [InlineData("POST", "/api/sweeps/x/cancel")]
    [InlineData("POST", "/api/notebooks")]
    [InlineData("POST", "/api/github/webhook")]
    public async Task WhatThisVersionLacks_Is501(string method, string target) =>
        await (await platform.Writer.SendAsync(new(new(method), target), Cancel)).Problem(HttpStatusCode.NotImplemented);
}
