using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Runs;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class RunFunctions(Gate gate)
{
    private const int MaxReason = 500;

    [Function("RunList")]
    [Operation("List runs, newest first or in another order", Answer = typeof(RunList), Query = [
        nameof(QueryParameters.Project), nameof(QueryParameters.Experiment), nameof(QueryParameters.State), nameof(QueryParameters.Tag),
        nameof(QueryParameters.Where), nameof(QueryParameters.Order), nameof(QueryParameters.RunLimit), nameof(QueryParameters.After)])]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs")] HttpRequest request) =>
        gate.Reader(request, async caller =>
    {
        var after = QueryParameters.After.Of(request);
        if (after is not null && !RunLookup.IsId(after))
        {
            throw new RequestException(StatusCodes.Status400BadRequest, $"after={after}: expected the id of a run");
        }

        var page = await Page(caller, request, after);
        return page is not null
            ? Answer.Json(page)
            : throw new RequestException(
                StatusCodes.Status400BadRequest,
                $"after={after}: that run was deleted, so its place in this order is lost; begin with the first page");
    });

    /// <returns>The runs that a request describes; null: the one after which to go on is not there.</returns>
    internal static async Task<RunList?> Page(Caller caller, HttpRequest request, string? after)
    {
        var filter = new RunFilter(
            QueryParameters.Project.Of(request), QueryParameters.Experiment.Of(request), QueryParameters.State.Of(request),
            QueryParameters.Tag.Of(request));
        var (where, order, limit) = (QueryParameters.Where.Of(request), QueryParameters.Order.Of(request), QueryParameters.RunLimit.Of(request));
        if (await Read() is not { } page) return null;
        var (lost, unknown) = await caller.Workspace.Queue.FreeLost(page.Runs, caller.Cancel);
        if (lost) page = await Read();
        if (page is null || unknown.Count == 0) return page;
        var keys = unknown.Select(damage => damage.Key).ToHashSet(StringComparer.Ordinal);
        return page with
        {
            Runs = [.. page.Runs.Where(run => !keys.Contains(WorkspacePaths.Run(run.Id)))],
            Damaged = [.. (page.Damaged ?? []).Where(damage => !keys.Contains(damage.Key)), .. unknown],
        };

        Task<RunList?> Read() => caller.Workspace.Search.List(filter, where, order, limit, after, caller.Cancel);
    }

    [Function("RunGet")]
    [Operation("Everything that is true of a run", Answer = typeof(RunRecord), Errors = [404])]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "runs/{id}")] HttpRequest request, string id) =>
        gate.Reader(request, async caller => Answer.Json(await caller.Run(id)));

    [Function("RunCancel")]
    [Operation("Ask for a run's end; its code may checkpoint first", Role = Role.Writer, Status = 202, Answer = typeof(RunRecord),
        Query = [nameof(QueryParameters.Reason)], Errors = [404, 409])]
    public Task<IActionResult> Cancel([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "runs/{id}/cancel")] HttpRequest request,
        string id) => gate.Writer(request, async caller =>
    {
        var reason = QueryParameters.Reason.Of(request);
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
        Query = [nameof(QueryParameters.Other)], Errors = [404])]
    public Task<IActionResult> WhyNotReused([HttpTrigger(AuthorizationLevel.Anonymous, "get",
        Route = "runs/{id}/why-not-reused")] HttpRequest request, string id) => gate.Reader(request, async caller =>
    {
        var run = await caller.Run(id);
        return Answer.Json(
            await caller.Workspace.Reuse.Explain(
                run, QueryParameters.Other.Of(request) is { } other ? await caller.Run(other) : null, caller.Cancel));
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

    [Function("RunTagsChange")]
    [Operation("Add and remove tags of a run; what others add or remove at the same time stays so", Role = Role.Writer, Answer = typeof(RunRecord),
        Body = typeof(TagChange), Errors = [404, 413])]
    public Task<IActionResult> ChangeTags(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "runs/{id}/tags")] HttpRequest request, string id) =>
        gate.Writer(request, async caller =>
    {
        var run = await caller.Run(id);
        var asked = await request.Json<TagChange>();
        string[] add = [.. asked.Add ?? []], remove = [.. asked.Remove ?? []];
        if ((RunTags.Problem(add) ?? RunTags.Problem(remove) ?? RunTags.Problem([.. run.Tags.Union(add).Except(remove)])) is { } problem)
        {
            return Answer.Problem(StatusCodes.Status400BadRequest, problem);
        }

        var change = await caller.Workspace.Runs.Apply(run.Id, new RunEvent.ChangeTags(add, remove), caller.Cancel);
        return change.Run is { } tagged ? Answer.Json(tagged) : throw RunLookup.Missing(id);
    });

    [Function("RunDelete")]
    [Operation("Delete an ended run with everything that its attempts left; what it published stays", Role = Role.Writer, Status = 204,
        Query = [nameof(QueryParameters.Force)], Errors = [404, 409])]
    public Task<IActionResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "runs/{id}")] HttpRequest request, string id) =>
        gate.Writer(request, async caller =>
        Deletions.Answered(
            await caller.Workspace.Deletion.Delete((await caller.Run(id)).Id, QueryParameters.Force.Of(request), caller.Cancel), $"run {id}"));
}
