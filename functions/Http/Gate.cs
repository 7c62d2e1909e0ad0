using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Platform;
using Serverless.Functions.Hosting;
using ProblemDetails = Serverless.Client.ProblemDetails;

namespace Serverless.Functions.Http;

/// <summary>Who asks, and the workspace that their key opens.</summary>
public sealed record Caller(ApiKeyInfo Key, Workspace Workspace, CancellationToken Cancel)
{
    /// <summary>Whether they would be let in again, for answers that go on for long.</summary>
    public required Func<CancellationToken, ValueTask<bool>> IsStillIn { get; init; }
}

/// <summary>The way into every function: the key decides the workspace and the role, and whatever goes wrong becomes problem details.</summary>
/// <param name="tokens">At most one: where tokens are taken in place of keys.</param>
/// <param name="ballasts">At most one: room for what makes room, where the platform has a disk of its own.</param>
public sealed class Gate(
    ApiKeys keys, WorkspaceDirectory workspaces, IEnumerable<EntraTokens> tokens, IEnumerable<Ballast> ballasts, ILogger<Gate> log)
{
    private const string Scheme = "Bearer ";
    private const int LongestKey = 512, LongestToken = 16 * 1024;

    private readonly EntraTokens? tokens = tokens.SingleOrDefault();
    private readonly Ballast? ballast = ballasts.SingleOrDefault();

    public Task<IActionResult> Reader(HttpRequest request, Func<Caller, Task<IActionResult>> act) => Enter(request, Role.Reader, act);

    public Task<IActionResult> Writer(HttpRequest request, Func<Caller, Task<IActionResult>> act) => Writer(request, conditional: false, act);

    /// <param name="conditional">The function looks at the request's <see cref="Preconditions"/>.</param>
    public Task<IActionResult> Writer(HttpRequest request, bool conditional, Func<Caller, Task<IActionResult>> act) =>
        Enter(request, Role.Writer, act, conditional);

    public Task<IActionResult> Admin(HttpRequest request, Func<Caller, Task<IActionResult>> act) => Enter(request, Role.Admin, act);

    private async Task<IActionResult> Enter(HttpRequest request, Role needed, Func<Caller, Task<IActionResult>> act, bool conditional = false)
    {
        var context = request.HttpContext;
        try
        {
            if (RawPath.Problem(context) is { } problem) return Answer.Problem(StatusCodes.Status400BadRequest, problem);
            if (Secret(request) is not { } secret) return Unauthorized("send your key as 'Authorization: Bearer <key>'");
            if (await Find(secret, context.RequestAborted) is not { } key)
            {
                return Unauthorized(
                    EntraTokens.IsToken(secret)
                        ? "the token is not one for this platform, or nobody let its owner in"
                        : "the key is unknown or was revoked");
            }

            if (key.Role < needed)
            {
                return Answer.Problem(StatusCodes.Status403Forbidden,
                    $"this needs the role {CoreJson.Name(needed)}; your key '{key.Name}' has the role {CoreJson.Name(key.Role)}");
            }

            if (Preconditions.Of(request).Any && !conditional && !HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
            {
                return Answer.Problem(
                    StatusCodes.Status400BadRequest, "If-Match and If-None-Match are for files; here nothing has an ETag. Leave them out");
            }

            var caller = new Caller(key, workspaces.Open(key.Workspace), context.RequestAborted)
            {
                IsStillIn = async cancel => await Find(secret, cancel) is { } now && now.Workspace == key.Workspace && now.Role >= needed,
            };
            return ballast is not null && MakesRoom(request) ? await ballast.Around(() => act(caller)) : await act(caller);
        }
        catch (Exception fault)
        {
            return Faults.Translate(fault, context, log);
        }
    }

    private async ValueTask<ApiKeyInfo?> Find(string secret, CancellationToken cancel)
    {
        if (!EntraTokens.IsToken(secret)) return secret.Length < LongestKey ? await keys.Find(secret, cancel) : null;
        return tokens is not null && await tokens.Validate(secret, cancel) is { } person ? await keys.Find(person, cancel) : null;
    }

    // Both may be done twice, and have no body that was read.
    private static bool MakesRoom(HttpRequest request) =>
        HttpMethods.IsDelete(request.Method)
            || (HttpMethods.IsPost(request.Method) && request.Path.Value is { } path && path.EndsWith("/cancel", StringComparison.Ordinal));

    private static string? Secret(HttpRequest request) =>
        request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && header.AsSpan(Scheme.Length).Trim() is { Length: > 0 and < LongestToken } secret
            ? secret.ToString()
            : null;

    private static ProblemAnswer Unauthorized(string detail) => new(
        new ProblemDetails(Answer.TitleOf(StatusCodes.Status401Unauthorized), StatusCodes.Status401Unauthorized, detail),
        headers => headers.WWWAuthenticate = "Bearer");
}
