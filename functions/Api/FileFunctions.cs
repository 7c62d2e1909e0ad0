using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Api;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>The team's own files, everything below <c>data/</c>.</summary>
public sealed class FileFunctions(Gate gate, ApiLimits limits)
{
    [Function("FileList")]
    [Operation("List files", Answer = typeof(FileList), Query = [
        "prefix: only paths that begin so; default data/", "limit: at most so many, 1 to 5000, default 1000", "after: the answer's 'next', for the next page"])]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "files")] HttpRequest request) => gate.Reader(request, async caller =>
    {
        var prefix = request.Query("prefix") ?? WorkspacePaths.Data;
        if (WorkspaceFiles.Problem(prefix + "x") is { } problem) return Answer.Problem(StatusCodes.Status400BadRequest, $"prefix: {problem}");
        return Answer.Json(await caller.Workspace.Files.List(prefix, (int)(request.QueryNumber("limit", 1, 5000) ?? 1000), request.Query("after"), caller.Cancel));
    });

    [Function("FileGet")]
    [Operation("A file; a range of its bytes, when asked for", AnswerType = "application/octet-stream", Query = [DirectAnswer.Parameter], Headers = ["If-None-Match: an ETag; 304 when the file has it", "Range: bytes=a-b"], Errors = [404, 416])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "files/{*path}")] HttpRequest request) => gate.Reader(request, async caller =>
    {
        var path = Path(request);
        if (await DirectAnswer.ToRead(request, caller.Workspace.Store, path, limits) is { } elsewhere) return elsewhere;
        return await ObjectAnswer.Of(request, caller.Workspace.Store, path, $"there is no file {path}");
    });

    [Function("FilePut")]
    [Operation("Write a file", Role = Role.Writer, Answer = typeof(WorkspaceFile), BodyTypes = ["application/octet-stream"],
        Headers = ["If-Match: the ETag that the file must have", "If-None-Match: * when the file must not exist yet"], Errors = [412, 413, 507])]
    public Task<IActionResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "files/{*path}")] HttpRequest request) => gate.Writer(request, async caller =>
    {
        var path = Path(request);
        var put = await caller.Workspace.Store.Put(path, request.BodyUpTo(limits.FileBytes), Condition(request), cancel: caller.Cancel);
        return put.Object is { } stored
            ? Answer.Json(new WorkspaceFile(stored.Key, stored.LengthBytes, stored.Modified, stored.ETag), headers => headers.ETag = ObjectAnswer.Quoted(stored.ETag))
            : Changed(path, put.Outcome == PutOutcome.Exists ? "exists" : "is missing or another version");
    });

    [Function("FileUpload")]
    [Operation("Where to send a large file: straight to the store, where it can take it, because requests to this API may be limited in time and size", Role = Role.Writer,
        Answer = typeof(UploadPlace), Query = ["lengthBytes: how large it is"], Errors = [413])]
    public Task<IActionResult> Upload([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "files/{*path}")] HttpRequest request) => gate.Writer(request, async caller =>
    {
        var path = Path(request);
        if (request.QueryNumber("lengthBytes", 0, long.MaxValue) > limits.FileBytes) throw BoundedBody.TooLarge(limits.FileBytes);
        return await DirectAnswer.ToWrite(request, caller.Workspace.Store, path, limits);
    });

    [Function("FileDelete")]
    [Operation("Delete a file", Role = Role.Writer, Status = 204, Query = [Deletions.ForceDoc], Headers = ["If-Match: the ETag that the file must have"],
        Errors = [404, 409, 412])]
    public Task<IActionResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "files/{*path}")] HttpRequest request) => gate.Writer(request, async caller =>
    {
        var path = Path(request);
        if (!request.QueryFlag(Deletions.Force) && await caller.Workspace.Lineage.DependentsOf(path, caller.Cancel) is { Any: true } dependents) return Deletions.Needed(dependents, path);
        return await caller.Workspace.Store.Delete(path, Condition(request).ETag, caller.Cancel) switch
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

    private static PutCondition Condition(HttpRequest request)
    {
        var headers = request.GetTypedHeaders();
        if (headers.IfNoneMatch is [{ Tag.Value: "*" }]) return PutCondition.IfAbsent;
        return headers.IfMatch switch
        {
            [] => PutCondition.Always,
            [{ Tag.Value: ['"', .. var etag, '"'], IsWeak: false }] => PutCondition.IfMatch(etag),
            _ => throw new RequestException(StatusCodes.Status400BadRequest, "If-Match: expected one ETag in quotes"),
        };
    }

    private static ProblemAnswer Changed(string path, string how) => Answer.Problem(StatusCodes.Status412PreconditionFailed, $"{path} {how}; nothing was changed");
}
