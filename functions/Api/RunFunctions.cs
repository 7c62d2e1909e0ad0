using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Runs;
using Serverless.Core.Submit;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class RunFunctions(Gate gate)
{
    private const int MaxReason = 500;

    [Function("RunList")]
    [Operation("List runs, newest first", Answer = typeof(RunList), Query = [
        "project: only of this project", "experiment: only of this experiment", "state: only in one of these states, separated by commas",
        "tag: only with this tag",
        "limit: at most so many, 1 to 1000, default 100", "after: the answer's 'next', for the next page"])]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var filter = new RunFilter(
            request.Query("project"), request.Query("experiment"), request.QueryEnums<RunState>("state"), request.Query("tag"));
        var after = request.Query("after");
        if (after is not null && !RunLookup.IsId(after))
        {
            throw new RequestException(StatusCodes.Status400BadRequest, $"after={after}: expected the id of a run");
        }

        return Answer.Json(await caller.Workspace.Index.List(filter, (int)(request.QueryNumber("limit", 1, 1000) ?? 100), after, caller.Cancel));
    });

    [Function("RunGet")]
    [Operation("Everything that is true of a run", Answer = typeof(RunRecord), Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}")] HttpRequest request, string id) =>
        gate.Reader(request, async caller => Answer.Json(await caller.Run(id)));

    [Function("RunCancel")]
    [Operation("Ask for a run's end; its code may checkpoint first", Role = Role.Writer, Status = 202, Answer = typeof(RunRecord),
        Query = ["reason: shown with the run"], Errors = [404, 409])]
    public Task<IActionResult> Cancel([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "runs/{id}/cancel")] HttpRequest request,
        string id) => gate.Writer(request, async caller =>
    {
        var reason = request.Query("reason");
        if (reason is not null && (reason.Length > MaxReason || reason.Any(char.IsControl)))
        {
            return Answer.Problem(StatusCodes.Status400BadRequest, $"reason: expected one line of at most {MaxReason} characters");
        }

        var run = await caller.Run(id);
        var change = await caller.Workspace.Queue.Apply(run.Id, new RunEvent.RequestCancel(caller.Key.Name, reason), caller.Cancel);
        return change switch
        {
            { Run: null } => throw RunLookup.Missing(id),
            { Decision: Decision.Unchanged { Why: var why }, Run: { State.IsTerminal: true, State: not RunState.Cancelled } } =>
                Answer.Problem(StatusCodes.Status409Conflict, why),
            _ => Answer.Accepted(change.Run),
        };
    });

    [Function("RunRerun")]
    [Operation("Run the same again, computing it anew", Role = Role.Writer, Status = 202, Answer = typeof(Submitted),
        Headers = [Submissions.HeaderDoc], Errors = [400, 404, 409])]
    public Task<IActionResult> Rerun([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "runs/{id}/rerun")] HttpRequest request, string id) =>
        gate.Writer(request, async caller =>
    {
        if (!RunLookup.IsId(id)) throw RunLookup.Missing(id);
        var result = await caller.Workspace.Submission.Rerun(
            id, caller.Key.Name, Submissions.Idempotency(request, Submissions.NoBody), caller.Cancel);
        return result is null ? throw RunLookup.Missing(id) : Submissions.Answered(result);
    });

    [Function("RunWhyNotReused")]
    [Operation("Why a run was computed although there were earlier ones: what differs in the run key", Answer = typeof(ReuseExplanation),
        Query = ["other: the run to compare with; left out, the nearest earlier one of the same experiment"], Errors = [404])]
    public Task<IActionResult> WhyNotReused([HttpTrigger(AuthorizationLevel.Anonymous, "get",
        Route = "runs/{id}/why-not-reused")] HttpRequest request, string id) => gate.Reader(request, async caller =>
    {
        var run = await caller.Run(id);
        return Answer.Json(
            await caller.Workspace.Reuse.Explain(run, request.Query("other") is { } other ? await caller.Run(other) : null, caller.Cancel));
    });

    [Function("RunTags")]
    [Operation("Replace a run's tags", Role = Role.Writer, Answer = typeof(RunRecord), Body = typeof(string[]), Errors = [404, 413])]
    public Task<IActionResult> Tag([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "runs/{id}/tags")] HttpRequest request, string id) =>
        gate.Writer(request, async caller =>
    {
        var run = await caller.Run(id);
        var tags = await request.Json<string[]>();
        if (RunTags.Problem(tags) is { } problem) return Answer.Problem(StatusCodes.Status400BadRequest, problem);
        var change = await caller.Workspace.Runs.Apply(run.Id, new RunEvent.SetTags(tags), caller.Cancel);
        return change.Run is { } tagged ? Answer.Json(tagged) : throw RunLookup.Missing(id);
    });

    [Function("RunDelete")]
    [Operation("Delete an ended run with everything that its attempts left; what it published stays", Role = Role.Writer, Status = 204,
        Query = [Deletions.ForceDoc], Errors = [404, 409])]
    public Task<IActionResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "runs/{id}")] HttpRequest request, string id) =>
        gate.Writer(request, async caller =>
        Deletions.Answered(
            await caller.Workspace.Deletion.Delete((await caller.Run(id)).Id, request.QueryFlag(Deletions.Force), caller.Cancel), $"run {id}"));
}
