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
    private const int ReadingDegree = 8;

    [Function("Compare")]
    [Operation("Runs side by side: parameters, last metric values, facts", Answer = typeof(Comparison),
        Query = [nameof(QueryParameters.Runs)], Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "compare")] HttpRequest request) =>
        gate.Reader(request, async caller =>
        Answer.LargeJson(RunComparison.Of(await Load(caller, QueryParameters.Runs.Of(request)))));

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
