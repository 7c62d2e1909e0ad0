using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <param name="tokens">At most one: where tokens are taken in place of keys.</param>
public sealed class LoginFunctions(IEnumerable<EntraTokens> tokens)
{
    [Function("Login")]
    [Operation("How one comes in, besides with a key", Open = true, Answer = typeof(LoginWays))]
    public IActionResult Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "login")] HttpRequest request) =>
        Answer.Json(new LoginWays(tokens.SingleOrDefault()?.Login));
}
