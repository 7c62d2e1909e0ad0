using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Logs;
using Serverless.Core.Runs;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class LogFunctions(Gate gate, ApiLimits limits, TimeProvider time)
{
    /// <summary>Where the answered part of the log begins, and the offset to ask for next; the latter is unknown while following.</summary>
    public const string OffsetHeader = "Log-Offset", NextOffsetHeader = "Log-Next-Offset";

    /// <summary>What of the log is missing, in words; absent when nothing is, and while following.</summary>
    public const string ProblemsHeader = "Log-Problems";

    private const string EventStream = "text/event-stream";

    private const int MostSearched = 1000;

    [Function("RunLogs")]
    [Operation("A run's log, as its code printed it", AnswerTypes = ["text/plain; charset=utf-8", EventStream], Errors = [404], Query = [
        nameof(QueryParameters.Offset), nameof(QueryParameters.Tail), nameof(QueryParameters.Follow), nameof(QueryParameters.Attempt)],
        Headers = ["Last-Event-ID: the last event's id, to resume after it"])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/logs")] HttpRequest request, string id) =>
        gate.Reader(request, async caller =>
    {
        var run = await caller.Run(id);
        var logs = caller.Workspace.Logs;
        var follow = QueryParameters.Follow.Of(request);
        var attempt = (int?)QueryParameters.Attempt.Find(request);
        if (attempt > run.Epoch) return Answer.NotFound($"run {id} has no attempt {attempt}");
        if (attempt is not null && follow)
        {
            return Answer.Problem(StatusCodes.Status400BadRequest, "only the newest attempt can be followed: leave out attempt or follow");
        }

        var asked = QueryParameters.Offset.Find(request);
        var tail = (int?)QueryParameters.Tail.Find(request);
        if (asked is not null && tail is not null)
        {
            return Answer.Problem(StatusCodes.Status400BadRequest, "offset and tail both say where to begin: leave out one of them");
        }

        if (!follow)
        {
            var extent = await logs.Measure(run, attempt, caller.Cancel);
            var from = await Begin(extent.Length);
            return Answer.Stream(context => WriteRange(context, logs, run, from, extent, attempt));
        }

        var offset = asked ?? 0;
        if (tail is not null || asked < 0) offset = await Begin((await logs.Measure(run, cancel: caller.Cancel)).Length);
        if (!request.GetTypedHeaders().Accept.Any(type => type.MediaType == EventStream))
        {
            return Answer.Stream(context => FollowText(context, caller, run.Id, new(0, offset)));
        }

        var position = request.Headers["Last-Event-ID"] is [{ Length: > 0 } last]
            ? LogPosition.Parse(last)
                ?? throw new RequestException(StatusCodes.Status400BadRequest, $"Last-Event-ID: {last} is not an id that this address gave")
            : new(0, offset);
        return Answer.Stream(async context =>
        {
            using var until = limits.FollowFor is { } longest ? new CancellationTokenSource(longest, time) : new CancellationTokenSource();
            await using var key = new KeyWatch(caller, limits.KeyCheck, time);
            try
            {
                await LogEventStream.Write(context, logs, run.Id, position, until.Token, key.Revoked);
            }
            catch (OperationCanceledException) when (until.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
            {
                // The answer ends here, whole; every event had an id to go on after.
            }
        });

        async Task<long> Begin(long length) => tail is { } lines ? await logs.TailOffset(run, length, lines, attempt, caller.Cancel)
            : asked < 0 ? Math.Max(0, length + asked.Value) : Math.Min(asked ?? 0, length);
    });

    [Function("RunLogsSearch")]
    [Operation("Lines of a run's log that have a text", Answer = typeof(LogMatches), Errors = [404], Query = [
        nameof(QueryParameters.SearchText), nameof(QueryParameters.SearchFrom), nameof(QueryParameters.MatchLimit)])]
    public Task<IActionResult> Search(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}/logs/search")] HttpRequest request, string id) =>
        gate.Reader(request, async caller =>
    {
        var text = QueryParameters.SearchText.Of(request)
            ?? throw new RequestException(StatusCodes.Status400BadRequest, "text: is missing; give what to search for");
        if (text.Length > MostSearched || text.Any(c => c is '\n' or '\r'))
        {
            return Answer.Problem(StatusCodes.Status400BadRequest, $"text: expected a part of a line, at most {MostSearched} characters");
        }

        return Answer.Json(await caller.Workspace.Logs.Search(
            await caller.Run(id), text, QueryParameters.SearchFrom.Find(request)!.Value, QueryParameters.MatchLimit.Of(request), caller.Cancel));
    });

    private static async Task WriteRange(HttpContext context, LogReader logs, RunRecord run, long from, LogExtent extent, int? attempt)
    {
        Describe(context.Response, from);
        context.Response.Headers[NextOffsetHeader] = extent.Length.ToString(CultureInfo.InvariantCulture);
        if (extent.Problems.Count > 0) context.Response.Headers[ProblemsHeader] = string.Join("; ", extent.Problems);
        await foreach (var bytes in logs.Read(run, from, extent.Length, attempt, context.RequestAborted)) await context.Response.Body.WriteAsync(
            bytes, context.RequestAborted);
    }

    private async Task FollowText(HttpContext context, Caller caller, string runId, LogPosition from)
    {
        Describe(context.Response, from.Offset);
        await context.Response.Body.FlushAsync(context.RequestAborted);
        await using var key = new KeyWatch(caller, limits.KeyCheck, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, key.Revoked);
        try
        {
            await foreach (var happened in caller.Workspace.Logs.Follow(runId, from, either.Token))
            {
                if (happened is not LogEvent.Text text) continue;
                await context.Response.Body.WriteAsync(text.Bytes, context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        }
        catch (OperationCanceledException) when (key.Revoked.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            // Text has no way to say more than that it is not whole.
            context.Abort();
        }
    }

    private static void Describe(HttpResponse response, long from)
    {
        response.ContentType = "text/plain; charset=utf-8";
        response.Headers[OffsetHeader] = from.ToString(CultureInfo.InvariantCulture);
        response.Headers.CacheControl = "no-store";
        ObjectAnswer.Guard(response);
    }
}
