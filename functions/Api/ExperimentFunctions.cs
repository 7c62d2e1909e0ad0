using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Access;
using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

public sealed class ExperimentFunctions(Gate gate)
{
    [Function("ExperimentSubmit")]
    [Operation("Submit an experiment: it is checked, numbered and its runs are queued", Role = Role.Writer, Status = 202, Answer = typeof(Submitted),
        Body = typeof(ExperimentSpec),
        BodyTypes = ["application/json", "application/yaml", "text/yaml", "application/x-yaml"],
        Headers = [Submissions.HeaderDoc], Errors = [409, 413, 415])]
    public Task<IActionResult> Submit([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "experiments")] HttpRequest request) =>
        gate.Writer(request, async caller =>
    {
        var format = Submissions.FormatOf(request.ContentType);
        var body = await request.Text();
        var idempotency = Submissions.Idempotency(request, body.Sha256);
        var reading = SpecReader.Read(body.Text, format);
        return reading.Spec is { } spec
            ? Submissions.Answered(await caller.Workspace.Submission.Submit(spec, caller.Key.Name, idempotency, caller.Cancel))
            : Answer.Invalid("Invalid experiment", reading.Problems);
    });
}
