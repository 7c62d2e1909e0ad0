using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Functions.Http;

namespace Serverless.Functions.Api;

/// <summary>What everything that submits has in common.</summary>
static class Submissions
{
    public const string HeaderDoc = KeyHeader + ": makes this request safe to send again; the same key with another request is 409";

    /// <summary>Stands for the body of a request that is told by its address alone.</summary>
    public const string NoBody = "";

    private const string KeyHeader = "Idempotency-Key";
    private const int MaxKeyLength = 255;

    /// <summary>Null when the request has no key.</summary>
    public static Idempotency? Idempotency(HttpRequest request, string bodySha256) => request.Headers[KeyHeader] switch
    {
        [] => null,
        [{ Length: > 0 and <= MaxKeyLength } key] when key.All(c => c is > ' ' and < '\x7f') => new(key, $"{request.Path} {bodySha256}"),
        _ => throw new RequestException(
            StatusCodes.Status400BadRequest, $"{KeyHeader}: expected one value of 1 to {MaxKeyLength} printable ASCII characters without spaces"),
    };

    public static IActionResult Answered(SubmitResult result) => result switch
    {
        SubmitResult.Accepted accepted => Answer.Accepted(accepted.Answer),
        SubmitResult.Invalid invalid => Answer.Invalid("Invalid experiment", invalid.Problems),
        SubmitResult.IdempotencyConflict conflict => Answer.Problem(StatusCodes.Status409Conflict, conflict.Message),
        _ => throw new InvalidOperationException($"unknown result {result}"),
    };

    public static SpecFormat FormatOf(string? contentType) => contentType?.Split(';')[0].Trim().ToLowerInvariant() switch
    {
        null or "" or "application/json" or "text/json" => SpecFormat.Json,
        "application/yaml" or "text/yaml" or "application/x-yaml" or "text/x-yaml" => SpecFormat.Yaml,
        var other =>
            throw new RequestException(StatusCodes.Status415UnsupportedMediaType, $"Content-Type {other}: send application/json or application/yaml"),
    };
}
