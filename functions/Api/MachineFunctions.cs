using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Workers;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class MachineFunctions(Gate gate)
{
    [Function("Machines")]
    [Operation("Machine classes with their queues, and the workers that live", Answer = typeof(MachineList))]
    public Task<IActionResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "machines")] HttpRequest request) =>
        gate.Reader(request, async caller => Answer.Json(await caller.Workspace.Machines.List(caller.Cancel)));
}
