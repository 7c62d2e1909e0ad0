using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Core.Streams;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class MetricFunctions(Gate gate)
{
    [Function("RunMetrics")]
    [Operation("A run's metrics, one series each", Answer = typeof(RunMetrics), AnswerTypes = ["application/json", "text/csv; charset=utf-8"],
        Errors = [404], Query = [
            nameof(QueryParameters.Names), nameof(QueryParameters.Source), nameof(QueryParameters.FromStep),
            nameof(QueryParameters.MaxPoints), nameof(QueryParameters.MetricFormat)])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/metrics")] HttpRequest request, string id) =>
        gate.Reader(request, async caller =>
    {
        var run = await caller.Run(id);
        var names = QueryParameters.Names.Of(request);
        var query = new MetricsQuery(names, QueryParameters.FromStep.Find(request), QueryParameters.MaxPoints.Of(request))
        {
            Streams = Streams(names, QueryParameters.Source.Of(request)),
        };
        return QueryParameters.MetricFormat.Of(request) == "json"
            ? Answer.LargeJson(await caller.Workspace.Metrics.Read(run, query, caller.Cancel))
            : Answer.Stream(context => WriteCsv(context, caller.Workspace.Metrics.Csv(run, query, context.RequestAborted)));
    });

    /// <summary>Those that are asked for and may have what is asked for.</summary>
    internal static List<StreamKind> Streams(IReadOnlyList<string> names, IReadOnlyList<MetricSource> sources)
    {
        var streams = new List<StreamKind>();
        if (sources.Count == 0 || sources.Contains(MetricSource.Run)) streams.Add(StreamKind.Metrics);
        if ((sources.Count == 0 || sources.Contains(MetricSource.Machine)) && MetricOrder.MayNameMachine(names)) streams.Add(StreamKind.Machine);
        return streams;
    }

    private static async Task WriteCsv(HttpContext context, IAsyncEnumerable<ReadOnlyMemory<byte>> rows)
    {
        context.Response.ContentType = "text/csv; charset=utf-8";
        ObjectAnswer.Guard(context.Response);
        await foreach (var some in rows) await context.Response.Body.WriteAsync(some, context.RequestAborted);
    }
}
