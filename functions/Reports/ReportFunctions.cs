using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Reports;
using Serverless.Core.Workspaces;
using Serverless.Functions.Api;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;
using ProblemDetails = Serverless.Client.ProblemDetails;

namespace Serverless.Functions.Reports;

/// <summary>What several runs amount to, written down.</summary>
public sealed class ReportFunctions(Gate gate, IChartDrawing drawing, IIds ids)
{
    private const string MarkdownType = "text/markdown; charset=utf-8";

    [Function("ReportCreate")]
    [Operation("Make a report of runs as they are now: a table, curves, plots", Role = Role.Writer, Status = 201, Answer = typeof(ReportInfo),
        Body = typeof(ReportRequest), Errors = [413])]
    public Task<IActionResult> Create([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "reports")] HttpRequest request) =>
        gate.Writer(request, async caller =>
        await Reports(caller).Make(await request.Json<ReportRequest>(), caller.Cancel) switch
        {
            ReportResult.Made { Report: var report } =>
                Answer.Json(report, headers => headers.Location = $"/api/reports/{report.Id}", StatusCodes.Status201Created),
            ReportResult.Invalid { Problems: var problems } => new ProblemAnswer(new ProblemDetails(
                Answer.TitleOf(StatusCodes.Status400BadRequest), StatusCodes.Status400BadRequest, $"{problems[0].Path}: {problems[0].Message}",
                problems)),
            var other => throw new InvalidOperationException($"{other} is no answer"),
        });

    [Function("ReportList")]
    [Operation("Reports, newest first", Answer = typeof(ReportList),
        Query = [nameof(QueryParameters.ReportLimit), nameof(QueryParameters.AfterReport)])]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "reports")] HttpRequest request) =>
        gate.Reader(request, async caller =>
        Answer.Json(
            await Reports(caller).List(QueryParameters.ReportLimit.Of(request), QueryParameters.AfterReport.Of(request), caller.Cancel)));

    [Function("Report")]
    [Operation("A report: HTML, or by the Accept header text/markdown or application/json (its title, runs and files)", Answer = typeof(ReportInfo),
        AnswerTypes = ["text/html", MarkdownType, "application/json"], Also = [206, 304], Errors = [404, 412, 416])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "reports/{id}")] HttpRequest request,
        string id) => gate.Reader(request, async caller =>
        Preferred(request) is { } file ? await File(request, caller, id, file, isNegotiated: true) : Answer.Json(await Find(caller, id)));

    [Function("ReportFile")]
    [Operation("One file of a report", AnswerTypes = [OperationAttribute.Any], Also = [206, 304], Errors = [404, 412, 416])]
    public Task<IActionResult> GetFile(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "reports/{id}/{file}")] HttpRequest request, string id, string file) =>
        gate.Reader(request, caller => File(request, caller, id, file));

    /// <param name="isNegotiated">It is named as it was asked for; a file of its own is text that browsers show.</param>
    private static async Task<IActionResult> File(HttpRequest request, Caller caller, string id, string file, bool isNegotiated = false)
    {
        var missing = $"report {id} has no file {file}";
        if (!(await Find(caller, id)).Files.Contains(file, StringComparer.Ordinal)) return Answer.NotFound(missing);
        var answer = await ObjectAnswer.Of(request, caller.Workspace.Store, WorkspacePaths.Report(id, file), missing);
        return file switch
        {
            ReportStore.Html =>
                new Described(answer, response => response.Headers.ContentSecurityPolicy = $"sandbox; {HtmlReport.ContentSecurityPolicy}"),
            ReportStore.Markdown when isNegotiated =>
                new Described(answer, response => response.ContentType = response.StatusCode < 300 ? MarkdownType : response.ContentType),
            _ => answer,
        };
    }

    private static async Task<ReportInfo> Find(Caller caller, string id) =>
        RunLookup.IsId(id) && await ReportStore.Find(caller.Workspace.Store, id, caller.Cancel) is { } report
            ? report
            : throw new RequestException(StatusCodes.Status404NotFound, $"there is no report {id}");

    /// <summary>The file that the client likes best; null: neither, it wants JSON.</summary>
    private static string? Preferred(HttpRequest request) =>
        request.GetTypedHeaders().Accept.OrderByDescending(type => type.Quality ?? 1).Select(type => type.MediaType.Value)
            .FirstOrDefault(type => type is "text/html" or "text/markdown" or "application/json") switch
        {
            "text/markdown" => ReportStore.Markdown,
            "application/json" => null,
            _ => ReportStore.Html,
        };

    private ReportStore Reports(Caller caller) => new(caller.Workspace.Store, drawing, ids);

    /// <summary>A report's page is the platform's own and may have its styles and plots; scripts it has none.</summary>
    private sealed class Described(IActionResult inner, Action<HttpResponse> describe) : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context)
        {
            var response = context.HttpContext.Response;
            response.OnStarting(() =>
            {
                describe(response);
                return Task.CompletedTask;
            });
            return inner.ExecuteResultAsync(context);
        }
    }
}
