using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Storage;
using Serverless.Core.Versions;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>The numbered states of an experiment's definition.</summary>
public sealed class VersionFunctions(Gate gate)
{
    private const string Versions = "projects/{project}/experiments/{experiment}/versions";

    [Function("VersionList")]
    [Operation("An experiment's versions, newest first", Answer = typeof(VersionList), Errors = [404])]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = Versions)] HttpRequest request, string project,
        string experiment) => gate.Reader(request, async caller =>
    {
        var (versions, damaged) = await caller.Workspace.Submission.Versions.List(Name(project), Name(experiment), caller.Cancel);
        return versions.Count + damaged.Count > 0
            ? Answer.Json(new VersionList(versions, DamagedRecord.Listed(damaged)))
            : Missing(project, experiment);
    });

    [Function("VersionDiff")]
    [Operation("What changed between two versions", Answer = typeof(VersionDiff),
        Query = [nameof(QueryParameters.From), nameof(QueryParameters.To)], Errors = [404])]
    public Task<IActionResult> Diff(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = Versions + "/diff")] HttpRequest request, string project, string experiment) =>
        gate.Reader(request, async caller =>
            await caller.Workspace.Submission.Versions.Diff(
                Name(project), Name(experiment), Number(request, QueryParameters.From), Number(request, QueryParameters.To),
                caller.Cancel) is { } diff
                ? Answer.Json(diff)
                : Answer.NotFound($"experiment {project}/{experiment} has no such versions"));

    private static int Number(HttpRequest request, NumberParameter version) =>
        (int?)version.Find(request) ?? throw new RequestException(StatusCodes.Status400BadRequest, $"{version.Name}: which version?");

    /// <summary>As part of an object's name: one segment.</summary>
    private static string Name(string text) => ObjectKey.Problem(text) is null && !text.Contains('/')
        ? text
        : throw new RequestException(StatusCodes.Status400BadRequest, $"'{text}' is not a name");

    private static ProblemAnswer Missing(string project, string experiment) => Answer.NotFound($"there is no experiment {project}/{experiment}");
}
