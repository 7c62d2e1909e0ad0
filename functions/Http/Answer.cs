using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Serverless.Core;
using Problem = Serverless.Client.Problem;
using ProblemList = Serverless.Core.Spec.ProblemList;
using ProblemDetails = Serverless.Client.ProblemDetails;

namespace Serverless.Functions.Http;

/// <summary>What functions return. The results write themselves, in the JSON of <see cref="CoreJson"/>, and need no MVC services.</summary>
public static class Answer
{
    public static IActionResult Json<T>(T value, int status = StatusCodes.Status200OK) => new JsonAnswer<T>(value, status);

    public static IActionResult Json<T>(T value, Action<IHeaderDictionary> headers, int status = StatusCodes.Status200OK) =>
        new JsonAnswer<T>(value, status, headers);

    /// <summary>For what may be large: written as it is serialized, never whole in memory as text.</summary>
    public static IActionResult LargeJson<T>(T value) => new Streamed(context =>
    {
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, value, CoreJson.Options, context.RequestAborted);
    });

    public static IActionResult Accepted<T>(T value) => new JsonAnswer<T>(value, StatusCodes.Status202Accepted);

    public static IActionResult NoContent { get; } = new Empty(StatusCodes.Status204NoContent, null);

    public static IActionResult Status(int status, Action<IHeaderDictionary>? headers = null) => new Empty(status, headers);

    /// <summary>Of what is said in one answer; it quotes what was sent, which may be long.</summary>
    private const int MostOfDetail = 2000;

    public static ProblemAnswer Problem(int status, string detail) => new(new(TitleOf(status), status, Excerpt.Of(detail, MostOfDetail)));

    /// <summary>What was sent cannot be taken: everything that is wrong with it.</summary>
    public static ProblemAnswer Invalid(string title, IReadOnlyList<Problem> problems) => new(new(
        title, StatusCodes.Status400BadRequest,
        problems is [var only]
            ? only.ToString()
            : $"{problems.Sum(problem => problem.Count)} problems; " +
                $"{(problems.Count > ProblemList.Most ? $"the first {ProblemList.Most} are" : "every one is")} listed", problems));

    public static ProblemAnswer NotFound(string what) => Problem(StatusCodes.Status404NotFound, what);

    public static IActionResult Stream(Func<HttpContext, Task> write) => new Streamed(write);

    internal static string TitleOf(int status) => status switch
    {
        StatusCodes.Status499ClientClosedRequest => "Client closed request",
        _ => Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status),
    };

    private sealed class JsonAnswer<T>(T value, int status, Action<IHeaderDictionary>? headers = null) : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context) => Write(context.HttpContext, value, status, "application/json", headers);
    }

    private sealed class Empty(int status, Action<IHeaderDictionary>? headers) : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context)
        {
            context.HttpContext.Response.StatusCode = status;
            headers?.Invoke(context.HttpContext.Response.Headers);
            return Task.CompletedTask;
        }
    }

    private sealed class Streamed(Func<HttpContext, Task> write) : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context) => write(context.HttpContext);
    }

    internal static async Task Write<T>(HttpContext context, T value, int status, string contentType, Action<IHeaderDictionary>? headers)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(value, CoreJson.Options);
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        headers?.Invoke(response.Headers);
        if (!HttpMethods.IsHead(context.Request.Method)) await response.Body.WriteAsync(body, context.RequestAborted);
    }
}

/// <summary>An error, as RFC 9457 has it.</summary>
public sealed class ProblemAnswer(ProblemDetails problem, Action<IHeaderDictionary>? headers = null) : IActionResult
{
    public ProblemDetails Problem { get; } = problem;

    public Task ExecuteResultAsync(ActionContext context) => Write(context.HttpContext);

    public Task Write(HttpContext context) => Answer.Write(context, Problem, Problem.Status, "application/problem+json", headers);
}
