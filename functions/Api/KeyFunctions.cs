using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Storage;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <param name="tokens">At most one: where tokens are taken in place of keys.</param>
public sealed class KeyFunctions(Gate gate, ApiKeys keys, IEnumerable<EntraTokens> tokens)
{
    private const int MaxNameLength = 64;

    [Function("KeyList")]
    [Operation("The workspace's keys, without their secrets", Role = Role.Admin, Answer = typeof(KeyList))]
    public Task<IActionResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "keys")] HttpRequest request) =>
        gate.Admin(request, async caller =>
        {
            var (known, damaged) = await keys.List(caller.Key.Workspace, caller.Cancel);
            return Answer.Json(new KeyList(known, DamagedRecord.Listed(damaged)));
        });

    [Function("KeyCreate")]
    [Operation("Make a key, whose secret is in this answer only; or let somebody of the directory in", Role = Role.Admin, Status = 201,
        Answer = typeof(ApiKeyInfo), Body = typeof(NewKey), Errors = [409, 413])]
    public Task<IActionResult> Create([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "keys")] HttpRequest request) =>
        gate.Admin(request, async caller =>
    {
        var wanted = await request.Json<NewKey>();
        if (wanted.Name is not { Length: > 0 and <= MaxNameLength } name || name.Any(char.IsControl))
        {
            return Answer.Problem(StatusCodes.Status400BadRequest, $"name: expected 1 to {MaxNameLength} characters: whose key it is");
        }

        if (wanted.Person is { } id)
        {
            if (tokens.SingleOrDefault() is not { } directory)
            {
                return Answer.Problem(StatusCodes.Status400BadRequest,
                    $"person: no tokens are taken here; set {EntraOptions.TenantSetting} and {EntraOptions.ClientIdSetting}");
            }

            return await keys.Add(new EntraPrincipal(directory.Login.Tenant, id), name, wanted.Role, caller.Key.Workspace, caller.Cancel) is { } added
                ? Answer.Json(added, StatusCodes.Status201Created)
                : Answer.Problem(StatusCodes.Status409Conflict, $"{id} is let in already; to change what they may do, revoke that first");
        }

        return Answer.Json(await keys.Create(name, wanted.Role, caller.Key.Workspace, caller.Cancel), StatusCodes.Status201Created);
    });

    [Function("KeyRevoke")]
    [Operation("Revoke a key", Role = Role.Admin, Status = 204, Errors = [404, 409])]
    public Task<IActionResult> Revoke([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "keys/{id}")] HttpRequest request, string id) =>
        gate.Admin(request, async caller =>
        await keys.Revoke(caller.Key.Workspace, id, caller.Cancel) switch
        {
            RevokeOutcome.Revoked => Answer.NoContent,
            RevokeOutcome.Missing => Answer.NotFound($"there is no key {id}"),
            RevokeOutcome.LastAdmin => Answer.Problem(StatusCodes.Status409Conflict, "this is the last admin key; make another one first"),
        });
}
