using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Lineage;
using Serverless.Core.Spec;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class LineageFunctions(Gate gate)
{

    [Function("LineageGet")]
    [Operation(
        "What something came from and what came of it, as a graph; id: a run, a file or folder below data/, or a dataset's version such as digits:3",
        Answer = typeof(LineageGraph),
        Query = [nameof(QueryParameters.Depth)], Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "lineage/{*id}")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var (id, depth) = (RawPath.After(request, segments: 2), QueryParameters.Depth.Of(request));
        var (workspace, cancel) = (caller.Workspace, caller.Cancel);
        if (id.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal))
        {
            if (WorkspaceFiles.Problem(id.TrimEnd('/')) is { } problem) return Answer.Problem(StatusCodes.Status400BadRequest, problem);
            return await workspace.Lineage.Of(id, depth, cancel) is { } graph
                ? Answer.Json(graph)
                : Answer.NotFound($"there is no {id} in the workspace");
        }

        if (DatasetReference.Parse(id) is not { } reference) return Answer.Json(await workspace.Lineage.Of(await caller.Run(id), depth, cancel));
        var (found, missing) = await workspace.Datasets.Find(reference, cancel);
        return found is not null && await workspace.Datasets.Get(found.Name, found.Number, cancel) is { } version
            ? Answer.Json(await workspace.Lineage.Of(version, depth, cancel))
            : Answer.NotFound(missing ?? $"there is no dataset {reference}");
    });

    [Function("LineageRebuild")]
    [Operation(
        "Make the index of the lineage again from the records; answers how many were read", Role = Role.Admin, Answer = typeof(LineageRebuilt))]
    public Task<IActionResult> Rebuild([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "lineage")] HttpRequest request) =>
        gate.Admin(request, async caller =>
        Answer.Json(new LineageRebuilt(await caller.Workspace.Lineage.Rebuild(caller.Cancel))));
}
