using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Api;
using Serverless.Core.Results;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class CompareFunctions(Gate gate)
{
    private const int Most = 100;

    [Function("Compare")]
    [Operation("Runs side by side: parameters, last metric values, facts", Answer = typeof(Comparison), Query = ["runs: ids, separated by commas, 1 to 100"], Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "compare")] HttpRequest request) => gate.Reader(request, async caller =>
    {
        var ids = request.QueryList("runs");
        if (ids.Count is 0 or > Most) return Answer.Problem(StatusCodes.Status400BadRequest, $"runs: expected 1 to {Most} ids, separated by commas");
        return Answer.Json(RunComparison.Of(await Task.WhenAll(ids.Select(caller.Run))));
    });
}
