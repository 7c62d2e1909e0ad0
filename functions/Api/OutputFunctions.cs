using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Outputs;
using Serverless.Core.Runs;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>What a run leaves behind: artifacts and checkpoints.</summary>
public sealed class OutputFunctions(Gate gate, ApiLimits limits)
{
    [Function("RunArtifacts")]
    [Operation("A run's artifacts; while it goes on, what was uploaded so far", Answer = typeof(ArtifactList), Errors = [404])]
    public Task<IActionResult> Artifacts(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/artifacts")] HttpRequest request, string id) =>
        gate.Reader(request, async caller => Answer.Json(await caller.Workspace.Outputs.Artifacts(await caller.Run(id), caller.Cancel)));

    [Function("RunArtifact")]
    [Operation("One artifact; a range of its bytes, when asked for", AnswerTypes = [OperationAttribute.Any], Also = [206, 304, 307],
        Query = [nameof(QueryParameters.Direct)], Errors = [404, 412, 416])]
    public Task<IActionResult> Artifact(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "runs/{id}/artifacts/{*path}")] HttpRequest request, string id) =>
        gate.Reader(request, async caller =>
        {
            var path = RawPath.After(request, segments: 4);
            var missing = $"run {id} has no artifact {path}";
            if (await caller.Workspace.Outputs.Artifact(await caller.Run(id), path, caller.Cancel) is not { } file) return Answer.NotFound(missing);
            return await DirectAnswer.ToRead(request, caller.Workspace.Store, file.Key, limits)
                ?? await ObjectAnswer.Of(request, caller.Workspace.Store, file.Key, missing, new(file.LengthBytes, file.Sha256));
        });

    [Function("RunCheckpoints")]
    [Operation("A run's checkpoints, oldest first", Answer = typeof(CheckpointList), Errors = [404])]
    public Task<IActionResult> Checkpoints(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/checkpoints")] HttpRequest request, string id) =>
        gate.Reader(request, async caller => Answer.Json(RunOutputs.Checkpoints(await caller.Run(id))));

    [Function("RunCheckpoint")]
    [Operation("The files of one checkpoint, by its step or as 'last'", Answer = typeof(CheckpointManifest), Errors = [404])]
    public Task<IActionResult> Checkpoint(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/checkpoints/{step}")] HttpRequest request, string id, string step) =>
        gate.Reader(request, async caller => Answer.Json(await Manifest(caller, id, step)));

    [Function("RunCheckpointFile")]
    [Operation("One file of a checkpoint", Answer = typeof(FilePieces), AnswerTypes = ["application/json", OperationAttribute.Any], Query = [
        nameof(QueryParameters.Pieces)],
        Errors = [404])]
    public Task<IActionResult> CheckpointFile([HttpTrigger(
        AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/checkpoints/{step}/{*file}")] HttpRequest request, string id, string step) =>
        gate.Reader(request, async caller =>
        {
            var path = RawPath.After(request, segments: 5);
            var manifest = await Manifest(caller, id, step);
            if (manifest.Files.FirstOrDefault(file => file.Path == path) is not { } found)
            {
                return Answer.NotFound($"the checkpoint has no file {path}");
            }

            if (QueryParameters.Pieces.Of(request))
            {
                return Answer.Json(await DirectAnswer.Pieces(caller.Workspace.Store, found, limits, caller.Cancel));
            }

            var content = await caller.Workspace.Outputs.Open(found, caller.Cancel);
            return Answer.Stream(async context =>
            {
                await using var body = content;
                context.Response.ContentType = ObjectAnswer.ContentTypeOf(path);
                context.Response.ContentLength = found.LengthBytes;
                context.Response.Headers.ETag = ObjectAnswer.Quoted(found.Sha256);
                ObjectAnswer.Guard(context.Response);
                await body.CopyToAsync(context.Response.Body, context.RequestAborted);
            });
        });

    private static async Task<CheckpointManifest> Manifest(Caller caller, string id, string step) =>
        await caller.Workspace.Outputs.Checkpoint(await caller.Run(id), step, caller.Cancel)
        ?? throw new RequestException(StatusCodes.Status404NotFound, $"run {id} keeps no checkpoint {step}");
}
