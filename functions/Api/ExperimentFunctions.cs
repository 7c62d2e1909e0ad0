using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Api;
using Serverless.Core.Submit;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;
using ProblemDetails = Serverless.Core.Api.ProblemDetails;

namespace Serverless.Functions.Api;

public sealed class ExperimentFunctions(Gate gate)
{
    private const string KeyHeader = "Idempotency-Key";
    private const int MaxKeyLength = 255;

    [Function("ExperimentSubmit")]
    [Operation("Submit an experiment: it is checked, numbered and its runs are queued", Role = Role.Writer, Status = 202, Answer = typeof(Submitted), Body = typeof(ExperimentSpec),
        BodyTypes = ["application/json", "application/yaml", "text/yaml", "application/x-yaml"],
        Headers = ["Idempotency-Key: makes this request safe to send again; the same key with another body is 409"], Errors = [409, 413, 415])]
    public Task<IActionResult> Submit([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "experiments")] HttpRequest request) => gate.Writer(request, async caller =>
    {
        var format = FormatOf(request.ContentType);
        var idempotencyKey = IdempotencyKey(request);
        var body = await request.Text();
        var reading = SpecReader.Read(body.Text, format);
        if (reading.Spec is not { } spec) return Invalid(reading.Problems);
        var result = await caller.Workspace.Submission.Submit(spec, caller.Key.Name, idempotencyKey is null ? null : new(idempotencyKey, body.Sha256), caller.Cancel);
        return result switch
        {
            SubmitResult.Accepted accepted => Answer.Accepted(accepted.Answer),
            SubmitResult.Invalid invalid => Invalid(invalid.Problems),
            SubmitResult.IdempotencyConflict conflict => Answer.Problem(StatusCodes.Status409Conflict, conflict.Message),
            _ => throw new InvalidOperationException($"unknown result {result}"),
        };
    });

    private static ProblemAnswer Invalid(IReadOnlyList<Problem> problems) => new(new ProblemDetails(
        "Invalid experiment", StatusCodes.Status400BadRequest, problems is [var only] ? $"{only.Path}: {only.Message}" : $"{problems.Count} problems; every one is listed", problems));

    private static SpecFormat FormatOf(string? contentType) => contentType?.Split(';')[0].Trim().ToLowerInvariant() switch
    {
        null or "" or "application/json" or "text/json" => SpecFormat.Json,
        "application/yaml" or "text/yaml" or "application/x-yaml" or "text/x-yaml" => SpecFormat.Yaml,
        var other => throw new RequestException(StatusCodes.Status415UnsupportedMediaType, $"Content-Type {other}: send application/json or application/yaml"),
    };

    private static string? IdempotencyKey(HttpRequest request) => request.Headers[KeyHeader] switch
    {
        [] => null,
        [{ Length: > 0 and <= MaxKeyLength } key] when key.All(c => c is > ' ' and < '\x7f') => key,
        _ => throw new RequestException(StatusCodes.Status400BadRequest, $"{KeyHeader}: expected one value of 1 to {MaxKeyLength} printable ASCII characters without spaces"),
    };
}
