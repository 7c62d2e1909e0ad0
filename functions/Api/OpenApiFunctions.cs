using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class OpenApiFunctions
{
    private static readonly Lazy<System.Text.Json.Nodes.JsonObject> Document = new(ApiDocument.Make);

    [Function("OpenApi")]
    [Operation("This description, OpenAPI 3.1", Open = true, AnswerTypes = ["application/json"])]
    public IActionResult Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "openapi.json")] HttpRequest request) =>
        Answer.Json(Document.Value);
}
