using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Messaging;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class DeadLetterFunctions(Gate gate)
{
    [Function("DeadLetterList")]
    [Operation("Messages that nobody could deal with, with the reason, oldest first; admins also see those that name no workspace",
        Answer = typeof(DeadLetterList))]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "dead-letters")] HttpRequest request) =>
        gate.Reader(request, async caller => Answer.Json(await caller.Workspace.DeadLetters.List(caller.Key.Role == Role.Admin, caller.Cancel)));

    [Function("DeadLetterRequeue")]
    [Operation("Send a dead letter again, once its cause was mended", Role = Role.Admin, Status = 204, Errors = [404])]
    public Task<IActionResult> Requeue([HttpTrigger(
        AuthorizationLevel.Anonymous, "post", Route = "dead-letters/{queue}/{id}/requeue")] HttpRequest request, string queue, string id) =>
        gate.Admin(request, async caller => await caller.Workspace.DeadLetters.Requeue(Whole(queue), Whole(id), nobodys: true, caller.Cancel)
            ? Answer.NoContent
            : Answer.NotFound($"there is no dead letter {Whole(id)} in {Whole(queue)}"));

    // The one character that servers leave encoded in a segment; a subscription's queue has it.
    private static string Whole(string segment) => segment.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
