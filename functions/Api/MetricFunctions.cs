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
        "names: patterns with '*', separated by commas; default all, those of the machine (system/…) included",
        "source: run (logged by its code) or machine (measured by the worker), default both", "from: only points of this step and later",
        "maxPoints: points per series, 4 to 1000000, default 1000; longer ones keep minimum and maximum of equal stretches, first and last always; "
            + "when all series together would have more than 100000, each has fewer, and the answer's maxPoints says how many",
        "format: json, or csv for every point as metric,step,value,time in order of logging, however many; lines at its end that begin with # say " +
        "what could not be read"])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/metrics")] HttpRequest request, string id) =>
        gate.Reader(request, async caller =>
    {
        var run = await caller.Run(id);
        var names = request.QueryList("names");
        var query = new MetricsQuery(
            names, request.QueryNumber("from", long.MinValue, long.MaxValue), (int)(request.QueryNumber("maxPoints", 4, 1_000_000) ?? 1000))
        {
            Streams = Streams(names, request.QueryEnums<MetricSource>("source")),
        };
        return request.Query("format") switch
        {
            null or "json" => Answer.LargeJson(await caller.Workspace.Metrics.Read(run, query, caller.Cancel)),
            "csv" => Answer.Stream(context => WriteCsv(context, caller.Workspace.Metrics.Csv(run, query, context.RequestAborted))),
            var other => Answer.Problem(StatusCodes.Status400BadRequest, $"format={other}: expected json or csv"),
        };
    });

    /// <summary>Those that are asked for and may have what is asked for.</summary>
    private static List<StreamKind> Streams(IReadOnlyList<string> names, IReadOnlyList<MetricSource> sources)
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
