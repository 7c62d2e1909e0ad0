using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using Serverless.Core;
using Serverless.Core.Datasets;
using Serverless.Core.Lineage;
using Serverless.Core.Submit;

namespace Serverless.Tests.Functions;

public sealed class DatasetApiTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AFolder_IsPublished_ListedAndReadByFile()
    {
        await PutFile("pub/a b.csv", "1,2");
        using var first = await Publish("pub", new(Path: "data/pub/"));
        Assert.Equal((HttpStatusCode.Created, "/api/datasets/pub/1"), (first.StatusCode, first.Headers.Location?.ToString()));
        using var again = await Publish("pub", new(Path: "data/pub/"));
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        var published = (await again.Read<DatasetPublication>()).Version!;
        Assert.Contains((await Get<DatasetList>("api/datasets")).Datasets,
            dataset => dataset.Name == "pub" && dataset.Versions.Single().Sha256 == published.Sha256);
        foreach (var version in new[] { "1", "latest", published.Sha256[..8], published.Sha256 })
        {
            Assert.Equal("a b.csv", Assert.Single((await Get<DatasetVersion>($"api/datasets/pub/{version}")).Files).Path);
        }

        Assert.Equal("1,2", await platform.Reader.GetStringAsync("api/datasets/pub/1/files/a%20b.csv", Cancel));
        await (await platform.Reader.GetAsync("api/datasets/pub/1/files/none", Cancel)).Problem(HttpStatusCode.NotFound);
        var unknown = await (await platform.Reader.GetAsync("api/datasets/pup", Cancel)).Problem(HttpStatusCode.NotFound);
        Assert.Contains("did you mean 'pub'?", unknown.Detail, StringComparison.Ordinal);
        await (await platform.Reader.GetAsync("api/datasets/pub/2", Cancel)).Problem(HttpStatusCode.NotFound);
        await (await platform.Reader.GetAsync("api/datasets/pub/first", Cancel)).Problem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task SentContents_AreAskedForOnce()
    {
        DatasetRequest request = new(Files: [new("x", Hash("one"), 3), new("y", Hash("two"), 3)]);
        using var asked = await Publish("sent", request);
        var missing = (await asked.Read<DatasetPublication>()).Missing!;
        Assert.Equal(2, missing.Count);
        Assert.Equal(HttpStatusCode.NoContent, (await Put("sent", Hash("one"), "one")).StatusCode);
        var mismatch = await (await Put("sent", Hash("two"), "three")).Problem(HttpStatusCode.Conflict);
        Assert.Contains(Hash("three"), mismatch.Detail, StringComparison.Ordinal);
        using var still = await Publish("sent", request);
        Assert.Equal([Hash("two")], (await still.Read<DatasetPublication>()).Missing);
        await Put("sent", Hash("two"), "two");
        using var published = await Publish("sent", request);
        Assert.Equal(HttpStatusCode.Created, published.StatusCode);
    }

    [Fact]
    public async Task WhatCannotBePublished_IsRefused()
    {
        await (await Publish("No", new(Path: "data/x"))).Problem(HttpStatusCode.BadRequest);
        await (await Publish("no", new(Path: "runs/"))).Problem(HttpStatusCode.BadRequest);
        await (await Publish("no", new())).Problem(HttpStatusCode.BadRequest);
        await (await Publish("no", new("data/x", [new("x", Hash(""), 0)]))).Problem(HttpStatusCode.BadRequest);
        await (await Put("no", "abc", "x")).Problem(HttpStatusCode.BadRequest);
        await (await Put("no", Hash("long"), new string('x', 1_000_001))).Problem(HttpStatusCode.RequestEntityTooLarge);
        using var reader = await platform.Reader.PostAsJsonAsync("api/datasets/no", new DatasetRequest("data/x"), CoreJson.Options, Cancel);
        await reader.Problem(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task WhyNotReused_NamesWhatDiffers()
    {
        var (first, second) = (await platform.Submit("why"), await platform.Submit("why"));
        var explained = await Get<ReuseExplanation>($"api/runs/{second}/why-not-reused");
        Assert.Equal((ReuseReason.Differs, first, "params"), (explained.Reason, explained.Other, Assert.Single(explained.Differences).Part));
        Assert.Equal(ReuseReason.Same, (await Get<ReuseExplanation>($"api/runs/{second}/why-not-reused?other={second}")).Reason);
        await (await platform.Reader.GetAsync($"api/runs/{second}/why-not-reused?other=none", Cancel)).Problem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task WhatOthersCameFrom_IsShown_AndDeletedOnlyWithForce()
    {
        await PutFile("used/x.csv", "1");
        (await Publish("used", new(Path: "data/used/"))).Dispose();
        var id = await Submit("data/used/x.csv");
        var user = await Submit("used:1");
        foreach (var (asked, from) in new[] { (id, "file:data/used/x.csv@"), (user, "dataset:used:1") })
        {
            var graph = await Get<LineageGraph>($"api/lineage/{asked}");
            Assert.StartsWith(from, Assert.Single(graph.Edges, edge => edge.To == $"run:{asked}").From, StringComparison.Ordinal);
        }

        Assert.Contains(await Edges("api/lineage/used:1?depth=1"), edge => edge.To == $"run:{user}");
        Assert.Contains(await Edges("api/lineage/data/used/x.csv"), edge => edge.To == $"run:{id}");
        await (await platform.Reader.GetAsync("api/lineage/data/none", Cancel)).Problem(HttpStatusCode.NotFound);
        await (await platform.Reader.GetAsync("api/lineage/none:1", Cancel)).Problem(HttpStatusCode.NotFound);
        await (await platform.Reader.GetAsync("api/lineage/none", Cancel)).Problem(HttpStatusCode.NotFound);
        await (await platform.Reader.GetAsync($"api/lineage/{id}?depth=0", Cancel)).Problem(HttpStatusCode.BadRequest);

        foreach (var (address, by) in new[] { ("api/files/data/used/x.csv", id), ("api/datasets/used/1", user) })
        {
            Assert.Contains(
                by, (await (await platform.Writer.DeleteAsync(address, Cancel)).Problem(HttpStatusCode.Conflict)).Detail, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.NoContent, (await platform.Writer.DeleteAsync(address + "?force=true", Cancel)).StatusCode);
            await (await platform.Writer.DeleteAsync(address, Cancel)).Problem(HttpStatusCode.NotFound);
        }

        await (await platform.Writer.PostAsync("api/lineage", null, Cancel)).Problem(HttpStatusCode.Forbidden);
        using var rebuilt = await platform.Admin.PostAsync("api/lineage", null, Cancel);
        Assert.True((await rebuilt.Read<LineageRebuilt>()).Records >= 3);

        async Task<IReadOnlyList<LineageEdge>> Edges(string address) => (await Get<LineageGraph>(address)).Edges;

        async Task<string> Submit(string input)
        {
            var spec = new { project = "p", name = "reads", code = new { snapshot = await platform.PutCode() }, command = "train.cs",
                inputs = new[] { input } };
            using var answer = await platform.Writer.PostAsJsonAsync("api/experiments", spec, CoreJson.Options, Cancel);
            return (await answer.Read<Submitted>()).Runs[0].Id;
        }
    }

    private Task<HttpResponseMessage> Publish(string name, DatasetRequest request) =>
        platform.Writer.PostAsJsonAsync($"api/datasets/{name}", request, CoreJson.Options, Cancel);

    private Task<HttpResponseMessage> Put(string name, string sha256, string text) =>
        platform.Writer.PutAsync($"api/datasets/{name}/files/{sha256}", new StringContent(text), Cancel);

    private async Task PutFile(string path, string text) =>
        (await platform.Writer.PutAsync($"api/files/data/{path}", new StringContent(text), Cancel)).Dispose();

    private async Task<T> Get<T>(string address) => (await platform.Reader.GetFromJsonAsync<T>(address, CoreJson.Options, Cancel))!;

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
