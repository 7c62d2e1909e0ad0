using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class CompareFunctions(Gate gate)
{
    private const int Most = 100, ReadingDegree = 8;

    [Function("Compare")]
    [Operation("Runs side by side: parameters, last metric values, facts", Answer = typeof(Comparison),
        Query = ["runs: ids, separated by commas, 1 to 100"], Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "compare")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var ids = request.QueryList("runs");
        if (ids.Count is 0 or > Most) return Answer.Problem(StatusCodes.Status400BadRequest, $"runs: expected 1 to {Most} ids, separated by commas");
        return Answer.LargeJson(RunComparison.Of(await Load(caller, ids)));
    });

    /// <summary>Records without what no comparison shows, so that many of them need little memory.</summary>
    private static async Task<IReadOnlyList<RunRecord>> Load(Caller caller, IReadOnlyList<string> ids)
    {
        var runs = new RunRecord[ids.Count];
        var several = new ParallelOptions { MaxDegreeOfParallelism = ReadingDegree, CancellationToken = caller.Cancel };
        await Parallel.ForAsync(0, ids.Count, several, async (i, _) => runs[i] = await caller.Run(ids[i]) with
        {
            History = [],
            Attempts = [],
            Checkpoints = [],
            Head = null,
        });
        return runs;
    }
}
