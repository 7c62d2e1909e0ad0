using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>The team's own files, everything below <c>data/</c>.</summary>
public sealed class FileFunctions(Gate gate, ApiLimits limits)
{
    private const string Otherwise = "is missing or another version";

    [Function("FileList")]
    [Operation("List files", Answer = typeof(FileList), Query = [
        nameof(QueryParameters.Prefix), nameof(QueryParameters.FileLimit), nameof(QueryParameters.After)])]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "files")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var prefix = QueryParameters.Prefix.Of(request) ?? WorkspacePaths.Data;
        if (WorkspaceFiles.Problem(prefix + "x") is { } problem) return Answer.Problem(StatusCodes.Status400BadRequest, $"prefix: {problem}");
        return Answer.Json(
            await caller.Workspace.Files.List(prefix, QueryParameters.FileLimit.Of(request), QueryParameters.After.Of(request), caller.Cancel));
    });

    [Function("FileGet")]
    [Operation("A file; a range of its bytes, when asked for", AnswerTypes = [OperationAttribute.Any], Also = [206, 304, 307],
        Query = [nameof(QueryParameters.Direct)],
        Headers = ["If-None-Match: ETags; 304 when the file has one of them", "Range: bytes=a-b"], Errors = [404, 412, 416])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "files/{*path}")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var path = Path(request);
        if (await DirectAnswer.ToRead(request, caller.Workspace.Store, path, limits) is { } elsewhere) return elsewhere;
        return await ObjectAnswer.Of(request, caller.Workspace.Store, path, $"there is no file {path}");
    });

    [Function("FilePut")]
    [Operation("Write a file", Role = Role.Writer, Answer = typeof(WorkspaceFile), BodyTypes = ["application/octet-stream"],
        Headers = ["If-Match: ETags, of which the file must have one; * when it must exist",
            "If-None-Match: ETags, of which it must have none; * when it must not exist yet"], Errors = [412, 413, 507])]
    public Task<IActionResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "files/{*path}")] HttpRequest request) =>
        gate.Writer(request, conditional: true, async caller =>
    {
        var path = Path(request);
        if (await Preconditions.Of(request).ToStore(caller.Workspace.Store, path, caller.Cancel) is not { } condition)
        {
            return Changed(path, Otherwise);
        }

        var put = await caller.Workspace.Store.Put(path, request.BodyUpTo(limits.FileBytes), condition, cancel: caller.Cancel);
        return put.Object is { } stored
            ? Answer.Json(new WorkspaceFile(stored.Key, stored.LengthBytes, stored.Modified, stored.ETag),
                headers => headers.ETag = ObjectAnswer.Quoted(stored.ETag))
            : Changed(path, put.Outcome == PutOutcome.Exists ? "exists" : Otherwise);
    });

    [Function("FileUpload")]
    [Operation(
        "Where to send a large file: straight to the store, where it can take it, because requests to this API may be limited in time and size",
        Role = Role.Writer,
        Answer = typeof(UploadPlace), Query = [nameof(QueryParameters.LengthBytes)], Errors = [413])]
    public Task<IActionResult> Upload([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "files/{*path}")] HttpRequest request) =>
        gate.Writer(request, async caller =>
    {
        var path = Path(request);
        if (QueryParameters.LengthBytes.Find(request) > limits.FileBytes) throw BoundedBody.TooLarge(limits.FileBytes);
        return await DirectAnswer.ToWrite(request, caller.Workspace.Store, path, limits);
    });

    [Function("FileDelete")]
    [Operation("Delete a file", Role = Role.Writer, Status = 204, Query = [nameof(QueryParameters.Force)],
        Headers = ["If-Match: ETags, of which the file must have one", "If-None-Match: ETags, of which it must have none"],
        Errors = [404, 409, 412])]
    public Task<IActionResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "files/{*path}")] HttpRequest request) =>
        gate.Writer(request, conditional: true, async caller =>
    {
        var path = Path(request);
        var preconditions = Preconditions.Of(request);
        if (!QueryParameters.Force.Of(request) && await caller.Workspace.Lineage.DependentsOf(path, caller.Cancel) is { Any: true } dependents)
        {
            return Deletions.Needed(dependents, path);
        }

        if (await preconditions.ToStore(caller.Workspace.Store, path, caller.Cancel) is not { MustBeAbsent: false } condition)
        {
            return Changed(path, Otherwise);
        }

        return await caller.Workspace.Store.Delete(path, condition.ETag, caller.Cancel) switch
        {
            DeleteOutcome.Deleted => Answer.NoContent,
            DeleteOutcome.Conflict => Changed(path, "is another version"),
            DeleteOutcome.Missing => Answer.NotFound($"there is no file {path}"),
        };
    });

    private static string Path(HttpRequest request)
    {
        var path = RawPath.After(request, segments: 2);
        return WorkspaceFiles.Problem(path) is { } problem ? throw new RequestException(StatusCodes.Status400BadRequest, problem) : path;
    }

    private static ProblemAnswer Changed(string path, string how) =>
        Answer.Problem(StatusCodes.Status412PreconditionFailed, $"{path} {how}; nothing was changed");
}
