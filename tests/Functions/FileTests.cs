using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Serverless.Core;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Functions;

public sealed class FileTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("plain.csv")]
    [InlineData("with space.txt")]
    [InlineData("größe/ünï.bin")]
    [InlineData("100%.txt")]
    [InlineData("a+b&c=d;e#f?.txt")]
    [InlineData("v1..2/x")]
    public async Task File_ComesBackUnderItsName(string name)
    {
        var address = "api/files/data/" + string.Join('/', name.Split('/').Select(Uri.EscapeDataString));
        using var put = await platform.Writer.PutAsync(address, new ByteArrayContent([1, 2, 3]), Cancel);
        Assert.Equal("data/" + name, (await put.Read<WorkspaceFile>()).Path);
        Assert.Equal([1, 2, 3], await platform.Reader.GetByteArrayAsync(address, Cancel));
        Assert.Equal([1, 2, 3], await platform.Reader.GetByteArrayAsync("api/files/data%2F" + Uri.EscapeDataString(name), Cancel));
        var list = await platform.Reader.GetFromJsonAsync<FileList>(
            "api/files?prefix=" + Uri.EscapeDataString("data/" + name), CoreJson.Options, Cancel);
        Assert.Equal(3, Assert.Single(list!.Files).LengthBytes);
        Assert.Equal(HttpStatusCode.NoContent, (await platform.Writer.DeleteAsync(address, Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await platform.Reader.GetAsync(address, Cancel)).StatusCode);
    }

    [Theory]
    [InlineData("bytes=0-3", "0123", "bytes 0-3/10")]
    [InlineData("bytes=4-", "456789", "bytes 4-9/10")]
    [InlineData("bytes=-3", "789", "bytes 7-9/10")]
    [InlineData("bytes=8-99", "89", "bytes 8-9/10")]
    [InlineData("bytes=-99", "0123456789", "bytes 0-9/10")]
    public async Task Range_GivesThoseBytes(string range, string expected, string contentRange)
    {
        await Put("range.txt", "0123456789");
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/files/data/range.txt") { Headers = { { "Range", range } } };
        using var answer = await platform.Reader.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal(contentRange, answer.Content.Headers.ContentRange?.ToString());
        Assert.Equal(expected, await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData("bytes=10-")]
    [InlineData("bytes=-0")]
    public async Task RangeBeyondTheEnd_Is416(string range)
    {
        await Put("short.txt", "0123456789");
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/files/data/short.txt") { Headers = { { "Range", range } } };
        using var answer = await platform.Reader.SendAsync(request, Cancel);
        await answer.Problem(HttpStatusCode.RequestedRangeNotSatisfiable);
        Assert.Equal(10, answer.Content.Headers.ContentRange?.Length);
    }

    /// <summary>curl -C sends a part, and what is compressed would stay so.</summary>
    [Theory]
    [InlineData("Content-Range", "bytes 2-4/10")]
    [InlineData("Content-Encoding", "gzip")]
    public async Task WhatIsNotTheWholeFile_AsItIs_ReplacesNothing(string header, string value)
    {
        await platform.Writer.PutAsync("api/files/data/whole.txt", new StringContent("AAAAABBBBB"), Cancel);
        using var part = new StringContent("BBB");
        part.Headers.TryAddWithoutValidation(header, value);
        await (await platform.Writer.PutAsync("api/files/data/whole.txt", part, Cancel)).Problem(HttpStatusCode.BadRequest);
        Assert.Equal("AAAAABBBBB", await platform.Reader.GetStringAsync("api/files/data/whole.txt", Cancel));
    }

    [Fact]
    public async Task ETag_SparesAnUnchangedDownload_AndGuardsAWrite()
    {
        var first = await Put("guarded.txt", "one");
        using var same = new HttpRequestMessage(HttpMethod.Get, "api/files/data/guarded.txt");
        same.Headers.IfNoneMatch.Add(first);
        Assert.Equal(HttpStatusCode.NotModified, (await platform.Reader.SendAsync(same, Cancel)).StatusCode);

        var second = await Put("guarded.txt", "two", ifMatch: first);
        await (await Send("guarded.txt", "three", request => request.Headers.IfMatch.Add(first))).Problem(HttpStatusCode.PreconditionFailed);
        await (await Send(
            "guarded.txt", "three", request => request.Headers.IfNoneMatch.Add(EntityTagHeaderValue.Any))).Problem(HttpStatusCode.PreconditionFailed);
        Assert.Equal("two", await platform.Reader.GetStringAsync("api/files/data/guarded.txt", Cancel));

        using var stale = new HttpRequestMessage(HttpMethod.Delete, "api/files/data/guarded.txt");
        stale.Headers.IfMatch.Add(first);
        await (await platform.Writer.SendAsync(stale, Cancel)).Problem(HttpStatusCode.PreconditionFailed);
        using var current = new HttpRequestMessage(HttpMethod.Delete, "api/files/data/guarded.txt");
        current.Headers.IfMatch.Add(second);
        Assert.Equal(HttpStatusCode.NoContent, (await platform.Writer.SendAsync(current, Cancel)).StatusCode);
    }

    [Fact]
    public async Task Head_DescribesWithoutABody()
    {
        await Put("page.html", "<script>alert(1)</script>");
        using var answer = await platform.Reader.SendAsync(new(HttpMethod.Head, "api/files/data/page.html"), Cancel);
        Assert.Equal(25, answer.Content.Headers.ContentLength);
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("sandbox", answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Fact]
    public async Task List_GoesPageByPage()
    {
        foreach (var name in new[] { "a", "b", "c" }) await Put($"paged/{name}", name);
        var first = await platform.Reader.GetFromJsonAsync<FileList>("api/files?prefix=data/paged/&limit=2", CoreJson.Options, Cancel);
        Assert.Equal(["data/paged/a", "data/paged/b"], first!.Files.Select(file => file.Path));
        var second = await platform.Reader.GetFromJsonAsync<FileList>(
            $"api/files?prefix=data/paged/&limit=2&after={first.Next}", CoreJson.Options, Cancel);
        Assert.Equal(["data/paged/c"], second!.Files.Select(file => file.Path));
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task FileThatAPersonPutThere_IsServed()
    {
        var path = Path.Combine(platform.Folder, "workspace", "data", "by-hand.csv");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, "1,2\n", Cancel);
        using var answer = await platform.Reader.GetAsync("api/files/data/by-hand.csv", Cancel);
        Assert.Equal("1,2\n", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.NotNull(answer.Headers.ETag);
    }

    [Fact]
    public async Task NameThatIsAFolder_IsAConflict()
    {
        await Put("folder/file", "x");
        await (await Send("folder", "y", _ => { })).Problem(HttpStatusCode.Conflict);
    }

    private async Task<EntityTagHeaderValue> Put(string name, string text, EntityTagHeaderValue? ifMatch = null)
    {
        using var answer = await Send(name, text, request =>
        {
            if (ifMatch is not null) request.Headers.IfMatch.Add(ifMatch);
        });
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer.Headers.ETag!;
    }

    private async Task<HttpResponseMessage> Send(string name, string text, Action<HttpRequestMessage> change)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "api/files/data/" + name) { Content = new StringContent(text) };
        change(request);
        return await platform.Writer.SendAsync(request, Cancel);
    }
}
