using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Api;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class MetricFunctions(Gate gate)
{
    [Function("RunMetrics")]
    [Operation("A run's metrics, one series each", Answer = typeof(RunMetrics), Errors = [404], Query = [
        "names: patterns with '*', separated by commas; default all", "from: only points of this step and later",
        "maxPoints: points per series, 4 to 1000000, default 1000; longer ones keep minimum and maximum of equal stretches, first and last always"])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/metrics")] HttpRequest request, string id) => gate.Reader(request, async caller =>
    {
        var run = await caller.Run(id);
        var series = await caller.Workspace.Metrics.Read(
            run, new(request.QueryList("names"), request.QueryNumber("from", long.MinValue, long.MaxValue), (int)(request.QueryNumber("maxPoints", 4, 1_000_000) ?? 1000)), caller.Cancel);
        return Answer.Json(new RunMetrics(run.Id, series));
    });
}
