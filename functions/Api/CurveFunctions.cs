using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>The curves of many runs in one answer, which is written as it is read.</summary>
public sealed class CurveFunctions(Gate gate)
{
    private const int ReadingDegree = 4, MostAtOnce = 16;

    [Function("Curves")]
    [Operation("Curves of all runs of which something is true, a JSON object for each run and line", Answer = typeof(RunCurves),
        AnswerTypes = ["application/x-ndjson"], Query = [
            nameof(QueryParameters.Project), nameof(QueryParameters.Experiment), nameof(QueryParameters.State), nameof(QueryParameters.Tag),
            nameof(QueryParameters.Where), nameof(QueryParameters.Order), nameof(QueryParameters.RunLimit), nameof(QueryParameters.Names),
            nameof(QueryParameters.CurvePoints)])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "curves")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var names = QueryParameters.Names.Of(request);
        var query = new MetricsQuery(names, MaxPoints: QueryParameters.CurvePoints.Of(request))
        {
            // The machine's only by name.
            Streams = MetricFunctions.Streams(names, names.Count == 0 ? [MetricSource.Run] : []),
        };
        var page = await RunFunctions.Page(caller, request, after: null);
        return Answer.Stream(context => Write(context, caller, page!.Runs, query));
    });

    private static async Task Write(HttpContext context, Caller caller, IReadOnlyList<RunSummary> runs, MetricsQuery query)
    {
        var cancel = context.RequestAborted;
        context.Response.ContentType = "application/x-ndjson";
        ObjectAnswer.Guard(context.Response);
        var several = new ParallelOptions { MaxDegreeOfParallelism = ReadingDegree, CancellationToken = cancel };
        foreach (var some in runs.Chunk(MostAtOnce))
        {
            var curves = new RunCurves?[some.Length];
            await Parallel.ForAsync(0, some.Length, several, async (i, stop) => curves[i] = await Read(caller, some[i], query, stop));

            // One that was deleted meanwhile is not there.
            foreach (var one in curves.OfType<RunCurves>())
            {
                await JsonSerializer.SerializeAsync(context.Response.Body, one, CoreJson.Options, cancel);
                await context.Response.Body.WriteAsync("\n"u8.ToArray(), cancel);
            }
        }
    }

    private static async Task<RunCurves?> Read(Caller caller, RunSummary summary, MetricsQuery query, CancellationToken cancel)
    {
        if (await caller.Workspace.Runs.Sound(summary.Id, cancel) is not { } run) return null;
        try
        {
            var read = await caller.Workspace.Metrics.Read(run, query, cancel);
            return new(RunSummary.Of(run), read.Series) { MaxPoints = read.MaxPoints, SeriesLeftOut = read.SeriesLeftOut, Problems = read.Problems };
        }
        catch (InvalidDataException damaged)
        {
            // The others have curves.
            return new(RunSummary.Of(run), []) { Problems = [damaged.Message] };
        }
    }
}
