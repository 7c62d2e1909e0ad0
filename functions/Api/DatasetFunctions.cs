using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Datasets;
using Serverless.Core.Publishing;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>Datasets: immutable versions of folders, their files stored once.</summary>
public sealed class DatasetFunctions(Gate gate, ApiLimits limits)
{
    private const string Version = "datasets/{name}/{version}";

    [Function("DatasetList")]
    [Operation("The workspace's datasets, each with its versions, newest first", Answer = typeof(DatasetList))]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "datasets")] HttpRequest request) =>
        gate.Reader(request, async caller => Answer.Json(await caller.Workspace.Datasets.List(cancel: caller.Cancel)));

    [Function("DatasetVersions")]
    [Operation("A dataset's versions, newest first", Answer = typeof(DatasetInfo), Errors = [404])]
    public Task<IActionResult> Versions([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "datasets/{name}")] HttpRequest request,
        string name) => gate.Reader(request, async caller =>
        await caller.Workspace.Datasets.List(Checked(name), caller.Cancel) switch
        {
            { Datasets: [var dataset] } => Answer.Json(dataset),
            { Damaged: [var damage, ..] } => throw new DamagedRecordException(damage),
            _ => Answer.NotFound($"there is no dataset '{name}'{Suggestion.Clause(name, await caller.Workspace.Datasets.Names(caller.Cancel))}"),
        });

    [Function("DatasetGet")]
    [Operation("A version with its files; version: a number, latest, or the beginning of its hash", Answer = typeof(DatasetVersion), Errors = [404])]
    public Task<IActionResult> Get(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = Version)] HttpRequest request, string name, string version) =>
        gate.Reader(request, async caller => Answer.Json(await Find(caller, name, version)));

    [Function("DatasetFile")]
    [Operation("A file of a version; a range of its bytes, when asked for", AnswerTypes = [OperationAttribute.Any], Also = [206, 304, 307],
        Query = [nameof(QueryParameters.Direct)], Errors = [404, 412, 416])]
    public Task<IActionResult> File([HttpTrigger(
        AuthorizationLevel.Anonymous, "get", "head", Route = Version + "/files/{*path}")] HttpRequest request, string name, string version) =>
        gate.Reader(request, async caller =>
        {
            var (dataset, path) = (await Find(caller, name, version), RawPath.After(request, segments: 5));
            var missing = $"{dataset} has no file {path}";
            if (dataset.Files.FirstOrDefault(file => file.Path == path) is not { } found) return Answer.NotFound(missing);
            return await DirectAnswer.ToRead(request, caller.Workspace.Store, WorkspacePaths.Content(found.Sha256), limits)
                ?? await ObjectAnswer.Of(
                    request, caller.Workspace.Store, WorkspacePaths.Content(found.Sha256), missing, new(found.LengthBytes, found.Sha256));
        });

    [Function("DatasetUpload")]
    [Operation(
        "Where to send a large content: straight to the store, where it can take it; then put it with uploaded=true and no body", Role = Role.Writer,
        Answer = typeof(UploadPlace), Query = [nameof(QueryParameters.LengthBytes)], Errors = [413])]
    public Task<IActionResult> Upload(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "datasets/{name}/files/{sha256}")] HttpRequest request, string name,
        string sha256) =>
        gate.Writer(request, async caller =>
        {
            Checked(name);
            if (QueryParameters.LengthBytes.Find(request) > limits.FileBytes) throw BoundedBody.TooLarge(limits.FileBytes);
            return await DirectAnswer.ToWrite(request, caller.Workspace.Store, WorkspacePaths.Uploaded(CodeFunctions.Checked(sha256)), limits);
        });

    [Function("DatasetPut")]
    [Operation("Send a file's content before publishing it", Role = Role.Writer, Status = 204, BodyTypes = ["application/octet-stream"],
        Query = [nameof(QueryParameters.Uploaded)], Errors = [404, 409, 413])]
    public Task<IActionResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "datasets/{name}/files/{sha256}")] HttpRequest request,
        string name, string sha256) =>
        gate.Writer(request, async caller =>
        {
            Checked(name);
            try
            {
                var uploaded = QueryParameters.Uploaded.Of(request) ? WorkspacePaths.Uploaded(CodeFunctions.Checked(sha256)) : null;
                await using var content = uploaded is null
                    ? request.BodyUpTo(limits.FileBytes)
                    : await DirectAnswer.Uploaded(caller.Workspace.Store, uploaded, limits.FileBytes, caller.Cancel);
                await caller.Workspace.DatasetPublishing.Contents.Put(CodeFunctions.Checked(sha256), content, caller.Cancel);
                if (uploaded is not null) await caller.Workspace.Store.Delete(uploaded, cancel: caller.Cancel);
                return Answer.NoContent;
            }
            catch (ContentMismatchException mismatch)
            {
                return CodeFunctions.Mismatch(mismatch.Actual);
            }
        });

    [Function("DatasetPublish")]
    [Operation(
        "Publish a version: of a folder of the workspace, or of files whose contents were sent; 200 with missing contents asks for these first",
        Role = Role.Writer,
        Status = 201, Also = [200], Answer = typeof(DatasetPublication), Body = typeof(DatasetRequest), Errors = [409, 413])]
    public Task<IActionResult> Publish([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "datasets/{name}")] HttpRequest request,
        string name) => gate.Writer(request, async caller =>
    {
        var (publishing, by) = (caller.Workspace.DatasetPublishing, caller.Key.Name);
        var result = await request.Json<DatasetRequest>(limits.DatasetBytes) switch
        {
            { Path: { } path, Files: null } => await publishing.Publish(name, path, by, caller.Cancel),
            { Path: null, Files: { } files } => await publishing.Publish(name, files, by, caller.Cancel),
            _ => throw new RequestException(
                StatusCodes.Status400BadRequest, "give either path, a file or folder of the workspace, or files whose contents were sent"),
        };
        return result switch
        {
            PublishResult.Published { IsNew: true, Version: var made } =>
                Answer.Json(new DatasetPublication(made, IsNew: true), headers => headers.Location = $"/api/datasets/{made.Name}/{made.Number}",
                    StatusCodes.Status201Created),
            PublishResult.Published { Version: var known } => Answer.Json(new DatasetPublication(known)),
            PublishResult.Missing { Contents: var contents } => Answer.Json(new DatasetPublication(null, Missing: contents)),
            PublishResult.Changed changed => Answer.Problem(StatusCodes.Status409Conflict, changed.Message),
            PublishResult.Refused refused => Answer.Problem(StatusCodes.Status400BadRequest, refused.Message),
            var other => throw new InvalidOperationException($"unknown result {other}"),
        };
    });

    [Function("DatasetDelete")]
    [Operation("Delete a version, by its number also one whose record is lost; its number stays taken", Role = Role.Writer, Status = 204,
        Query = [nameof(QueryParameters.Force)], Errors = [404, 409])]
    public Task<IActionResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = Version)] HttpRequest request, string name,
        string version) => gate.Writer(request, async caller =>
    {
        // By its number also one whose record is lost.
        var number = Reference(name, version).Number ?? (await Find(caller, name, version)).Number;
        return Deletions.Answered(
            await caller.Workspace.DatasetDeletion.Delete(Checked(name), number, QueryParameters.Force.Of(request), caller.Cancel),
            $"dataset {name}:{number}");
    });

    private static DatasetReference Reference(string name, string version) =>
        DatasetReference.Parse($"{name}:{version}") ?? DatasetReference.Parse($"{name}@{version}")
            ?? throw new RequestException(
                StatusCodes.Status400BadRequest, $"'{version}' is no version of a dataset: a number, latest, or at least 8 characters of its hash");

    private static async Task<DatasetVersion> Find(Caller caller, string name, string version)
    {
        var reference = Reference(name, version);
        var (found, problem) = await caller.Workspace.Datasets.Find(reference, caller.Cancel);
        if (found is null && reference.Number is { } number) await caller.Workspace.Datasets.Get(reference.Name, number, caller.Cancel);
        return found is not null && await caller.Workspace.Datasets.Get(found.Name, found.Number, caller.Cancel) is { Deleted: null } whole
            ? whole
            : throw new RequestException(StatusCodes.Status404NotFound, problem ?? $"{reference} was deleted");
    }

    /// <summary>As part of an object's name.</summary>
    private static string Checked(string name) =>
        SpecRules.NameProblem(name) is { } problem ? throw new RequestException(StatusCodes.Status400BadRequest, problem) : name;
}
