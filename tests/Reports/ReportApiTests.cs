using System.Net;
using System.Net.Http.Json;
using System.Text;
using Serverless.Contract;
using Serverless.Core;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;
using static Serverless.Tests.Reports.ReportSamples;

namespace Serverless.Tests.Reports;

/// <summary>Reports over HTTP, of runs that lie in the workspace as a worker leaves them.</summary>
public sealed class ReportApiTests : IAsyncLifetime
{
    const string Results = """{"accuracy":0.97,"model":"MLP","parameters":1000,"rows":[{"sparsity":0.5,"before":0.9,"after":0.96,"nonzero":500}]}""";

    readonly string folder = Directory.CreateTempSubdirectory("reports-").FullName;
    readonly SystemIds ids = new(TimeProvider.System);
    EmbeddedHost host = null!;
    HttpClient http = null!;
    IObjectStore store = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        host = await EmbeddedHost.Start(new() { DataFolder = folder }, Cancel);
        http = new()
        {
            BaseAddress = host.Address,
            DefaultRequestHeaders = { Authorization = new("Bearer", File.ReadAllText(host.AdminKeyFile).Trim()) },
        };
        store = new LocalWorkspaces(folder, TimeProvider.System).Open(LocalWorkspaces.Default);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await host.DisposeAsync();
        TemporaryFolder.Delete(folder);
    }

    [Fact]
    public async Task Create_LeavesPageMarkdownAndPlotsInTheWorkspace()
    {
        var run = await AddRun("prune-mlp", Results);

        var response = await http.PostAsJsonAsync("api/reports", new ReportRequest([run], "Pruning"), CoreJson.Options, Cancel);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var report = (await response.Content.ReadFromJsonAsync<ReportInfo>(CoreJson.Options, Cancel))!;
        Assert.Equal(["report.html", "report.md", "accuracy-against-sparsity.png", "train-loss.png"], report.Files);
        Assert.Equal($"/api/reports/{report.Id}", response.Headers.Location!.ToString());
        foreach (var file in report.Files) Assert.NotEmpty((await store.Get(WorkspacePaths.Report(report.Id, file), cancel: Cancel))!.Body);
        Assert.Contains(
            "| prune-mlp | MLP | 97.0 % | 96.0 % | 1,000 → 500 |", await http.GetStringAsync($"api/reports/{report.Id}/report.md", Cancel));
    }

    [Fact]
    public async Task Get_IsAPage_OrWhatTheClientAcceptsInstead()
    {
        var report = await Make(await AddRun("net"));

        var page = await Get($"api/reports/{report.Id}", "text/html,application/xhtml+xml,*/*;q=0.8");
        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        Assert.Contains("default-src 'none'", page.Headers.GetValues("Content-Security-Policy").Single());
        Assert.StartsWith("# net", await (await Get($"api/reports/{report.Id}", "text/markdown")).Content.ReadAsStringAsync(Cancel));
        Assert.Equal(
            report.Files,
            (await (await Get($"api/reports/{report.Id}", "application/json")).Content.ReadFromJsonAsync<ReportInfo>(
                CoreJson.Options, Cancel))!.Files);
        Assert.Equal("image/png", (await Get($"api/reports/{report.Id}/train-loss.png", "*/*")).Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task List_IsNewestFirst_InPages()
    {
        var run = await AddRun("net");
        var made = new List<string>();
        for (var i = 0; i < 3; i++) made.Insert(0, (await Make(run)).Id);

        var first = (await http.GetFromJsonAsync<ReportList>("api/reports?limit=2", CoreJson.Options, Cancel))!;
        var second = (await http.GetFromJsonAsync<ReportList>($"api/reports?limit=2&after={first.Next}", CoreJson.Options, Cancel))!;

        Assert.Equal(made.Order(StringComparer.Ordinal), first.Reports.Concat(second.Reports).Select(report => report.Id));
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task Create_OfWhatIsNotThere_NamesEveryRunThatIsMissing()
    {
        var response = await http.PostAsJsonAsync(
            "api/reports", new ReportRequest([await AddRun("net"), "01MISSING", "../../platform/keys/x"]), CoreJson.Options, Cancel);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = (await response.Content.ReadFromJsonAsync<ProblemDetails>(CoreJson.Options, Cancel))!;
        Assert.Equal(["runs[1]", "runs[2]"], problem.Problems!.Select(one => one.Path));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"runs":[]}""")]
    [InlineData("""{"runs":null}""")]
    [InlineData("""{"runs":[null]}""")]
    [InlineData("""{"runs":"all"}""")]
    [InlineData("nothing")]
    public async Task Create_OfNothing_IsRefused(string body) =>
        Assert.Equal(HttpStatusCode.BadRequest,
            (await http.PostAsync("api/reports", new StringContent(body, Encoding.UTF8, "application/json"), Cancel)).StatusCode);

    [Theory]
    [InlineData("api/reports/01MISSING")]
    [InlineData("api/reports/01ZZZZZZZZZZZZZZZZZZZZZZZZ")]
    [InlineData("api/reports/01ZZZZZZZZZZZZZZZZZZZZZZZZ/report.html")]
    public async Task Get_OfWhatIsNotThere_Is404(string path) =>
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(path, Cancel)).StatusCode);

    [Fact]
    public async Task AResultsFileThatIsSomethingElse_DoesNotSpoilTheReport()
    {
        var report = await Make(await AddRun("net", "[1, 2, 3"));

        Assert.DoesNotContain("accuracy-against-sparsity.png", report.Files);
        Assert.Contains("train-loss.png", report.Files);
    }

    async Task<HttpResponseMessage> Get(string path, string accept)
    {
        var response = await http.SendAsync(new(HttpMethod.Get, path) { Headers = { { "Accept", accept } } }, Cancel);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }

    async Task<ReportInfo> Make(params string[] runs)
    {
        var response = await http.PostAsJsonAsync("api/reports", new ReportRequest(runs), CoreJson.Options, Cancel);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<ReportInfo>(CoreJson.Options, Cancel))!;
    }

    async Task<string> AddRun(string experiment, string? results = null)
    {
        var id = ids.NewestFirst();
        await store.Put(WorkspacePaths.MetricsSegment(id, 1, 0), MetricBytes());
        string? manifest = null;
        if (results is not null)
        {
            var artifact = WorkspacePaths.Artifact(id, 1, ResultsName);
            await store.Put(artifact, Encoding.UTF8.GetBytes(results));
            manifest = WorkspacePaths.OutputManifest(id, 1);
            await store.PutJson(manifest, new OutputManifest([new(ResultsName, artifact, results.Length, "")], []));
        }

        var run = Run(id, experiment, new { lr = 0.1 }, new() { ["train/loss"] = 0.1 }, report: ReportOf("prune-mlp")).Run;
        await new RunStore(store).Create(run with
        {
            Outputs = manifest,
            Attempts = [new(1, "worker", Start, Ended: Start, Cause: Cause.Completed, Metrics: new(1, 0))],
        });
        return id;
    }

    static byte[] MetricBytes()
    {
        var bytes = new byte[4096];
        MetricStream.Header.CopyTo(bytes);
        var at = MetricStream.Header.Length;
        at += MetricStream.WriteName(bytes.AsSpan(at), 0, "train/loss");
        for (var step = 0; step
            < 50; step++) at += MetricStream.WritePoint(bytes.AsSpan(at), 0, step, 1_700_000_000_000_000 + step, 1.0 / (step + 1));
        return bytes[..at];
    }
}
