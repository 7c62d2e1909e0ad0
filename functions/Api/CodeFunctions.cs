using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Code;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>Code snapshots, under the SHA-256 of their zip.</summary>
public sealed class CodeFunctions(Gate gate, ApiLimits limits)
{
    [Function("CodeGet")]
    [Operation("What is known of a snapshot; 404 says that it is missing or damaged and has to be put", Answer = typeof(CodeFacts), Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "code/{sha256}")] HttpRequest request,
        string sha256) => gate.Reader(request, async caller =>
        await caller.Workspace.Submission.Code.Find(Checked(sha256), caller.Cancel) is { } facts
            ? Answer.Json(facts)
            : Answer.NotFound($"there is no whole snapshot {sha256}"));

    [Function("CodeUpload")]
    [Operation("Where to send a large snapshot: straight to the store, where it can take it; then put it with uploaded=true and no body",
        Role = Role.Writer, Answer = typeof(UploadPlace),
        Query = [nameof(QueryParameters.LengthBytes)], Errors = [413])]
    public Task<IActionResult> Upload([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "code/{sha256}")] HttpRequest request,
        string sha256) => gate.Writer(request, async caller =>
    {
        if (QueryParameters.LengthBytes.Find(request) > limits.CodeBytes) throw BoundedBody.TooLarge(limits.CodeBytes);
        return await DirectAnswer.ToWrite(request, caller.Workspace.Store, WorkspacePaths.Uploaded(Checked(sha256)), limits);
    });

    [Function("CodePut")]
    [Operation(
        "Put a snapshot: a zip of the experiment's source tree", Role = Role.Writer, Answer = typeof(CodeStored), BodyTypes = ["application/zip"],
        Query = [nameof(QueryParameters.Uploaded)], Errors = [404, 409, 413, 422])]
    public Task<IActionResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "code/{sha256}")] HttpRequest request, string sha256) =>
        gate.Writer(request, async caller =>
    {
        Checked(sha256);
        var uploaded = QueryParameters.Uploaded.Of(request) ? WorkspacePaths.Uploaded(sha256) : null;
        await using var zip = await Spool(
            uploaded is null ? request.BodyUpTo(limits.CodeBytes)
                : await DirectAnswer.Uploaded(caller.Workspace.Store, uploaded, limits.CodeBytes, caller.Cancel), caller.Cancel);
        if (await SHA256.HashDataAsync(zip, caller.Cancel) is var hash && Convert.ToHexStringLower(hash) is var actual && actual != sha256)
        {
            return Mismatch(actual);
        }

        zip.Position = 0;
        var put = await caller.Workspace.Submission.Code.Put(sha256, zip, caller.Cancel);
        if (uploaded is not null) await caller.Workspace.Store.Delete(uploaded, cancel: caller.Cancel);
        return put switch
        {
            CodePut.Stored { Facts: var facts } => Answer.Json(new CodeStored(facts.Sha256, facts.Tree, facts.Files.Count, facts.LengthBytes)),
            CodePut.HashMismatch mismatch => Mismatch(mismatch.Actual),
            CodePut.Refused refused => Answer.Problem(StatusCodes.Status422UnprocessableEntity, refused.Message),
            var other => throw new InvalidOperationException($"unknown result {other}"),
        };
    });

    /// <summary>A file on this machine, because a zip is read from its end; it is gone once it is closed.</summary>
    private static async Task<FileStream> Spool(Stream body, CancellationToken cancel)
    {
        var file = new FileStream(Path.GetTempFileName(), new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
        });
        try
        {
            await using (body) await body.CopyToAsync(file, cancel);
            file.Position = 0;
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    internal static ProblemAnswer Mismatch(string actual) =>
        Answer.Problem(StatusCodes.Status409Conflict, $"the body's SHA-256 is {actual}, not what the address says; nothing was stored");

    internal static string Checked(string sha256) => sha256.Length == 64 && sha256.All(char.IsAsciiHexDigitLower)
        ? sha256
        : throw new RequestException(StatusCodes.Status400BadRequest, "the address ends in a SHA-256: 64 hexadecimal digits in lower case");
}
