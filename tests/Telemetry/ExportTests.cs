using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Serverless.Core.Metrics.Logged;
using Serverless.Tests.Support;

namespace Serverless.Tests.Telemetry;

/// <summary>A platform that a collector of OpenTelemetry listens to.</summary>
public sealed class ExportTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SubmissionAndAttempt_AreOneTrace_AcrossProcesses_AndLogsAndMetricsComeToo()
    {
        await using var collector = await Collector.Start();
        await using var platform = await ExpPlatform.Start(
            new Dictionary<string, string>
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address, ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_EXPORTER_OTLP_HEADERS"] = "x-team=secret",
            },
            workers: 1);
        var code = """
            env | grep OTEL && exit 9
            exit 0
            """;
        var run = await platform.Exp("run", platform.Script("quiet.sh", code), "--wait");
        Assert.True(run.ExitCode == 0, run.ToString());
        platform.Up.Signal("TERM");
        await platform.Up.Ended();

        var spans = collector.Of("/v1/traces").SelectMany(Spans).ToList();
        var submit = Assert.Single(spans, span => span.Name == "submit");
        Assert.Equal("serverless", submit.Service);
        foreach (var name in (string[])["attempt", "prepare", "code"])
        {
            Assert.Equal((submit.Trace, "serverless-worker"), spans.Where(span => span.Name == name).Select(span => (span.Trace, span.Service)).Single());
        }

        var logs = string.Concat(collector.Of("/v1/logs").Select(Encoding.UTF8.GetString));
        Assert.Contains("was submitted by", logs, StringComparison.Ordinal);
        Assert.Contains("succeeded, attempt 1", logs, StringComparison.Ordinal);
        var metrics = string.Concat(collector.Of("/v1/metrics").Select(Encoding.UTF8.GetString));
        foreach (var name in (string[])["serverless.run.transitions", "http.server.request.duration", "dotnet.gc.collections"])
        {
            Assert.Contains(name, metrics, StringComparison.Ordinal);
        }

        Assert.All(collector.Headers, header => Assert.Equal("secret", header));
    }

    [Fact]
    public async Task ACollectorThatIsNotThere_KeepsNothingFromWork()
    {
        await using var platform = await ExpPlatform.Start(
            new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9" }, workers: 1);
        Assert.Equal(0, (await platform.Exp("run", platform.Script("work.sh", "true\n"), "--wait")).ExitCode);
    }

    private static IEnumerable<(string Service, string Trace, string Name)> Spans(byte[] request) =>
        from resource in Parts(request, 1)
        let service = Parts(resource, 1).SelectMany(part => Parts(part, 1)).Single(pair => Text(pair, 1) == "service.name")
        from scope in Parts(resource, 2)
        from span in Parts(scope, 2)
        select (Text(Parts(service, 2).Single(), 1), Convert.ToHexString(Parts(span, 1).Single()), Text(span, 5));

    private static string Text(byte[] message, int field) => Encoding.UTF8.GetString(Parts(message, field).Single());

    private static List<byte[]> Parts(byte[] message, int field)
    {
        var parts = new List<byte[]>();
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            if (fields.Is(field, ProtobufFields.Bytes)) parts.Add(fields.Content.ToArray());
        }

        return parts;
    }

    private sealed class Collector : IAsyncDisposable
    {
        private readonly ConcurrentQueue<(string Path, byte[] Body)> requests = [];
        private readonly WebApplication app;

        private Collector(WebApplication app) => this.app = app;

        public ConcurrentQueue<string> Headers { get; } = [];
        public string Address => app.Urls.Single();

        public static async Task<Collector> Start()
        {
            var builder = WebApplication.CreateEmptyBuilder(new());
            builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
            var collector = new Collector(builder.Build());
            collector.app.Run(collector.Take);
            await collector.app.StartAsync(Cancel);
            return collector;
        }

        public IEnumerable<byte[]> Of(string path) => requests.Where(request => request.Path == path).Select(request => request.Body);

        public ValueTask DisposeAsync() => app.DisposeAsync();

        private async Task Take(HttpContext context)
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, Cancel);
            Headers.Enqueue($"{context.Request.Headers["x-team"]}");
            requests.Enqueue((context.Request.Path, body.ToArray()));
        }
    }
}
