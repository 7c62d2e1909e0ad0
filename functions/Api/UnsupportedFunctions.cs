using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>Addresses that are part of the API and not served by this version.</summary>
public sealed class UnsupportedFunctions(Gate gate)
{
    [Function("Sweeps")]
    [Operation("Experiments over a search space", Status = 501)]
    public Task<IActionResult> Sweeps([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "sweeps/{id}")] HttpRequest request) =>
        No(request, "sweeps");

    [Function("SweepCancel")]
    [Operation("Ask for a sweep's end", Status = 501)]
    public Task<IActionResult> CancelSweep([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "sweeps/{id}/cancel")] HttpRequest request) =>
        No(request, "sweeps");

    [Function("Notebooks")]
    [Operation("Notebooks on a machine", Status = 501)]
    public Task<IActionResult> Notebooks([HttpTrigger(
        AuthorizationLevel.Anonymous, "get", "post", "delete", Route = "notebooks/{id?}")] HttpRequest request) => No(request, "notebooks");

    [Function("GitHubWebhook")]
    [Operation("Events of a GitHub repository", Status = 501)]
    public Task<IActionResult> GitHub([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "github/webhook")] HttpRequest request) =>
        No(request, "GitHub webhooks");

    private Task<IActionResult> No(HttpRequest request, string what) =>
        gate.Reader(request, _ => Task.FromResult<IActionResult>(Answer.Problem(StatusCodes.Status501NotImplemented, $"this version has no {what}")));
}
